"""Model selection: the best evaluation so far, its weights, and early stopping."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import NOT_NEGATIVE, choice, flag, instance, number, whole_number
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import OptionError
from mlp_numpy.exchange.archive import strip_prefix, with_prefix
from mlp_numpy.modules import NamedArrays
from mlp_numpy.training.metrics import Metric
from mlp_numpy.training.records import EvaluationRecord
from mlp_numpy.training.snapshot import Snapshot


class BestModel:
    """Keeps the weights of the evaluation with the best value of a metric; ties go to the earliest.

    patience            evaluations in a row without improvement before ``exhausted``; None: unlimited
    monitor             name of the metric, or "loss"
    greater_is_better   its direction
    min_delta           an evaluation that is not better than the best by more than this is no improvement for
                        ``patience``; its weights are kept all the same if it is the best

    Raises OptionError unless patience is an integer ≥ 1, min_delta a number ≥ 0 and ``snapshot`` a Snapshot.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        patience: int | None = None,
        *,
        monitor: str = "accuracy",
        greater_is_better: bool = True,
        min_delta: float = 0.0,
    ) -> None:
        self.best = instance("BestModel", "snapshot", snapshot, Snapshot)
        self.patience = None if patience is None else whole_number("BestModel", "patience", patience)
        self.min_delta = number("BestModel", "min_delta", min_delta, NOT_NEGATIVE)
        self.monitor = monitor
        self._sign = 1.0 if flag("BestModel", "greater_is_better", greater_is_better) else -1.0
        self.value = -self._sign * math.inf
        self.waited = 0

    @property
    def exhausted(self) -> bool:
        """True if ``patience`` evaluations in a row brought no improvement."""
        return self.patience is not None and self.waited >= self.patience

    def update(self, record: EvaluationRecord) -> None:
        """Record an evaluation of the current model."""
        value, best = self._sign * record.value(self.monitor), self._sign * self.value
        self.waited = 0 if value > best + self.min_delta else self.waited + 1
        if value > best:
            self.value = record.value(self.monitor)
            self.best.take(record.step)

    def state(self) -> dict[str, Array]:
        """Copies of everything that later evaluations depend on, for ``load_state``."""
        counters = {"value": np.array(self.value), "waited": np.array(self.waited)}
        return counters | with_prefix("best/", self.best.state())

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from the state of another BestModel of the same model; raises as ``Snapshot.load_state`` does."""
        value, waited = np.array(self.value), np.array(self.waited)
        counters = NamedArrays("BestModel.load_state", {"value": value, "waited": waited})
        # "accuracy" is the value's name in checkpoints of version 0.1
        own = {{"accuracy": "value"}.get(name, name): array for name, array in state.items() if "best/" not in name}
        counters.checked(own)
        self.best.load_state(strip_prefix("best/", state))
        counters.assign(own)
        self.value, self.waited = float(value), int(waited)


def selects(
    who: str, select: bool, held_out: Split | None, *, monitor: str | None, patience: int | None, min_delta: float
) -> bool:
    """True if ``select`` is True; raises OptionError if it comes without a held-out split, or the others without it."""
    waiting = number(who, "min_delta", min_delta, NOT_NEGATIVE) > 0
    given = {"patience": patience is not None, "monitor": monitor is not None, "min_delta": waiting}
    if flag(who, "select", select):
        if held_out is None:
            raise OptionError(f"{who}: select must come with a held_out split, got None.")
        return True
    for name in (name for name, there in given.items() if there):
        raise OptionError(f"{who}: {name} must come with select, which says what is waited for.")
    return False


def best_by(
    who: str,
    snapshot: Snapshot,
    metrics: Sequence[Metric],
    *,
    monitor: str | None,
    patience: int | None,
    min_delta: float,
) -> BestModel:
    """The BestModel by ``monitor``, one of ``metrics`` or "loss"; None: the first metric.

    Raises OptionError for any other, and what BestModel raises.
    """
    directions = {metric.name: metric.greater_is_better for metric in metrics} | {"loss": False}
    name = choice(who, "monitor", next(iter(directions)) if monitor is None else monitor, directions)
    return BestModel(snapshot, patience, monitor=name, greater_is_better=directions[name], min_delta=min_delta)
