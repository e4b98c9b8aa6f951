"""Exponential moving average of the parameters, which often generalizes better than the parameters themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import FRACTION, number
from mlp_numpy.errors import CallOrderError
from mlp_numpy.modules import NamedArrays
from mlp_numpy.optim.blocks import block_length
from mlp_numpy.optim.flat import FlatParameters, flat_parameters
from mlp_numpy.optim.optimizer import update_moment


class Average:
    """An exponential moving average ``values`` of the parameters, initialized with a copy of them.

        a ← a + (1 − β)(w − a)  =  β a + (1 − β) w

        average = Average(parameters)
        ...                           # after each step:  average.update()
        with average.in_place():
            evaluate(model, ...)      # the model has the averaged parameters

    beta   β in [0, 1), an average over about the last 1/(1 − β) steps

    Only parameters are averaged: a batch norm's running statistics are buffers, and in ``in_place`` they are those of
    the last step.

    The formula is that of ``torch.optim.swa_utils.get_ema_multi_avg_fn``; Polyak and Juditsky 1992, "Acceleration of
    stochastic approximation by averaging", with exponentially decaying weights.

    Raises OptionError for a beta outside its bounds.
    """

    def __init__(self, parameters: FlatParameters, beta: float = 0.999) -> None:
        self.parameters = flat_parameters("Average", parameters)
        self.beta = number("Average", "beta", beta, FRACTION)
        self.values: Array = parameters.values.copy()
        self._scratch: Array = np.empty(min(block_length(self.values.dtype), len(parameters)), self.values.dtype)
        self._inside = False

    def update(self) -> None:
        """Update the average with the current parameters.

        Raises CallOrderError within ``in_place``, where the parameters are the average.
        """
        self._check_outside("update")
        block = len(self._scratch)
        for start in range(0, len(self.values), block):
            a, w = self.values[start : start + block], self.parameters.values[start : start + block]
            update_moment(a, w, self.beta, self._scratch[: a.size])  # a ← a + (1 − β)(w − a)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A context in which the model has the averaged parameters; on exit, also by an exception, its own ones are
        restored bit for bit, even if the block modified them.

        Raises CallOrderError if nested.
        """
        self._check_outside("in_place")
        own = self.parameters.values.copy()
        self._inside = True
        try:
            self.parameters.values[...] = self.values
            yield
        finally:
            self.parameters.values[...] = own
            self._inside = False

    def state(self) -> dict[str, Array]:
        """A copy of the average under the name "values"."""
        return {"values": self.values.copy()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Restore the result of ``state``; nothing is changed in case of an error.

        Raises UnknownNameError, ShapeError or DTypeError if names, shapes or dtypes do not match.
        """
        NamedArrays(f"{self!r}.load_state", {"values": self.values}).assign(state)

    def _check_outside(self, method: str) -> None:
        if self._inside:
            raise CallOrderError(f"{self!r}.{method}: must be called outside in_place, was called inside.")

    def __repr__(self) -> str:
        return f"Average(beta={self.beta:g})"
