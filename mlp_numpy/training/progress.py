"""The progress of a training, as arrays for a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import numbers
from mlp_numpy.exchange.archive import strip_prefix
from mlp_numpy.modules import NamedArrays


class Progress(NamedTuple):
    """Counters of a training: updates made, step of the present weights, step of the last evaluation, first batch loss,
    and the losses of all evaluations."""

    step: int
    weights_step: int
    evaluated_step: int
    first_loss: float
    held_out_losses: list[float]

    def state(self) -> dict[str, Array]:
        """The fields as arrays, by name."""
        return {name: np.array(value) for name, value in self._asdict().items()}

    @classmethod
    def of(cls, state: Mapping[str, Array]) -> Progress:
        """The Progress whose ``state()`` is part of ``state``; arrays whose names contain a slash are ignored.

        Raises UnknownNameError, ShapeError or DTypeError for names, shapes or dtypes that do not match.
        """
        strip_prefix("", state)
        counters = {name: np.zeros((), int) for name in cls._fields[:3]}
        told = numbers("Trainer.load_state", "held_out_losses", state.get("held_out_losses", ()))
        losses = np.zeros(told.shape)
        own = counters | {"first_loss": np.zeros(()), "held_out_losses": losses}
        NamedArrays("Trainer.load_state", own).assign({name: v for name, v in state.items() if "/" not in name})
        step, weights_step, evaluated_step = map(int, counters.values())
        return cls(step, weights_step, evaluated_step, float(own["first_loss"]), losses.reshape(-1).tolist())
