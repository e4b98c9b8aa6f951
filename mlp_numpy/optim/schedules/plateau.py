"""A schedule that looks at the losses: down where they have not improved for a while."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mlp_numpy.checks import FRACTION, OPEN_FRACTION, numbers
from mlp_numpy.errors import ShapeError
from mlp_numpy.optim.schedules.schedule import take_number, take_whole


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
        take_number(self, "factor", OPEN_FRACTION)
        take_whole(self, "patience", least=0)
        take_number(self, "threshold", FRACTION)

    def after(self, losses: Sequence[float]) -> float:
        """The factor once these losses have been found, one an evaluation, the first one first; 1 before any.

        Raises DTypeError or ShapeError for what is no row of numbers.
        """
        found = numbers("Plateau.after", "losses", losses)
        if found.ndim != 1 or found.dtype.kind == "c":
            raise ShapeError(f"Plateau.after: losses must be a row of real numbers, got {found.dtype} {found.shape}.")
        best, bad, falls = math.inf, 0, 0
        for loss in found.tolist():
            bad += 1
            if loss < best * (1 - self.threshold):
                best, bad = loss, 0
            if bad > self.patience:
                falls, bad = falls + 1, 0
        return float(self.factor**falls)
