"""Decreasing schedules: constant, step, exponential, cosine."""

from __future__ import annotations

from dataclasses import dataclass

from mlp_numpy.checks import FRACTION, OPEN_FRACTION
from mlp_numpy.optim.schedules.schedule import checked_step, fall, take_number, take_whole


@dataclass(frozen=True)
class Constant:
    """Constant learning rate.

    Factor      1
    Reference   torch.optim.lr_scheduler.ConstantLR with factor 1
    """

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        checked_step(self, step)
        return 1.0


@dataclass(frozen=True)
class StepDecay:
    """Multiply by ``factor`` after every ``every`` updates.

    Factor      factor^⌊step / every⌋
    Reference   torch.optim.lr_scheduler.StepLR(step_size=every, gamma=factor)

    every    updates between two reductions, ≥ 1
    factor   factor of each reduction, in (0, 1)

    Raises OptionError for settings outside these bounds.
    """

    every: int
    factor: float

    def __post_init__(self) -> None:
        take_whole(self, "every")
        take_number(self, "factor", OPEN_FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        return float(self.factor ** (checked_step(self, step) // self.every))


@dataclass(frozen=True)
class Exponential:
    """Multiply by ``factor`` at each update.

    Factor      factor^step
    Reference   torch.optim.lr_scheduler.ExponentialLR(gamma=factor)

    factor   factor of each update, in (0, 1); to halve the rate in h updates, 0.5 ** (1 / h)

    Raises OptionError for a factor outside these bounds.
    """

    factor: float

    def __post_init__(self) -> None:
        take_number(self, "factor", OPEN_FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        return float(self.factor ** checked_step(self, step))


@dataclass(frozen=True)
class Cosine:
    """From 1 to ``floor`` along half a cosine wave, and ``floor`` from then on.

    Factor      floor + (1 − floor) (1 + cos(π t)) / 2      t = min(step / steps, 1)
    Reference   Loshchilov and Hutter 2017, "SGDR", eq. 5, without restarts;
                torch.optim.lr_scheduler.CosineAnnealingLR(T_max=steps, eta_min=floor·lr), which rises again after
                ``steps``

    steps   updates until ``floor`` is reached, ≥ 1
    floor   final factor, in [0, 1)

    Raises OptionError for settings outside these bounds.
    """

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        take_whole(self, "steps")
        take_number(self, "floor", FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        return float(self.floor + (1 - self.floor) * fall(min(checked_step(self, step) / self.steps, 1)))
