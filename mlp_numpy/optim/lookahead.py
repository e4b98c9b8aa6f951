"""Lookahead: slow weights that follow those of an optimizer, and pull them back every few steps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import FRACTION, NOT_NEGATIVE, instance, number, whole_number
from mlp_numpy.modules import Module, NamedArrays
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


class Lookahead:
    """Slow weights ``values``, initialized with a copy of the parameters, and every ``every`` steps

        s ← s + (1 − βₜ)(w − s)          βₜ = β (t / steps)^power after t = every, 2 every, … steps
        w ← s

    beta    β in [0, 1): the weight of the old slow weights; 1 − β is α in the paper
    every   steps between two of these, ≥ 1; k in the paper
    power   ≥ 0; 0 is the paper's constant β, a larger one lets the slow weights follow more closely at first
    steps   the updates of the whole run, which the power relates to, ≥ 1
    model   the model of the parameters, whose floating-point buffers, such as a batch norm's running statistics, are
            treated as the weights are

    The optimizer's state stays as it is ("maintain" in the paper). Between two of these steps the model has the fast
    weights: evaluate after a multiple of ``every``.

    Reference   Zhang, Lucas, Hinton and Ba 2019, "Lookahead Optimizer: k steps forward, 1 step back", algorithm 1;
                growing β: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.4

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        beta: float = 0.5,
        every: int = 5,
        *,
        power: float = 0.0,
        steps: int = 1,
        model: Module | None = None,
    ) -> None:
        self.parameters = flat_parameters("Lookahead", parameters)
        self.beta = number("Lookahead", "beta", beta, FRACTION)
        self.every = whole_number("Lookahead", "every", every)
        self.power = number("Lookahead", "power", power, NOT_NEGATIVE)
        self.steps = whole_number("Lookahead", "steps", steps)
        if model is not None:
            instance("Lookahead", "model", model, Module)
        buffers = {} if model is None else {f"buffers/{name}": array for name, array in model.named_buffers()}
        floating = {name: array for name, array in buffers.items() if array.dtype.kind == "f"}
        self._fast: dict[str, Array] = {"values": parameters.values, **floating}
        self._slow = {name: array.copy() for name, array in self._fast.items()}

    @property
    def values(self) -> Array:
        """The slow weights, in one vector."""
        return self._slow["values"]

    def beta_at(self, step: int) -> float:
        """βₜ after ``step`` updates. Raises OptionError unless it is an integer ≥ 0."""
        step = whole_number("Lookahead.beta_at", "step", step, least=0)
        return float(self.beta * min(step / self.steps, 1.0) ** self.power)

    def update(self, step: int) -> None:
        """Pull back the weights, if it is time after ``step`` updates; otherwise nothing.

        Raises OptionError unless it is an integer ≥ 0.
        """
        step = whole_number("Lookahead.update", "step", step, least=0)
        if step % self.every:
            return
        beta = self.beta_at(step)
        for name, fast in self._fast.items():
            slow = self._slow[name]
            np.subtract(fast, slow, out=fast)  # s ← s + (1 − βₜ)(w − s)
            fast *= 1 - beta
            slow += fast
            fast[...] = slow  # w ← s

    def state(self) -> dict[str, Array]:
        """Copies of the slow weights, and buffers."""
        return {name: array.copy() for name, array in self._slow.items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Restore the result of ``state``; nothing is changed in case of an error.

        Raises UnknownNameError, ShapeError or DTypeError if names, shapes or dtypes do not match.
        """
        NamedArrays(f"{self!r}.load_state", self._slow).assign(state)

    def __repr__(self) -> str:
        power = f", power={self.power:g}, steps={self.steps}" if self.power else ""
        return f"Lookahead(beta={self.beta:g}, every={self.every}{power})"
