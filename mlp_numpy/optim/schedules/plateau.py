"""A schedule that looks at the losses: down where they have not improved for a while."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlp_numpy.arrays import is_whole
from mlp_numpy.optim.schedules.schedule import is_between, require


@dataclass(frozen=True)
class Plateau:
    """Down by ``factor`` whenever more than ``patience`` evaluations in a row brought no better loss.

    Factor      factor^k, k the falls among the losses L₁ … Lₙ so far, read in their order:
                L < best·(1 − threshold)   best ← L, bad ← 0; otherwise bad ← bad + 1      best = ∞ at first
                bad > patience             k ← k + 1, bad ← 0
    Reference   torch.optim.lr_scheduler.ReduceLROnPlateau(factor, patience, threshold=threshold), mode "min" and
                threshold mode "rel", without a cooldown; PyTorch besides leaves out falls of less than 1e-8

    factor      what each fall leaves, in (0, 1)
    patience    evaluations without a better loss that are let pass, ≥ 0
    threshold   the share by which a loss must lie below the best to be better, in [0, 1)

    It is no function of the step, but a pure one of the losses: a resumed run needs its history and nothing besides.
    Losses are taken to be ≥ 0, as the threshold is a share of them; a NaN is never better.

    Raises OptionError for settings outside these bounds.
    """

    factor: float
    patience: int
    threshold: float = 1e-4

    def __post_init__(self) -> None:
        require("Plateau", "factor", self.factor, is_between(self.factor, 0, 1), "a number in (0, 1)")
        require("Plateau", "patience", self.patience, is_whole(self.patience, 0), "a whole number ≥ 0")
        holds = self.threshold == 0 or is_between(self.threshold, 0, 1)
        require("Plateau", "threshold", self.threshold, holds, "a number in [0, 1)")

    def after(self, losses: Sequence[float]) -> float:
        """The factor once these losses have been found, one an evaluation, the first one first; 1 before any."""
        best, bad, falls = math.inf, 0, 0
        for loss in losses:
            bad += 1
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            if bad > self.patience:
                falls, bad = falls + 1, 0
        return float(self.factor**falls)
