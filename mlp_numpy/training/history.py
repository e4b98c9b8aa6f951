"""What happened in a run, step by step, and its files: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlp_numpy.errors import DataError
from mlp_numpy.files import write_json, write_text
from mlp_numpy.training.trainer import EvaluationRecord, Record, StepRecord


@dataclass
class History:
    """The records of a run, and under ``about`` what they were records of (data set, model, status …)."""

    about: dict[str, Any] = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)
    evaluations: list[EvaluationRecord] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Append a record to the list of its kind."""
        if isinstance(record, StepRecord):
            self.steps.append(record)
        else:
            self.evaluations.append(record)

    @property
    def best(self) -> EvaluationRecord | None:
        """The evaluation with the highest accuracy, the first of equals."""
        return max(self.evaluations, key=lambda record: record.accuracy, default=None)

    @property
    def last_evaluated(self) -> int | None:
        """The step of the last evaluation; None before the first."""
        return self.evaluations[-1].step if self.evaluations else None

    def write(self, path: Path) -> None:
        """Write the history as JSON, one list a column."""
        content = {
            "about": self.about,
            "train": _columns([asdict(record) for record in self.steps]),
            "test": _columns([asdict(record) for record in self.evaluations]),
        }
        write_json(path, content)

    def write_csv(self, path: Path) -> None:
        """Write one row a record: part, step, loss, accuracy."""
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\n")
        table.writerow(["part", "step", "loss", "accuracy"])
        for part, records in (("train", self.steps), ("test", self.evaluations)):
            table.writerows([part, record.step, record.loss, record.accuracy] for record in records)
        write_text(path, rows.getvalue())

    @classmethod
    def read(cls, path: Path) -> History:
        """The history that ``write`` wrote; numbers that were not finite, which JSON does not know, come back as NaN.

        Raises DataError if the file is something else.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                content["about"],
                [StepRecord(*row) for row in _rows(content["train"])],
                [EvaluationRecord(*row) for row in _rows(content["test"])],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"History.read: {path} must be a history that a run wrote, got {error!r}.") from error


def _rows(columns: dict[str, list[Any]]) -> Iterator[tuple[int, float, float]]:
    for step, *measured in zip(columns["step"], columns["loss"], columns["accuracy"], strict=True):
        loss, accuracy = (math.nan if value is None else float(value) for value in measured)
        yield int(step), loss, accuracy


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    columns = {name: [row[name] for row in rows] for name in ("step", "loss", "accuracy")}
    # Six digits show every difference that matters, and keep a history of 1500 steps below 50 kB.
    return {name: [round(value, 6) for value in values] for name, values in columns.items()}
