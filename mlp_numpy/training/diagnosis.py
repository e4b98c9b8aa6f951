"""Where a NaN or an infinity comes from: the first place that shows one, on the way through a model and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.modules import LossModule, Module, Residual, Sequential


@dataclass(frozen=True)
class Failure:
    """A step that could not be made: what is needed to see it again.

    step      the update that it would have been, counted from 1
    problem   what must hold and does not
    place     where it shows first, or None if all numbers are finite
    loss      of the batch
    state     the model's state before the step
    x, y      the batch
    """

    step: int
    problem: str
    place: str | None
    loss: float
    state: Mapping[str, Array]
    x: Array
    y: Array


# The overflows on the way are what is looked for; NumPy's warnings beside them would only puzzle.
@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def first_nonfinite(model: Module, loss: LossModule, x: Array, y: Array) -> str | None:
    """The first place that is not finite when a batch goes forward through ``model`` and ``loss``, and back.

    The data, a parameter, a layer's output, the loss, what the loss hands back, a gradient, with the first bad element;
    None if all are finite.
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
    if not np.isfinite(loss.forward(x, y)):
        return "the loss"
    dout = loss.backward()
    bad = _bad("what the loss hands back", dout)
    for place, module in reversed(passed):
        if bad:
            return bad
        dx = module.backward(dout)
        for key, parameter in module.named_parameters():
            bad = bad or _bad(f"the {key} gradient of {place}", parameter.grad)
        if dx is None:
            return bad
        dout = dx
        bad = bad or _bad(f"what {place} hands back", dout)
    return bad


def steps(model: Module, prefix: str = "") -> Iterator[tuple[str, Module]]:
    """The modules that a batch goes through one by one, with dotted names; only a Sequential is taken apart.

    A Residual stays whole: its modules in a row are not what it computes.
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
