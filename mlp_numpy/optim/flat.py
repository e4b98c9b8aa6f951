"""All parameters of a model in one vector, all gradients in another, and the model's arrays as views of both."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, Parameter
from mlp_numpy.checks import choice, float_dtype, shown, whole_number
from mlp_numpy.errors import DTypeError, OptionError

DecayScope: TypeAlias = Literal["all", "weights"]
"""Which arrays a weight decay or a penalty is over; "weights" are those of two or more dimensions, and so not the
biases of a layer, nor a normalization's gamma and beta."""


class HasParameters(Protocol):
    """What has parameters: a module, or a network of nodes."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Its learned arrays with their dotted names."""


class FlatParameters:
    """``values`` and ``grads``: two vectors, of which every learned array of ``model`` and its gradient become views.

    An optimizer needs no more than these two; a norm, a clipping, "remember the best" are one line each. The numbers
    themselves do not change. An array keeps its place in the vector: layers in forward order, in each its arrays in
    the order of its ``params``, every array in its own memory order (a LinearModule's weight column after column).

    model    a module, whose ``params[…]`` and ``grads[…]`` become the views, or a ``mlp_numpy.autodiff.Module``, whose
             parameters' ``value`` and ``grad`` do

    A second FlatParameters of the same model takes the arrays over: an optimizer on the first then moves nothing.
    Copied or pickled together with its model, as ``copy.deepcopy((model, optimizer))`` does, the copy's vectors hold
    the arrays of the copied model.

    ``slices`` tells which part of the vectors is which array, ``shapes`` what the array looks like: both by dotted
    name.

    Raises OptionError if the model has nothing to learn, DTypeError if its arrays are of different kinds.
    """

    def __init__(self, model: HasParameters) -> None:
        _check_model("FlatParameters", model)
        found = dict(model.named_parameters())
        if not found:
            raise OptionError(f"FlatParameters: the model must have parameters, got {model!r}.")
        dtypes: set[np.dtype[Any]] = {array.value.dtype for array in found.values()}
        if len(dtypes) > 1:
            raise DTypeError(f"FlatParameters: all parameters must be of one kind, got {sorted(map(str, dtypes))}.")
        dtype = float_dtype("FlatParameters", dtypes.pop())
        self.slices: dict[str, slice] = {}
        self.shapes: dict[str, tuple[int, ...]] = {name: array.value.shape for name, array in found.items()}
        start = 0
        for name, array in found.items():
            self.slices[name] = slice(start, start + array.value.size)
            start += array.value.size
        self.values: Array = np.empty(start, dtype)
        self.grads: Array = np.empty(start, dtype)
        self._arrays = found
        self._hold()

    def _hold(self) -> None:
        """Make the model's arrays views of the vectors."""
        for name, part in self.slices.items():
            self._arrays[name].move(self.values[part], self.grads[part])

    def __getstate__(self) -> dict[str, Any]:
        # The link to the model goes along as the arrays that both know, and is made again on the other side; nothing
        # but a model that other vectors have taken over is copied without it.
        linked = all(np.may_share_memory(self._arrays[name].value, self.values) for name in self.slices)
        return vars(self) | {"linked": linked}

    def __setstate__(self, state: dict[str, Any]) -> None:
        linked = state.pop("linked")
        vars(self).update(state)
        if linked:
            self._hold()

    def __len__(self) -> int:
        return self.values.size

    def __repr__(self) -> str:
        return f"FlatParameters({len(self):,} × {self.values.dtype} in {len(self.slices)} arrays)"

    def grad_norm(self) -> float:
        """The Euclidean length of the whole gradient, also where its square is too large or too small a number."""
        with np.errstate(over="ignore", under="ignore"):
            square = float(np.dot(self.grads, self.grads))
        limits = np.finfo(self.grads.dtype)
        if limits.tiny / limits.eps < square < math.inf:
            return math.sqrt(square)
        largest = max(float(self.grads.max()), -float(self.grads.min()))
        if largest == 0 or not math.isfinite(largest):
            return largest
        scaled = self.grads.astype(np.float64) / largest  # ‖g‖ = c ‖g/c‖
        return largest * math.sqrt(float(np.dot(scaled, scaled)))

    def parts(self, over: DecayScope) -> list[slice]:
        """The parts of the vectors that hold "all" arrays, or the "weights": those of two or more dimensions.

        Raises OptionError for another word, or where there are no weights.
        """
        if choice(f"{self!r}.parts", "over", over, get_args(DecayScope)) == "all":
            return [slice(0, len(self))]
        weights = [part for name, part in self.slices.items() if len(self.shapes[name]) > 1]
        if not weights:
            raise OptionError(f"{self!r}.parts: there must be arrays of two or more dimensions, got {self.shapes}.")
        return weights

    def name_of(self, position: int) -> str:
        """The dotted name of the array that holds element ``position`` of the vectors.

        Raises OptionError for a position that they do not have.
        """
        position = whole_number(f"{self!r}.name_of", "position", position, least=0, most=len(self) - 1)
        return next(name for name, part in self.slices.items() if part.start <= position < part.stop)


def flat_parameters(who: str, parameters: Any) -> FlatParameters:
    """``parameters`` themselves; raises OptionError if they are not FlatParameters."""
    if not isinstance(parameters, FlatParameters):
        kind = type(parameters).__name__
        raise OptionError(f"{who}: parameters must be FlatParameters, got {kind}. Hint: FlatParameters(model).")
    return parameters


def n_parameters(model: HasParameters) -> int:
    """How many numbers a model learns. Raises OptionError for what is no model."""
    _check_model("n_parameters", model)
    return sum(array.value.size for _, array in model.named_parameters())


def _check_model(who: str, model: Any) -> None:
    if isinstance(model, type) or not callable(getattr(model, "named_parameters", None)):
        raise OptionError(f"{who}: model must be a module or a network of nodes, got {shown(model)}.")
