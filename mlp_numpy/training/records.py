"""What a training tells as it goes: a record of every step and of every evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StepRecord:
    """One update: loss and accuracy of its batch, measured before the update. ``step`` counts updates from 1.

    watched   layer → name of a measure → its value at this step, where the trainer was told to watch; see ``watch``
    """

    step: int
    loss: float
    accuracy: float
    watched: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """Loss and accuracy over a whole held-out split after ``step`` updates."""

    step: int
    loss: float
    accuracy: float


Record = StepRecord | EvaluationRecord
