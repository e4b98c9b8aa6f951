"""Model selection: the best evaluation so far, its weights, and early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import instance, whole_number
from mlp_numpy.modules import NamedArrays
from mlp_numpy.training.archive import strip_prefix, with_prefix
from mlp_numpy.training.records import EvaluationRecord
from mlp_numpy.training.snapshot import Snapshot


class BestModel:
    """Keeps the weights of the evaluation with the highest accuracy; ties go to the earliest.

    patience   evaluations in a row without improvement before ``exhausted``; None: unlimited

    Raises OptionError unless patience is an integer ≥ 1 and ``snapshot`` a Snapshot.
    """

    def __init__(self, snapshot: Snapshot, patience: int | None = None) -> None:
        self.best = instance("Selection", "snapshot", snapshot, Snapshot)
        self.patience = None if patience is None else whole_number("Selection", "patience", patience)
        self.accuracy = -math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """True if ``patience`` evaluations in a row brought no improvement."""
        return self.patience is not None and self.waited >= self.patience

    def update(self, record: EvaluationRecord) -> None:
        """Record an evaluation of the current model."""
        if record.accuracy > self.accuracy:
            self.accuracy, self.waited = record.accuracy, 0
            self.best.take(record.step)
        else:
            self.waited += 1

    def state(self) -> dict[str, Array]:
        """Copies of everything that later evaluations depend on, for ``load_state``."""
        counters = {"accuracy": np.array(self.accuracy), "waited": np.array(self.waited)}
        return counters | with_prefix("best/", self.best.state())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from the state of another BestModel of the same model; raises as ``Snapshot.load_state`` does."""
        accuracy, waited = np.array(self.accuracy), np.array(self.waited)
        counters = NamedArrays("Selection.load_state", {"accuracy": accuracy, "waited": waited})
        own = {name: value for name, value in state.items() if not name.startswith("best/")}
        counters.checked(own)
        self.best.load_state(strip_prefix("best/", state))
        counters.assign(own)
        self.accuracy, self.waited = float(accuracy), int(waited)
