"""Learning rates that follow the epochs, and the rule that ends a training: scikit-learn's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlp_numpy.optim import Schedule


@dataclass(frozen=True)
class InverseScaling:
    """The factor (t + 1)^(−power), t the number of examples seen before the present epoch.

    examples   examples per epoch
    steps      updates per epoch
    seen       examples seen before the first update
    """

    power: float
    examples: int
    steps: int
    seen: int = 0

    def at(self, step: int) -> float:
        """The factor of update number ``step``, counted from 0."""
        return float((self.seen + step // self.steps * self.examples + 1) ** -self.power)


@dataclass
class AdaptiveRate:
    """A factor that ``reduce`` divides by 5, until the learning rate is at most 1e-6."""

    lr: float
    factor: float = 1.0

    def at(self, step: int) -> float:
        """The present factor."""
        return self.factor

    def reduce(self) -> bool:
        """Reduce the factor; returns False, and changes nothing, if the learning rate is small enough."""
        if self.lr * self.factor <= 1e-6:
            return False
        self.factor /= 5
        return True


@dataclass(frozen=True)
class Later:
    """Another schedule, of which ``start`` updates have been made."""

    schedule: Schedule
    start: int

    def at(self, step: int) -> float:
        """The factor of update number ``start + step``."""
        return self.schedule.at(self.start + step)


@dataclass
class StopRule:
    """Ends a training after more than ``patience`` epochs in a row that do not improve the best value by ``tol``."""

    patience: float
    tol: float
    best: float = -math.inf
    waited: int = 0

    def update(self, value: float) -> bool:
        """Record the value of an epoch, larger is better; returns True if the training should end."""
        self.waited = 0 if value >= self.best + self.tol else self.waited + 1
        self.best = max(self.best, value) if not math.isnan(value) else self.best
        return self.waited > self.patience
