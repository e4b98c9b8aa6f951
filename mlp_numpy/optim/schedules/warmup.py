"""Schedules with an initial increase: warm-up before another schedule, and one-cycle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mlp_numpy.checks import FRACTION, OPEN_FRACTION, POSITIVE, number, shown
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.schedules.schedule import Schedule, checked_step, fall, take_number, take_whole


@dataclass(frozen=True)
class WarmUp:
    """Linear increase from ``start`` to 1, followed by another schedule.

    Factor      start + (1 − start) step / steps     before update ``steps``
                then.at(step − steps)                from it on
    Reference   Goyal et al. 2017, "Accurate, Large Minibatch SGD", section 2.2;
                torch.optim.lr_scheduler.SequentialLR([LinearLR(start_factor=start, total_iters=steps), then],
                milestones=[steps])

    steps   updates of the warm-up, ≥ 1
    then    the following schedule; its first factor must be 1, to avoid a jump
    start   the factor of the first update, in (0, 1)

    Raises OptionError for settings outside these bounds.
    """

    steps: int
    then: Schedule
    start: float = 0.01

    def __post_init__(self) -> None:
        take_whole(self, "steps")
        take_number(self, "start", OPEN_FRACTION)
        if not isinstance(self.then, Schedule) or isinstance(self.then, type):
            raise OptionError(f"WarmUp: then must be a schedule, with at(step), got {shown(self.then)}.")
        if self.then.at(0) != 1:
            raise OptionError(
                f"WarmUp: what follows must begin with the factor 1, got {self.then!r}, "
                f"which begins with {self.then.at(0):g}. Hint: it rises by itself and needs no warm-up."
            )

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        step = checked_step(self, step)
        if step >= self.steps:
            return self.then.at(step - self.steps)
        return float(self.start + (1 - self.start) * step / self.steps)


@dataclass(frozen=True)
class OneCycle:
    """Cosine increase from ``start·peak`` to ``peak``, then cosine decay to ``final·start·peak``.

    Factor      peak (1 − (1 − start) fall(step / s))                       up to s = rise·steps − 1
                start·peak (final + (1/start − final) fall(t))              t = (step − s) / (steps − 1 − s)
                start·final·peak                                            after the last update, steps − 1
                with fall(t) = (1 + cos(π t)) / 2; s need not be an integer
    Momentum    low + (high − low) fall(step / s)                           up to s
                high + (low − high) fall(t)                                 from s on
    Reference   Smith and Topin 2018, "Super-Convergence";
                torch.optim.lr_scheduler.OneCycleLR(max_lr=peak·lr, total_steps=steps, pct_start=rise,
                div_factor=1/start, final_div_factor=1/final, base_momentum=low, max_momentum=high), or with
                cycle_momentum=False where ``momenta`` is None

    steps   updates of the whole cycle
    peak    the largest factor, > 0
    start   the first factor as a fraction of the peak, in (0, 1)
    final   the last factor as a fraction of the first, in (0, 1)
    rise    the fraction of increasing updates, in (0, 1), with rise·steps > 1
    momenta   (low, high), 0 ≤ low < high < 1: the optimizer's ``momentum``, or ``beta1``, cycled against the learning
              rate; None leaves it constant

    Raises OptionError for settings outside these bounds.
    """

    steps: int
    peak: float = 1.0
    start: float = 1 / 25
    final: float = 1e-4
    rise: float = 0.3
    momenta: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        take_whole(self, "steps")
        take_number(self, "peak", POSITIVE)
        for name in ("start", "final", "rise"):
            take_number(self, name, OPEN_FRACTION)
        if self.momenta is not None:
            object.__setattr__(self, "momenta", _momenta(self.momenta))
        if self._top <= 0:
            raise OptionError(
                f"OneCycle: there must be more than one update in the rise, got {self.rise:g} of {self.steps}. "
                "Hint: a longer run or a larger rise."
            )

    @property
    def _top(self) -> float:
        return float(self.rise * self.steps - 1)

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""
        first = self.start * self.peak
        rising, share = self._phase(step)
        if rising:
            return float(self.peak + (first - self.peak) * share)
        lowest = first * self.final
        return float(lowest + (self.peak - lowest) * share)

    def momentum_at(self, step: int) -> float:
        """The momentum for update number ``step``; raises OptionError without ``momenta``."""
        if self.momenta is None:
            raise OptionError("OneCycle.momentum_at: momenta must be given, got None.")
        low, high = self.momenta
        rising, share = self._phase(step)
        return low + (high - low) * share if rising else high + (low - high) * share

    def _phase(self, step: int) -> tuple[bool, float]:
        """Whether the learning rate is rising, and the part of the phase that is left, falling from 1 to 0."""
        step, top, last = checked_step(self, step), self._top, self.steps - 1
        if step <= top:
            return True, fall(step / top)
        return False, fall(min((step - top) / (last - top), 1))


def _momenta(value: Any) -> tuple[float, float]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise OptionError(f"OneCycle: momenta must be a pair of numbers (low, high), got {shown(value)}.")
    low, high = (number("OneCycle", f"momenta[{i}]", each, FRACTION) for i, each in enumerate(value))
    if low >= high:
        raise OptionError(f"OneCycle: momenta must be (low, high) with low < high, got {shown(value)}.")
    return low, high
