"""Which evaluation was the best, the model of that moment, and when to stop waiting for a better one."""

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
    """Keeps the model of the evaluation with the highest accuracy, the first of equals.

    patience   how many evaluations in a row may bring nothing better before ``exhausted``; None: any number

    Raises OptionError for a patience that is not an integer ≥ 1, and for what is no snapshot.
    """

    def __init__(self, snapshot: Snapshot, patience: int | None = None) -> None:
        self.best = instance("Selection", "snapshot", snapshot, Snapshot)
        self.patience = None if patience is None else whole_number("Selection", "patience", patience)
        self.accuracy = -math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """Whether patience has come to its end."""
        return self.patience is not None and self.waited >= self.patience

    def update(self, record: EvaluationRecord) -> None:
        """Take in an evaluation of the model as it is now."""
        if record.accuracy > self.accuracy:
            self.accuracy, self.waited = record.accuracy, 0
            self.best.take(record.step)
        else:
            self.waited += 1

    def state(self) -> dict[str, Array]:
        """What a later evaluation depends on, as ``load_state`` takes it."""
        counters = {"accuracy": np.array(self.accuracy), "waited": np.array(self.waited)}
        return counters | with_prefix("best/", self.best.state())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on where another selection on the same model was; raises as ``Snapshot.load_state`` does."""
        accuracy, waited = np.array(self.accuracy), np.array(self.waited)
        counters = NamedArrays("Selection.load_state", {"accuracy": accuracy, "waited": waited})
        own = {name: value for name, value in state.items() if not name.startswith("best/")}
        counters.checked(own)
        self.best.load_state(strip_prefix("best/", state))
        counters.assign(own)
        self.accuracy, self.waited = float(accuracy), int(waited)
