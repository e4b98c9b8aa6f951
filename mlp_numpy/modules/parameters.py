"""Named arrays that keep their place: the ``params`` and ``grads`` of a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DTypeError, ShapeError


class NamedArrays(MutableMapping[str, Array]):
    """A dict of arrays in which writing to a name copies into the array that is there.

    So an array may be a view of a longer vector, and no assignment can cut it loose. Names are given once, at
    construction. Reading gives the array itself, which may be edited in place.

    Raises
    ------
    KeyError      for a name that does not exist
    ShapeError    when what is written has another shape
    DTypeError    when it is not numbers of a kind that the array can hold
    """

    def __init__(self, owner: str, arrays: Mapping[str, Array]) -> None:
        self._owner = owner
        self._arrays = dict(arrays)

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name not in self._arrays:
            raise KeyError(f"{self._owner}: no array is named {name!r}; there are {list(self._arrays)}.")
        array, new = self[name], np.asarray(value)
        self._check(name, array, new)
        array[...] = new

    def _check(self, name: str, array: Array, new: Array) -> None:
        if new.shape != array.shape:
            raise ShapeError(f"{self._owner}[{name!r}]: must be {array.shape}, got {new.shape}.")
        if not np.can_cast(new.dtype, array.dtype, casting="same_kind"):
            raise DTypeError(f"{self._owner}[{name!r}]: must be numbers that {array.dtype} can hold, got {new.dtype}.")

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"{self._owner}: the array {name!r} is part of the module and cannot be deleted.")

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __repr__(self) -> str:
        return repr(dict(self))

    def assign(self, values: Mapping[str, Any]) -> None:
        """Write all arrays from a mapping with exactly these names; nothing is written if one does not fit."""
        if set(values) != set(self._arrays):
            raise KeyError(f"{self._owner}: must have the names {sorted(self._arrays)}, got {sorted(values)}.")
        arrays = {name: np.asarray(values[name]) for name in self._arrays}
        for name, new in arrays.items():
            self._check(name, self[name], new)
        for name, new in arrays.items():
            self[name][...] = new

    def copy(self) -> dict[str, Array]:
        """A plain dict of the same arrays."""
        return dict(self)

    def move(self, name: str, storage: Array) -> None:
        """Let ``storage`` hold the array ``name`` from now on; the values go with it.

        ``storage`` is a vector of the array's length; the array becomes a view of it, in its memory order.
        """
        old = self._arrays[name]
        axes = sorted(range(old.ndim), key=lambda axis: -old.strides[axis])
        view = storage.reshape([old.shape[axis] for axis in axes]).transpose(np.argsort(axes))
        view[...] = old
        self._arrays[name] = view


class LearnedArray:
    """One learned array of a module with its gradient, wherever they are stored."""

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
        """Let two vectors of the array's length hold it and its gradient from now on; the numbers go with them."""
        self._params.move(self._name, values)
        self._grads.move(self._name, grads)
