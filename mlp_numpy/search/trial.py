"""One trial of a search: a training in memory that writes no files."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlp_numpy.config import Config
from mlp_numpy.data.json_files import number_of, object_of, text_of, understood
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment import build_components
from mlp_numpy.experiment.build import metrics_of
from mlp_numpy.search.data_source import DataSource
from mlp_numpy.search.parallel import exit_with_parent
from mlp_numpy.search.space import Point
from mlp_numpy.training import EvaluationRecord, best_of, greater_is_better


@dataclass(frozen=True)
class TrialResult:
    """The outcome of a trial.

    point    the hyperparameters varied in this trial
    status   "finished", "stopped early", "diverged: …", or "lost: …" if the workers that ran it died, with the reason
    best     the best evaluation by ``monitor``, the first in case of ties; None for a diverged or lost trial
    last     the last evaluation; None for a diverged or lost trial
    monitor  the metric that evaluations are compared by, or "loss"
    """

    point: Point
    status: str
    best: EvaluationRecord | None
    last: EvaluationRecord | None
    seconds: float
    monitor: str = "accuracy"

    @property
    def value(self) -> float:
        """The best value of ``monitor``; NaN for a diverged or lost trial."""
        return math.nan if self.best is None else self.best.value(self.monitor)

    @property
    def score(self) -> float:
        """``value``, or its negative if smaller is better; −∞ for a diverged or lost trial."""
        if math.isnan(self.value):
            return -math.inf
        return self.value if greater_is_better(self.monitor) else -self.value

    def as_json(self) -> dict[str, Any]:
        """A JSON object for ``from_json``."""
        best, last = (None if record is None else record.as_json() for record in (self.best, self.last))
        return asdict(self) | {"best": best, "last": last}

    @classmethod
    def from_json(cls, where: str, content: dict[str, Any]) -> TrialResult:
        """The inverse of ``as_json``; lists in the point become tuples. Raises DataError for anything else."""
        who, _, place = where.partition(": ")
        with understood(who, f"{place} must hold a trial of a search"):
            trial = object_of("it", content)
            best, last = (_evaluation(name, trial[name]) for name in ("best", "last"))
            point = object_of("point", trial["point"])
            for name, value in point.items():
                _check_setting(name, value)
            seconds, monitor = (
                number_of("seconds", trial["seconds"]),
                text_of("monitor", trial.get("monitor", "accuracy")),
            )
            return cls(point, text_of("status", trial["status"]), best, last, seconds, monitor)


def _check_setting(name: str, value: Any) -> None:
    """Raise ValueError for a value that is not valid for any setting."""
    if isinstance(value, list):
        for each in value:
            _check_setting(name, each)
    elif isinstance(value, str):
        text_of(name, value)
    elif not isinstance(value, bool) and number_of(name, value) != value:
        raise ValueError(f"{name} {value}")


def _evaluation(name: str, content: Any) -> EvaluationRecord | None:
    if content is None:
        return None
    record = EvaluationRecord.from_json(name, content)
    if content.get("accuracy", 0) is None:
        raise TypeError(f"{name} accuracy null")
    if not (math.isnan(record.accuracy) or 0 <= record.accuracy <= 1):
        raise ValueError(f"accuracy {record.accuracy}")
    return record


def run_trial(config: Config, point: Point) -> TrialResult:
    """Train with ``config``; ``point`` is copied to the outcome."""
    began = time.perf_counter()
    evaluations: list[EvaluationRecord] = []
    loaded = DataSource.of(config).load()
    # Trials run side by side, one on each core.
    trainer = build_components(replace(config, threads=1), loaded=loaded).trainer
    try:
        for record in trainer.run(config.steps):
            if isinstance(record, EvaluationRecord):
                evaluations.append(record)
                exit_with_parent()
    except NonFiniteError as error:
        seconds = round(time.perf_counter() - began, 3)
        return TrialResult(point, f"diverged: {error}", None, None, seconds, trainer.monitor)
    status = "finished" if trainer.step >= config.steps else "stopped early"
    best, seconds = best_of(evaluations, trainer.monitor), round(time.perf_counter() - began, 3)
    return TrialResult(point, status, best, evaluations[-1], seconds, trainer.monitor)


def lost_trial(reason: str, config: Config, point: Point) -> TrialResult:
    """The outcome of a trial whose workers died."""
    chosen = config.monitor if config.held_out == "validation" else "auto"
    monitor = chosen if chosen != "auto" else metrics_of(DataSource.of(config).load().dataset.task)[0].name
    return TrialResult(point, f"lost: {reason}", None, None, 0.0, monitor)
