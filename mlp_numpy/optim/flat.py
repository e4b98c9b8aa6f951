"""Flat vectors of all parameters and all gradients of a model, with the model's arrays as views."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array, Parameter
from mlp_numpy.checks import choice, float_dtype, shown, whole_number
from mlp_numpy.errors import DTypeError, OptionError, ShapeError, UnknownNameError, unknown_name
from mlp_numpy.modules.parameters import viewed_as
from mlp_numpy.optim.blocks import Stretch
from mlp_numpy.optim.groups import Factors, ParameterGroup, factors_of

DecayScope: TypeAlias = Literal["all", "weights"]
"""The arrays that a weight decay or a penalty applies to; "weights" are those of two or more dimensions, which excludes
biases and a normalization's gamma and beta."""


class HasParameters(Protocol):
    """Anything with parameters: a module, or a tape network."""

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Its parameters with their dotted names."""


class FlatParameters:
    """``values`` and ``grads``: two vectors; all parameters of ``model`` and their gradients become views of them.

    An optimizer needs no more than these two; norms, clipping and copies are one line each. The values do not change.
    The order is fixed: layers in forward order, arrays of a layer in the order of its ``params``, every array in its
    own memory order (a LinearModule's weight column-major).

    model    a module, whose ``params[…]`` and ``grads[…]`` become the views, or a ``mlp_numpy.autodiff.Module``, whose
             parameters' ``value`` and ``grad`` do
    groups   arrays with a learning rate and a weight decay of their own, in every optimizer on these parameters

    A second FlatParameters of the same model takes over its arrays: an optimizer on the first then has no effect. When
    it is copied or pickled together with its model, as in ``copy.deepcopy((model, optimizer))``, the copies stay
    linked.

    ``slices`` and ``shapes`` give the slice and the shape of each array by dotted name.

    Raises OptionError if the model has no parameters, and for an array in two groups, DTypeError if they have different
    dtypes, UnknownNameError for a group of an array that does not exist.
    """

    def __init__(self, model: HasParameters, groups: Sequence[ParameterGroup] = ()) -> None:
        _check_model("FlatParameters", model)
        found = dict(model.named_parameters())
        if not found:
            raise OptionError(f"FlatParameters: the model must have parameters, got {model!r}.")
        dtypes: set[np.dtype[Any]] = {array.value.dtype for array in found.values()}
        if len(dtypes) > 1:
            raise DTypeError(f"FlatParameters: all parameters must have one dtype, got {sorted(map(str, dtypes))}.")
        dtype = float_dtype("FlatParameters", dtypes.pop())
        self.slices: dict[str, slice] = {}
        self.shapes: dict[str, tuple[int, ...]] = {name: array.value.shape for name, array in found.items()}
        self._factors = factors_of("FlatParameters", groups, found)
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
        # The link to the model is pickled as the arrays that both share, and restored on loading, except for a model
        # that other vectors have taken over.
        linked = all(np.may_share_memory(self._arrays[name].value, self.values) for name in self.slices)
        return vars(self) | {"linked": linked}

    def __setstate__(self, state: dict[str, Any]) -> None:
        linked = state.pop("linked")
        self._factors = {}  # of vectors pickled before there were groups
        vars(self).update(state)
        for name in ("values", "grads"):  # joblib's loader maps them from the file, which an optimizer cannot write
            array = state[name]
            if type(array) is not np.ndarray or not array.flags.writeable:
                setattr(self, name, np.array(array))
        if linked:
            self._hold()

    def __len__(self) -> int:
        return self.values.size

    def __repr__(self) -> str:
        return f"FlatParameters({len(self):,} × {self.values.dtype} in {len(self.slices)} arrays)"

    def grad_norm(self) -> float:
        """The Euclidean norm of the whole gradient, without overflow or underflow of its square."""
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

        Raises OptionError for another name, or if there are no weights.
        """
        if choice(f"{self!r}.parts", "over", over, get_args(DecayScope)) == "all":
            return [slice(0, len(self))]
        weights = [part for name, part in self.slices.items() if len(self.shapes[name]) > 1]
        if not weights:
            raise OptionError(f"{self!r}.parts: there must be arrays of two or more dimensions, got {self.shapes}.")
        return weights

    def factors(self, name: str) -> Factors:
        """The factors on learning rate and weight decay of the array ``name``; 1 and 1 outside of the groups.

        Raises UnknownNameError for a name that does not exist.
        """
        if not isinstance(name, str) or name not in self.slices:
            known = unknown_name("array", name if isinstance(name, str) else shown(name), self.slices)
            raise UnknownNameError(f"{self!r}.factors: {known}")
        return self._factors.get(name, Factors())

    @property
    def stretches(self) -> list[Stretch]:
        """The slices of equal factors, in order; empty without groups."""
        found: list[Stretch] = []
        for name, where in self.slices.items() if self._factors else ():
            if found and found[-1][1:] == self.factors(name):
                where = slice(found.pop().where.start, where.stop)
            found.append(Stretch(where, *self.factors(name)))
        return found

    def view(self, name: str, part: Array) -> Array:
        """A view of ``part``, a vector with one value per element of the array ``name``, in that array's shape and
        memory order: of a part of ``grads`` it is the array's gradient.

        Raises UnknownNameError for a name that does not exist, ShapeError for a vector of another length.
        """
        if not isinstance(name, str) or name not in self.slices:
            known = unknown_name("array", name if isinstance(name, str) else shown(name), self.slices)
            raise UnknownNameError(f"{self!r}.view: {known}")
        array = self._arrays[name].value
        if np.shape(part) != (array.size,):
            raise ShapeError(f"{self!r}.view: part must be a vector of {array.size}, got {shown(part)}.")
        return viewed_as(array, part)

    def name_of(self, position: int) -> str:
        """The dotted name of the array that holds element ``position`` of the vectors.

        Raises OptionError for a position out of range.
        """
        position = whole_number(f"{self!r}.name_of", "position", position, least=0, most=len(self) - 1)
        return next(name for name, part in self.slices.items() if part.start <= position < part.stop)


def flat_parameters(who: str, parameters: Any) -> FlatParameters:
    """Return ``parameters``; raises OptionError if they are not FlatParameters."""
    if not isinstance(parameters, FlatParameters):
        kind = type(parameters).__name__
        raise OptionError(f"{who}: parameters must be FlatParameters, got {kind}. Hint: FlatParameters(model).")
    return parameters


def n_parameters(model: HasParameters) -> int:
    """The number of parameters of a model. Raises OptionError for anything else."""
    _check_model("n_parameters", model)
    return sum(array.value.size for _, array in model.named_parameters())


def _check_model(who: str, model: Any) -> None:
    if isinstance(model, type) or not callable(getattr(model, "named_parameters", None)):
        raise OptionError(f"{who}: model must be a module or a tape network, got {shown(model)}.")
