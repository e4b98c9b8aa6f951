"""Snapshots of a model's parameters and buffers, to restore or to save."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.exchange.archive import with_prefix
from mlp_numpy.modules import Module, NamedArrays
from mlp_numpy.optim import Average, FlatParameters


class Buffers:
    """A copy of a model's buffers, from the last ``take``."""

    def __init__(self, model: Module) -> None:
        self._live = [array for _, array in model.named_buffers()]
        self._kept = [array.copy() for array in self._live]

    def take(self) -> None:
        """Copy the current buffers."""
        if not self._live:
            return
        for kept, live in zip(self._kept, self._live, strict=True):
            kept[...] = live

    def restore(self) -> None:
        """Restore the buffers."""
        for kept, live in zip(self._kept, self._live, strict=True):
            live[...] = kept


class Snapshot:
    """A copy of a model's parameters and buffers after ``step`` updates, from the last ``take``.

    average   weight average whose values and buffers are included, if any
    """

    def __init__(self, model: Module, parameters: FlatParameters, average: Average | None = None) -> None:
        self._live = {"values": parameters.values, **with_prefix("buffers/", dict(model.named_buffers()))}
        if average is not None:
            self._live |= {"average": average.values, **with_prefix("average/", average.buffers)}
        self._kept = {name: array.copy() for name, array in self._live.items()}
        self.step = 0

    def take(self, step: int) -> None:
        """Copy the current model, after ``step`` updates."""
        self.step = step
        for name, array in self._live.items():
            self._kept[name][...] = array

    def restore(self) -> None:
        """Restore the model."""
        for name, array in self._live.items():
            array[...] = self._kept[name]

    def state(self) -> dict[str, Array]:
        """Copies of the snapshot's arrays, for ``load_state``."""
        return {"step": np.array(self.step), **{name: array.copy() for name, array in self._kept.items()}}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Load the ``state`` of another snapshot of the same model; nothing is changed if it does not match.

        Raises UnknownNameError, ShapeError or DTypeError for names, shapes or dtypes that do not match.
        """
        step = np.array(self.step)
        NamedArrays("Snapshot.load_state", {"step": step, **self._kept}).assign(state)
        self.step = int(step)
