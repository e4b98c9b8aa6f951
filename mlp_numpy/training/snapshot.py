"""A model as it was: its parameters and buffers at one moment, to be put back or kept in a file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules import Module, NamedArrays
from mlp_numpy.optim import Average, FlatParameters
from mlp_numpy.training.archive import with_prefix


def live_buffers(model: Module) -> dict[str, Array]:
    """The buffers of every layer themselves, not copies, under dotted names."""
    return {f"{prefix}.{name}": array for prefix, leaf in model.leaves() for name, array in leaf.buffers.items()}


class Buffers:
    """The buffers of a model as they were at the last ``take``."""

    def __init__(self, model: Module) -> None:
        self._live = list(live_buffers(model).values())
        self._kept = [array.copy() for array in self._live]

    def take(self) -> None:
        """Remember the buffers as they are now."""
        for kept, live in zip(self._kept, self._live, strict=True):
            kept[...] = live

    def restore(self) -> None:
        """Put back what was remembered."""
        for kept, live in zip(self._kept, self._live, strict=True):
            live[...] = kept


class Snapshot:
    """Parameters and buffers of a model as they were after ``step`` updates, when ``take`` was last called.

    average   whose values belong to it, if there is one
    """

    def __init__(self, model: Module, parameters: FlatParameters, average: Average | None = None) -> None:
        self._live = {"values": parameters.values, **with_prefix("buffers/", live_buffers(model))}
        if average is not None:
            self._live["average"] = average.values
        self._kept = {name: array.copy() for name, array in self._live.items()}
        self.step = 0

    def take(self, step: int) -> None:
        """Remember the model as it is now, after ``step`` updates."""
        self.step = step
        for name, array in self._live.items():
            self._kept[name][...] = array

    def restore(self) -> None:
        """Make the model what it was."""
        for name, array in self._live.items():
            array[...] = self._kept[name]

    def state(self) -> dict[str, Array]:
        """Copies of what is remembered, as ``load_state`` takes them."""
        return {"step": np.array(self.step), **{name: array.copy() for name, array in self._kept.items()}}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Remember what another snapshot of the same model gave as its ``state``; nothing is changed if it does not
        fit.

        Raises UnknownNameError for names, ShapeError for shapes and DTypeError for kinds of numbers that do not fit.
        """
        step = np.array(self.step)
        NamedArrays("Snapshot.load_state", {"step": step, **self._kept}).assign(state)
        self.step = int(step)
