"""Named arrays with fixed storage: the ``params`` and ``grads`` of a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, ValuesView
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import numbers, shown
from mlp_numpy.errors import DTypeError, OptionError, ShapeError, UnknownNameError


class NamedArrays(MutableMapping[str, Array]):
    """A dict of arrays in which assignment copies into the existing array.

    So an array may be a view of a longer vector and remains one after assignments. Names are fixed at construction.
    Reading returns the array itself, which may be modified in place. A scalar fills the array: ``grads["weight"] = 0``
    sets all of it to 0.

    A copy, or a pickle, has arrays of its own in the same memory order.

    Raises
    ------
    UnknownNameError   for a name that does not exist
    ShapeError         when the assigned value has another shape
    DTypeError         when it is not numeric, or not representable in the array's dtype
    OptionError        when a name is deleted
    """

    def __init__(self, owner: str, arrays: Mapping[str, Array]) -> None:
        if not isinstance(arrays, Mapping):
            raise OptionError(f"NamedArrays: arrays must be a mapping of names to arrays, got {shown(arrays)}.")
        self._owner = owner
        self._arrays = {name: numbers(f"NamedArrays({owner!r})", str(name), array) for name, array in arrays.items()}

    def __getitem__(self, name: str) -> Array:
        try:
            return self._arrays[name]
        except (KeyError, TypeError):
            self._check_name(name)  # raises the error that says which names there are
            raise

    def __setitem__(self, name: str, value: Any) -> None:
        array, new = self[name], numbers(self._owner, repr(name), value)
        self._check(name, array, new, one_fills=True)
        array[...] = new

    def _check_name(self, name: str) -> None:
        if not isinstance(name, str) or name not in self._arrays:
            raise UnknownNameError(f"{self._owner}: no array is named {name!r}; there are {list(self._arrays)}.")

    def _check(self, name: str, array: Array, new: Array, *, one_fills: bool = False) -> None:
        if new.shape != array.shape and not (one_fills and new.ndim == 0):
            raise ShapeError(f"{self._owner}: {name} must be {array.shape}, got {new.shape}.")
        if not _fits(new, array.dtype):
            raise DTypeError(f"{self._owner}: {name} must be numbers that {array.dtype} can hold, got {new.dtype}.")

    def __delitem__(self, name: str) -> None:
        raise OptionError(f"{self._owner}: the array {name!r} is part of the module and cannot be deleted.")

    def __contains__(self, name: object) -> bool:
        return name in self._arrays

    def __getstate__(self) -> dict[str, Any]:
        # Pickling converts other layouts to row-major, so an array is transposed to its memory order first.
        axes = {name: _by_stride(array) for name, array in self._arrays.items()}
        ordered = {name: (axes[name], array.transpose(axes[name])) for name, array in self._arrays.items()}
        return vars(self) | {"_arrays": ordered}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._arrays = {name: array.transpose(np.argsort(axes)) for name, (axes, array) in state["_arrays"].items()}

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def values(self) -> ValuesView[Array]:
        """The arrays in order; a dict's own view, which a forward reads five times as fast as that of a Mapping."""
        return self._arrays.values()

    def __repr__(self) -> str:
        return repr(dict(self))

    def assign(self, values: Mapping[str, Any]) -> None:
        """Write all arrays from a mapping with exactly these names; nothing is written in case of an error."""
        for name, new in self.checked(values).items():
            self[name][...] = new

    def checked(self, values: Mapping[str, Any]) -> dict[str, Array]:
        """The arrays that ``assign`` would write; raises the same errors."""
        if not isinstance(values, Mapping) or set(values) != set(self._arrays):
            got = sorted(map(str, values)) if isinstance(values, Mapping) else type(values).__name__
            raise UnknownNameError(f"{self._owner}: must have the names {sorted(self._arrays)}, got {got}.")
        arrays = {name: numbers(self._owner, repr(name), values[name]) for name in self._arrays}
        for name, new in arrays.items():
            self._check(name, self[name], new)
        return arrays

    def copy(self) -> dict[str, Array]:
        """A plain dict of the same arrays."""
        return dict(self)

    def move(self, name: str, storage: Array) -> None:
        """Move the array ``name`` into ``storage``, including its values.

        ``storage`` is a vector of the array's length; the array becomes a view of it, in its memory order.
        """
        self._check_name(name)
        old = self._arrays[name]
        if type(storage) is not np.ndarray or storage.shape != (old.size,):
            raise ShapeError(f"{self._owner}: {name} must move to a vector of {old.size}, got {shown(storage)}.")
        view = viewed_as(old, storage)
        view[...] = old
        self._arrays[name] = view

    def share(self, name: str, others: NamedArrays) -> None:
        """Hold the array ``name`` of ``others``, of the same shape, instead of one's own."""
        self._check_name(name)
        self._check(name, self._arrays[name], others[name])
        self._arrays[name] = others[name]


def viewed_as(array: Array, storage: Array) -> Array:
    """A view of a vector ``storage`` of the array's length, with the array's shape and memory order."""
    axes = _by_stride(array)
    return storage.reshape([array.shape[axis] for axis in axes]).transpose(np.argsort(axes))


def _by_stride(array: Array) -> list[int]:
    """The axes in memory order, outermost first."""
    return sorted(range(array.ndim), key=lambda axis: -array.strides[axis])


def _fits(new: Array, dtype: np.dtype[Any]) -> bool:
    """True if an array of ``dtype`` can represent the values: of the same kind, rounded, but without overflow."""
    if dtype.kind in "iu" and new.dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return new.size == 0 or (int(new.min()) >= limits.min and int(new.max()) <= limits.max)
    if not np.can_cast(new.dtype, dtype, casting="same_kind"):
        return False
    if new.dtype.kind not in "fc" or new.dtype.itemsize <= dtype.itemsize:
        return True
    with np.errstate(over="ignore"):
        return bool(np.array_equal(np.isfinite(new), np.isfinite(new.astype(dtype))))


class LearnedArray:
    """One parameter of a module with its gradient, for any storage."""

    def __init__(self, params: NamedArrays, grads: NamedArrays, name: str) -> None:
        self._params, self._grads, self._name = params, grads, name

    @property
    def value(self) -> Array:
        """The array."""
        return self._params[self._name]

    @property
    def grad(self) -> Array:
        """∂L/∂value."""
        return self._grads[self._name]

    def move(self, values: Array, grads: Array) -> None:
        """Move the array and its gradient into two vectors of the array's length, including their values."""
        self._params.move(self._name, values)
        self._grads.move(self._name, grads)
