"""What happened in a run, step by step, and its files: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, DataNotFoundError, unreadable
from mlp_numpy.files import write_json, write_text
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord

PARTS: Final = ("test", "validation")
"""What can be evaluated while training."""


@dataclass
class History:
    """The records of a run, and under ``about`` what they were records of (data set, model, status …).

    part   what the evaluations were made on, test or validation
    """

    about: dict[str, Any] = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)
    evaluations: list[EvaluationRecord] = field(default_factory=list)
    part: str = "test"

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
            self.part: _columns([asdict(record) for record in self.evaluations]),
        }
        watched = self.watched()
        if watched:
            content["watch"] = watched
        write_json(path, content)

    def write_csv(self, path: Path) -> None:
        """Write one row a record: part, step, loss, accuracy."""
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\n")
        table.writerow(["part", "step", "loss", "accuracy"])
        for part, records in (("train", self.steps), (self.part, self.evaluations)):
            table.writerows([part, record.step, record.loss, record.accuracy] for record in records)
        write_text(path, rows.getvalue())

    @classmethod
    def read(cls, path: Path) -> History:
        """The history that ``write`` wrote; numbers that were not finite, which JSON does not know, come back as NaN.

        Raises DataNotFoundError if there is no such file, DataError if it is unreadable or something else.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataNotFoundError(f"History.read: there must be a history at {path}, found none.") from error
        except OSError as error:
            raise unreadable("History.read", path, error) from error
        except ValueError:
            text = ""
        try:
            content = json.loads(text)
            (part,) = [name for name in PARTS if name in content]
            watched = _watched_rows(content.get("watch", {}))
            return cls(
                content["about"],
                [StepRecord(*row, watched.get(row[0])) for row in _rows(content["train"])],
                [EvaluationRecord(*row) for row in _rows(content[part])],
                part,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"History.read: {path} must be a history that a run wrote, got {error!r}.") from error


    def watched(self) -> dict[str, Any]:
        """What was watched, as columns: {"step": […], layer: {measure: […], …}, …}; empty if nothing was."""
        found = [(record.step, record.watched) for record in self.steps if record.watched]
        if not found:
            return {}
        columns: dict[str, Any] = {"step": [step for step, _ in found]}
        for layer, measures in found[0][1].items():
            columns[layer] = {name: [float(f"{row[layer][name]:.5g}") for _, row in found] for name in measures}
        return columns

    def arrays(self) -> dict[str, Array]:
        """The numbers of all records to the last bit: (n, 3) each, step, loss and accuracy."""
        return {
            name: np.array([[record.step, record.loss, record.accuracy] for record in records]).reshape(-1, 3)
            for name, records in (("steps", self.steps), ("evaluations", self.evaluations))
        }

    def load_arrays(self, arrays: Mapping[str, Array], watched: Mapping[int, Any]) -> None:
        """Make the records those that ``arrays`` gave, with what was watched at which step."""
        rows = {
            name: [(int(step), loss, right) for step, loss, right in array.tolist()] for name, array in arrays.items()
        }
        self.steps = [StepRecord(*row, watched.get(row[0])) for row in rows["steps"]]
        self.evaluations = [EvaluationRecord(*row) for row in rows["evaluations"]]


def _watched_rows(columns: Mapping[str, Any]) -> dict[int, dict[str, dict[str, float]]]:
    return {
        step: {
            layer: {name: values[row] for name, values in measures.items()}
            for layer, measures in columns.items()
            if layer != "step"
        }
        for row, step in enumerate(columns.get("step", []))
    }


def _rows(columns: dict[str, list[Any]]) -> Iterator[tuple[int, float, float]]:
    for step, *measured in zip(columns["step"], columns["loss"], columns["accuracy"], strict=True):
        loss, accuracy = (math.nan if value is None else float(value) for value in measured)
        yield int(step), loss, accuracy


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    columns = {name: [row[name] for row in rows] for name in ("step", "loss", "accuracy")}
    # Six digits show every difference that matters, and keep a history of 1500 steps below 50 kB.
    return {name: [round(value, 6) for value in values] for name, values in columns.items()}
