"""One trial of a search: a training in memory that leaves nothing but its numbers."""

from __future__ import annotations

import functools
import time
from dataclasses import asdict, dataclass
from typing import Any

from mlp_numpy.config import Config
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import DataError, NonFiniteError
from mlp_numpy.experiment import assemble
from mlp_numpy.search.side_by_side import leave_with
from mlp_numpy.search.space import Point
from mlp_numpy.training import EvaluationRecord

# A process that does many trials loads their data once.
_load = functools.lru_cache(maxsize=1)(load_dataset)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    point    its settings that others have otherwise
    status   "finished", "stopped early", or "diverged: …" with what went wrong
    best     the evaluation with the highest accuracy, the first of equals; None of a trial that diverged
    last     the last evaluation; None likewise
    """

    point: Point
    status: str
    best: EvaluationRecord | None
    last: EvaluationRecord | None
    seconds: float

    @property
    def accuracy(self) -> float:
        """The best one; NaN of a trial that diverged."""
        return float("nan") if self.best is None else self.best.accuracy

    def as_json(self) -> dict[str, Any]:
        """What ``from_json`` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, where: str, content: dict[str, Any]) -> Outcome:
        """The outcome that ``as_json`` gave; a list in its point was a tuple. Raises DataError for something else."""
        try:
            best, last = (_evaluation(content[name]) for name in ("best", "last"))
            return cls(dict(content["point"]), str(content["status"]), best, last, float(content["seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{where} must hold a trial of a search, got {error!r}.") from error


def _evaluation(content: dict[str, Any] | None) -> EvaluationRecord | None:
    if content is None:
        return None
    record = EvaluationRecord(int(content["step"]), float(content["loss"]), float(content["accuracy"]))
    if not 0 <= record.accuracy <= 1:
        raise ValueError(f"accuracy {record.accuracy}")
    return record


def run_trial(config: Config, point: Point, parent: int) -> Outcome:
    """Train as ``config`` says; ``point`` is handed through.

    parent   the process that waits for the outcome: where it is gone, so is this one at its next evaluation
    """
    began = time.perf_counter()
    evaluations: list[EvaluationRecord] = []
    loaded = _load(config.dataset, config.data_dir, download=config.download)
    trainer = assemble(config, loaded=loaded).trainer
    try:
        for record in trainer.run(config.steps):
            if isinstance(record, EvaluationRecord):
                evaluations.append(record)
                leave_with(parent)
    except NonFiniteError as error:
        return Outcome(point, f"diverged: {error}", None, None, round(time.perf_counter() - began, 3))
    status = "finished" if trainer.step >= config.steps else "stopped early"
    best = max(evaluations, key=lambda record: record.accuracy)
    return Outcome(point, status, best, evaluations[-1], round(time.perf_counter() - began, 3))
