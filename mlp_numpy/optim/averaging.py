"""Exponential moving average of the parameters, which often generalizes better than the parameters themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import FRACTION, instance, number
from mlp_numpy.errors import CallOrderError
from mlp_numpy.modules import Module, NamedArrays
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

    beta    β in [0, 1), an average over about the last 1/(1 − β) steps
    model   the model of the parameters, to average its buffers too, such as a batch norm's running statistics; without
            it, in ``in_place`` they are those of the last step. Integer buffers are counters and stay as they are.

    The formula is that of ``torch.optim.swa_utils.get_ema_multi_avg_fn``, with a model that of ``AveragedModel`` with
    ``use_buffers=True``; Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging", with
    exponentially decaying weights.

    Raises OptionError for a beta outside its bounds, and for anything but a module as ``model``.
    """

    def __init__(self, parameters: FlatParameters, beta: float = 0.999, model: Module | None = None) -> None:
        self.parameters = flat_parameters("Average", parameters)
        self.beta = number("Average", "beta", beta, FRACTION)
        self.values: Array = parameters.values.copy()
        self._scratch: Array = np.empty(min(block_length(self.values.dtype), len(parameters)), self.values.dtype)
        if model is not None:
            instance("Average", "model", model, Module)
        named = [] if model is None else [each for each in model.named_buffers() if each[1].dtype.kind == "f"]
        self._live = dict(named)
        self.buffers: dict[str, Array] = {name: array.copy() for name, array in named}
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
        for name, a in self.buffers.items():
            update_moment(a, self._live[name], self.beta, np.empty_like(a))

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """A context in which the model has the averaged parameters, and buffers; on exit, also by an exception, its own
        ones are restored bit for bit, even if the block modified them.

        Raises CallOrderError if nested.
        """
        self._check_outside("in_place")
        pairs = [(self.parameters.values, self.values), *((self._live[name], a) for name, a in self.buffers.items())]
        own = [live.copy() for live, _ in pairs]
        self._inside = True
        try:
            for live, average in pairs:
                live[...] = average
            yield
        finally:
            for (live, _), kept in zip(pairs, own, strict=True):
                live[...] = kept
            self._inside = False

    def arrays(self) -> dict[str, Array]:
        """The averages themselves: "values", and "buffers/NAME" for each buffer."""
        return {"values": self.values, **{f"buffers/{name}": array for name, array in self.buffers.items()}}

    def state(self) -> dict[str, Array]:
        """Copies of ``arrays``."""
        return {name: array.copy() for name, array in self.arrays().items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Restore the result of ``state``; nothing is changed in case of an error.

        Raises UnknownNameError, ShapeError or DTypeError if names, shapes or dtypes do not match.
        """
        NamedArrays(f"{self!r}.load_state", self.arrays()).assign(state)

    def _check_outside(self, method: str) -> None:
        if self._inside:
            raise CallOrderError(f"{self!r}.{method}: must be called outside in_place, was called inside.")

    def __repr__(self) -> str:
        return f"Average(beta={self.beta:g}{', with buffers' if self.buffers else ''})"
