"""All parameters of a model in one vector, all gradients in another, and the model's arrays as views of both."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DTypeError, OptionError
from mlp_numpy.modules import Module, NamedArrays


class FlatParameters:
    """``values`` and ``grads``: two vectors, of which every ``params[…]`` and ``grads[…]`` of ``model`` become views.

    An optimizer needs no more than these two; a norm, a clipping, "remember the best" are one line each. The numbers
    themselves do not change. A layer keeps its place in the vector: layers in forward order, in each its arrays in
    the order of its ``params``, every array in its own memory order (a LinearModule's weight column after column).

    ``slices`` tells which part of the vectors is which array: dotted name → slice.

    Raises OptionError if the model has nothing to learn, DTypeError if its arrays are of different kinds.
    """

    def __init__(self, model: Module) -> None:
        found = [
            (f"{prefix}.{name}".lstrip("."), leaf, name) for prefix, leaf in model.leaves() for name in leaf.params
        ]
        if not found:
            raise OptionError(f"FlatParameters: the model must have parameters, got {model!r}.")
        dtypes: set[np.dtype[Any]] = {leaf.params[name].dtype for _, leaf, name in found}
        if len(dtypes) > 1:
            raise DTypeError(f"FlatParameters: all parameters must be of one kind, got {sorted(map(str, dtypes))}.")
        sizes = [leaf.params[name].size for _, leaf, name in found]
        self.values: Array = np.empty(sum(sizes), dtype=dtypes.pop())
        self.grads: Array = np.empty_like(self.values)
        self.slices: dict[str, slice] = {}
        start = 0
        for (dotted, leaf, name), size in zip(found, sizes, strict=True):
            part = slice(start, start + size)
            leaf.params.move(name, self.values[part])
            leaf.grads.move(name, self.grads[part])
            self.slices[dotted] = part
            start += size

    def __len__(self) -> int:
        return self.values.size

    def __repr__(self) -> str:
        return f"FlatParameters({len(self):,} × {self.values.dtype} in {len(self.slices)} arrays)"

    def grad_norm(self) -> float:
        """The Euclidean length of the whole gradient."""
        return math.sqrt(float(np.dot(self.grads, self.grads)))

    def name_of(self, position: int) -> str:
        """The dotted name of the array that holds element ``position`` of the vectors."""
        return next(name for name, part in self.slices.items() if part.start <= position < part.stop)


def n_parameters(model: Module) -> int:
    """How many numbers a model learns."""
    arrays: list[NamedArrays] = [leaf.params for _, leaf in model.leaves()]
    return sum(array.size for params in arrays for array in params.values())
