"""Where a NaN or an infinity comes from: the first place that shows one, on the way through a model and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from mlp_numpy.arrays import Array, Parameter, all_finite
from mlp_numpy.errors import NonFiniteError
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


def failure_at(
    step: int, what: str, bound: object, model: Module, loss: LossModule, batch: tuple[Array, Array], value: float
) -> Failure:
    """Find out where a batch goes wrong in the model as it is, and keep what is needed to see it again.

    what, value   what should be finite or, where all numbers are, should not exceed ``bound``; the batch's loss
    """
    x, y = batch
    state, place = model.state(), first_nonfinite(model, loss, x, y)
    problem = f"{what} must be finite, got NaN or infinity"
    if place is None:
        problem = f"{what} must not exceed {bound}, got {value:g}"
    return Failure(step, problem, place, value, state, x.copy(), y.copy())


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


def diverged(problem: str, step: int, place: str | None, kept: int, *, in_data: bool) -> NonFiniteError:
    """The error for a training that cannot go on at ``step``, and has the weights of step ``kept`` now."""
    hint = "look at the data" if in_data else "a smaller learning rate, or another preprocessing or initialization"
    return NonFiniteError(
        f"Trainer.run: {problem} at step {step}{f', first in {place}' if place else ''}. "
        f"The weights are those after step {kept}. Hint: {hint}."
    )


def held_out_place(images: Array) -> tuple[str, bool]:
    """Where a held-out loss that is not finite comes from, in words, and whether that is the data."""
    in_data = images.dtype.kind == "f" and not all_finite(images)
    return "the data held out" if in_data else "the held-out part", in_data


def last_gradient(model: Module) -> Parameter:
    """The parameter of the first layer that learns whose gradient is the smallest array.

    It is computed last, from what has come through every layer behind it, and a NaN or an infinity on that way stays
    one. So these few numbers tell what would cost a pass over all gradients, 4 % of a step of a large net.
    """
    found = list(model.named_parameters())
    first_layer = found[0][0].rpartition(".")[0]
    return min(
        (array for name, array in found if name.rpartition(".")[0] == first_layer), key=lambda array: array.value.size
    )


def _bad(what: str, array: Array) -> str | None:
    if all_finite(array):
        return None
    place = np.unravel_index(int(np.argmin(np.isfinite(array))), array.shape)
    return f"{what} at [{', '.join(map(str, place))}], {array[place]}"
