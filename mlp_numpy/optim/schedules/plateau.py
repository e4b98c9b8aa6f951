"""Reduction of the learning rate when the loss stops improving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlp_numpy.checks import FRACTION, OPEN_FRACTION, numbers
from mlp_numpy.errors import ShapeError
from mlp_numpy.optim.schedules.schedule import take_number, take_whole


@dataclass(frozen=True)
class Plateau:
    """Multiply by ``factor`` whenever more than ``patience`` evaluations in a row have not improved the loss.

    Factor      factor^k, k the number of reductions by the losses L₁ … Lₙ so far, in order:
                L < best·(1 − threshold)   best ← L, bad ← 0; otherwise bad ← bad + 1      best = ∞ at first
                bad > patience             k ← k + 1, bad ← 0
    Reference   torch.optim.lr_scheduler.ReduceLROnPlateau(factor, patience, threshold=threshold), mode "min" and
                threshold mode "rel", without a cooldown; PyTorch also skips reductions of less than 1e-8

    factor      factor of each reduction, in (0, 1)
    patience    number of tolerated evaluations without improvement, ≥ 0
    threshold   relative improvement below which a loss does not count as better, in [0, 1)

    It is a pure function of the losses, so a resumed run needs only its history. Losses are assumed to be ≥ 0, since
    the threshold is relative; a NaN is never better.

    Raises OptionError for settings outside these bounds.
    """

    factor: float
    patience: int
    threshold: float = 1e-4

    def __post_init__(self) -> None:
        take_number(self, "factor", OPEN_FRACTION)
        take_whole(self, "patience", least=0)
        take_number(self, "threshold", FRACTION)

    def after(self, losses: Sequence[float]) -> float:
        """The factor after these losses, one per evaluation, in order; 1 without losses.

        Raises DTypeError or ShapeError for anything but a vector of numbers.
        """
        found = numbers("Plateau.after", "losses", losses)
        if found.ndim != 1 or found.dtype.kind == "c":
            raise ShapeError(
                f"Plateau.after: losses must be a vector of real numbers, got {found.dtype} {found.shape}."
            )
        best, bad, falls = math.inf, 0, 0
        for loss in found.tolist():
            bad += 1
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            if bad > self.patience:
                falls, bad = falls + 1, 0
        return float(self.factor**falls)
