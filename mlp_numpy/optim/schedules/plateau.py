"""Reduction of the learning rate when the loss stops improving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from mlp_numpy.checks import FRACTION, NOT_NEGATIVE, OPEN_FRACTION, choice, numbers
from mlp_numpy.errors import ShapeError
from mlp_numpy.optim.schedules.schedule import take_number, take_whole

ThresholdMode: TypeAlias = Literal["rel", "abs"]
Direction: TypeAlias = Literal["min", "max"]


@dataclass(frozen=True)
class Plateau:
    """Multiply by ``factor`` whenever more than ``patience`` evaluations in a row have not improved the loss.

    Factor      max(factor^k, floor), k the number of reductions by the losses L₁ … Lₙ so far, in order:
                L better than best         best ← L, bad ← 0; otherwise bad ← bad + 1      best = ∞ at first
                rest > 0                   rest ← rest − 1, bad ← 0
                bad > patience             k ← k + 1, bad ← 0, rest ← cooldown; k stays if the factor would fall by eps
                                           or less
    Better      mode "min": L < best·(1 − threshold), or, with threshold_mode "abs", L < best − threshold
                mode "max": L > best·(1 + threshold), or L > best + threshold, from best = −∞
    Reference   torch.optim.lr_scheduler.ReduceLROnPlateau(mode, factor, patience, threshold, threshold_mode, cooldown,
                min_lr=floor·lr, eps=eps·lr)

    factor           factor of each reduction, in (0, 1)
    patience         number of tolerated evaluations without improvement, ≥ 0
    threshold        improvement below which a loss does not count as better, ≥ 0, if relative in [0, 1)
    threshold_mode   "rel" of the best loss, or "abs"
    mode             "min" for losses, "max" for values of which more is better, such as accuracies
    cooldown         evaluations after a reduction that do not count as bad, ≥ 0
    floor            lowest factor, in [0, 1)
    eps              largest change of the factor that is not made, ≥ 0; in PyTorch it is 1e-8 of a learning rate

    It is a pure function of the losses, so a resumed run needs only its history. For a relative threshold, losses are
    assumed to be ≥ 0; a NaN is never better.

    Raises OptionError for settings outside these bounds.
    """

    factor: float
    patience: int
    threshold: float = 1e-4
    threshold_mode: ThresholdMode = "rel"
    mode: Direction = "min"
    cooldown: int = 0
    floor: float = 0.0
    eps: float = 0.0

    def __post_init__(self) -> None:
        take_number(self, "factor", OPEN_FRACTION)
        take_whole(self, "patience", least=0)
        choice("Plateau", "threshold_mode", self.threshold_mode, get_args(ThresholdMode))
        choice("Plateau", "mode", self.mode, get_args(Direction))
        take_number(self, "threshold", FRACTION if self.threshold_mode == "rel" else NOT_NEGATIVE)
        take_whole(self, "cooldown", least=0)
        take_number(self, "floor", FRACTION)
        take_number(self, "eps", NOT_NEGATIVE)

    def after(self, losses: Sequence[float]) -> float:
        """The factor after these losses, one per evaluation, in order; 1 without losses.

        Raises DTypeError or ShapeError for anything but a vector of numbers.
        """
        found = numbers("Plateau.after", "losses", losses)
        if found.ndim != 1 or found.dtype.kind == "c":
            raise ShapeError(
                f"Plateau.after: losses must be a vector of real numbers, got {found.dtype} {found.shape}."
            )
        best, bad, falls, rest = math.inf if self.mode == "min" else -math.inf, 0, 0, 0
        for loss in found.tolist():
            bad += 1
            if self._better(loss, best):
                best, bad = loss, 0
            if rest:
                rest, bad = rest - 1, 0
            if bad > self.patience:
                falls, bad, rest = falls + self._changes(falls), 0, self.cooldown
        return self._factor(falls)

    def _better(self, loss: float, best: float) -> bool:
        sign = -1 if self.mode == "min" else 1
        bound = best * (1 + sign * self.threshold) if self.threshold_mode == "rel" else best + sign * self.threshold
        return loss < bound if self.mode == "min" else loss > bound

    def _changes(self, falls: int) -> bool:
        """True if one more reduction changes the factor by more than ``eps``."""
        return self._factor(falls) - self._factor(falls + 1) > self.eps

    def _factor(self, falls: int) -> float:
        return max(float(self.factor**falls), self.floor)
