"""Decreasing schedules: constant, in steps, and smooth ones, a cosine with restarts among them."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

from mlp_numpy.checks import FRACTION, OPEN_FRACTION, POSITIVE, shown, sizes
from mlp_numpy.errors import OptionError
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
class MultiStep:
    """Multiply by ``factor`` at each of the ``milestones``.

    Factor      factor^k, k the number of milestones ≤ step
    Reference   torch.optim.lr_scheduler.MultiStepLR(milestones, gamma=factor)

    milestones   numbers of updates before the reductions, ≥ 1, increasing
    factor       factor of each reduction, in (0, 1)

    Raises OptionError for settings outside these bounds.
    """

    milestones: tuple[int, ...]
    factor: float

    def __post_init__(self) -> None:
        found = sizes("MultiStep", "milestones", self.milestones)
        if not found or list(found) != sorted(set(found)):
            raise OptionError(f"MultiStep: milestones must be increasing numbers of updates, got {shown(found)}.")
        object.__setattr__(self, "milestones", found)
        take_number(self, "factor", OPEN_FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        return float(self.factor ** bisect_right(self.milestones, checked_step(self, step)))


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


@dataclass(frozen=True)
class WarmRestarts:
    """Cosine decay from 1 to ``floor``, again and again, each cycle ``growth`` times as long as the last.

    Factor      floor + (1 − floor) (1 + cos(π t/T)) / 2     t the updates since the cycle's beginning, T its length
    Reference   Loshchilov and Hutter 2017, "SGDR", eq. 5;
                torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(T_0=first, T_mult=growth, eta_min=floor·lr)

    first    updates of the first cycle, ≥ 1
    growth   ratio of the lengths of two cycles, an integer ≥ 1
    floor    the factor that a cycle approaches, in [0, 1)

    Raises OptionError for settings outside these bounds.
    """

    first: int
    growth: int = 1
    floor: float = 0.0

    def __post_init__(self) -> None:
        take_whole(self, "first")
        take_whole(self, "growth")
        take_number(self, "floor", FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        since, length = checked_step(self, step), self.first
        if self.growth == 1:
            since %= length
        while since >= length:
            since, length = since - length, length * self.growth
        return float(self.floor + (1 - self.floor) * fall(since / length))


@dataclass(frozen=True)
class Polynomial:
    """From 1 to ``floor`` along a power of the remaining updates, and ``floor`` from then on.

    Factor      floor + (1 − floor) (1 − t)^power            t = min(step / steps, 1)
    Reference   torch.optim.lr_scheduler.PolynomialLR(total_iters=steps, power=power), where the floor is 0;
                Chen et al. 2018, "DeepLab", section 3.1, with the power 0.9

    steps   updates until ``floor`` is reached, ≥ 1
    power   exponent, > 0; 1 is a straight line
    floor   final factor, in [0, 1)

    Raises OptionError for settings outside these bounds.
    """

    steps: int
    power: float = 1.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        take_whole(self, "steps")
        take_number(self, "power", POSITIVE)
        take_number(self, "floor", FRACTION)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        left = 1 - min(checked_step(self, step) / self.steps, 1)
        return float(self.floor + (1 - self.floor) * left**self.power)


@dataclass(frozen=True)
class InverseSquareRoot:
    """Decay with the square root of the step.

    Factor      √(scale / (scale + step))
    Reference   Vaswani et al. 2017, "Attention Is All You Need", eq. 3: WarmUp(s, InverseSquareRoot(s)) has the factor
                √(s / step) after s updates. PyTorch has it as a LambdaLR alone.

    scale   updates after which the factor is √½, ≥ 1; of a warm-up before it, its length

    Raises OptionError for settings outside these bounds.
    """

    scale: int

    def __post_init__(self) -> None:
        take_whole(self, "scale")

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        return math.sqrt(self.scale / (self.scale + checked_step(self, step)))
