"""Diagnosis of non-finite values: the first place where one appears in a forward and backward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.modules import LossModule, Module, Residual, Sequential


@dataclass(frozen=True)
class Failure:
    """A failed step, with everything needed to replay it.

    step      number of the update that failed, counted from 1
    problem   the violated condition
    place     the first non-finite value, or None if all values are finite
    loss      loss of the batch
    state     the model's state before the step
    x, y      the batch
    weight    the weights of its examples, if there are any
    """

    step: int
    problem: str
    place: str | None
    loss: float
    state: Mapping[str, Array]
    x: Array
    y: Array
    weight: Array | None = None


# The overflows are what is being diagnosed: silence NumPy's own warnings about them.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def first_nonfinite(model: Module, loss: LossModule, x: Array, y: Array, weight: Array | None = None) -> str | None:
    """The first non-finite value in a forward and backward pass of a batch through ``model`` and ``loss``.

    It may be in the data, a parameter, a layer's output, the loss or a gradient; the description gives the index and
    value of its first bad element. None if all are finite.
    """
    bad = _bad("the data", x)
    if bad is not None:
        return bad
    passed: list[tuple[str, Module]] = []
    for name, module in steps(model):
        place = " ".join(filter(None, ["layer", name, repr(module)]))
        for key, parameter in module.named_parameters():
            bad = bad or _bad(f"the {key} of {place}", parameter.value)
        x = x if bad else module.forward(x)
        bad = bad or _bad(f"the output of {place}", x)
        if bad:
            return bad
        passed.append((place, module))
    if not np.isfinite(loss.forward(x, y, weight)):
        return "the loss"
    dout = loss.backward()
    bad = _bad("the gradient that the loss returns", dout)
    for place, module in reversed(passed):
        if bad:
            return bad
        dx = module.backward(dout)
        for key, parameter in module.named_parameters():
            bad = bad or _bad(f"the {key} gradient of {place}", parameter.grad)
        if dx is None:
            return bad
        dout = dx
        bad = bad or _bad(f"the gradient that {place} returns", dout)
    return bad


def steps(model: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    """The modules that a batch passes through in order, with dotted names; only a Sequential is expanded.

    A Residual is not: it computes something other than its modules in a row.
    """
    if not isinstance(model, Sequential) or isinstance(model, Residual):
        yield prefix.rstrip("."), model
        return
    for name, child in model.children().items():
        yield from steps(child, f"{prefix}{name}.")


def _bad(what: str, array: Array) -> str | None:
    if all_finite(array):
        return None
    place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
    return f"{what} at [{', '.join(map(str, place))}], {array[place]}"
