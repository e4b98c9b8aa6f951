"""The history of a run, step by step, and its files: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import write_json, write_text
from mlp_numpy.checks import choice, instance, shown
from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of, read_json, understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.targets import TASKS, Task
from mlp_numpy.errors import DTypeError, ShapeError, UnknownNameError
from mlp_numpy.training.metrics import DEFAULT_METRICS, best_of
from mlp_numpy.training.records import (
    EvaluationRecord,
    R,
    Record,
    StepRecord,
    as_columns,
    column_names,
    from_columns,
    metric_names,
)
from mlp_numpy.training.run_info import RunInfo

PARTS: Final = ("test", "validation")
"""The splits that can be evaluated while training."""
_METRIC: Final = "metric."


@dataclass
class History:
    """The records of a run, with its metadata (data set, model, status …) under ``about``.

    part   the split that was evaluated, test or validation

    Raises OptionError for fields of another type, or another part.
    """

    info: RunInfo = field(default_factory=RunInfo)
    steps: list[StepRecord] = field(default_factory=list)
    evaluations: list[EvaluationRecord] = field(default_factory=list)
    part: str = "test"

    def __post_init__(self) -> None:
        instance("History", "info", self.info, RunInfo)
        choice("History", "part", self.part, PARTS)
        for name, records, kind in (
            ("steps", self.steps, StepRecord),
            ("evaluations", self.evaluations, EvaluationRecord),
        ):
            for record in instance("History", name, records, list):
                instance("History", f"each of {name}", record, kind)

    def add(self, record: Record) -> None:
        """Append a record to the list of its type. Raises OptionError if it is not a record."""
        if isinstance(record, StepRecord):
            self.steps.append(record)
        else:
            self.evaluations.append(instance("History.add", "record", record, EvaluationRecord))

    @property
    def best(self) -> EvaluationRecord | None:
        """The best evaluation by ``monitor``; ties go to the earliest."""
        return best_of(self.evaluations, self.monitor)

    @property
    def monitor(self) -> str:
        """The metric that evaluations are compared by, or "loss"."""
        return self.info.monitor or "accuracy"

    @property
    def metric(self) -> str:
        """``monitor``; where that is the loss, the first metric of the task."""
        return self.monitor if self.monitor != "loss" else DEFAULT_METRICS[self.task][0]

    @property
    def task(self) -> Task:
        """The task."""
        found = [each for each in TASKS if each == self.info.task]
        return found[0] if found else "classification"

    @property
    def last_evaluated(self) -> int | None:
        """The step of the last evaluation; None before the first."""
        return self.evaluations[-1].step if self.evaluations else None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the history as JSON, one list per column. Raises OptionError if ``path`` is not a path."""
        path = as_path("History.write", path)
        content = {
            "about": self.info.as_json(),
            # Six digits show every difference that matters, and keep a history of 1500 steps below 50 kB.
            "train": as_columns(StepRecord, self.steps, 6),
            self.part: as_columns(EvaluationRecord, self.evaluations, 6),
        }
        stats = self.layer_stats()
        if stats:
            content["watch"] = stats
        write_json(path, content)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row per record: its part, then its columns. Raises OptionError if ``path`` is not a path."""
        path = as_path("History.write_csv", path)
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\n")
        names, metrics = column_names(StepRecord), metric_names(self.evaluations)
        table.writerow(["part", *names, *metrics])
        parts: tuple[tuple[str, Sequence[Record]], ...] = (("train", self.steps), (self.part, self.evaluations))
        for part, records in parts:
            for record in records:
                measured = record.metrics if isinstance(record, EvaluationRecord) else {}
                row = [getattr(record, name, "") for name in names] + [measured.get(name, "") for name in metrics]
                row = ["" if value != value else value for value in row]  # NaN: not measured
                table.writerow([part, *row])
        write_text(path, rows.getvalue())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> History:
        """Read a history that ``write`` wrote; non-finite values, which JSON cannot express, come back as NaN.

        Raises DataNotFoundError if the file is missing, DataError if it is unreadable or something else, OptionError
        if ``path`` is not a path.
        """
        path, wanted = as_path("History.read", path), "a history that a run wrote"
        content = read_json("History.read", path, wanted)
        with understood("History.read", f"{path} must be {wanted}"):
            (part,) = [name for name in PARTS if name in object_of("its content", content)]
            stats = _rows_of_stats(content.get("watch", {}))
            return cls(
                RunInfo.from_json(content["about"]),
                _with_stats(from_columns(StepRecord, content["train"]), stats),
                from_columns(EvaluationRecord, content[part]),
                part,
            )

    def layer_stats(self) -> dict[str, Any]:
        """The layer statistics as columns: {"step": […], layer: {measure: […], …}, …}; empty if there are none."""
        found = [(record.step, record.layer_stats) for record in self.steps if record.layer_stats]
        if not found:
            return {}
        columns: dict[str, Any] = {"step": [step for step, _ in found]}
        for layer, measures in found[0][1].items():
            columns[layer] = {name: [float(f"{row[layer][name]:.5g}") for _, row in found] for name in measures}
        return columns

    def arrays(self) -> dict[str, Array]:
        """The columns of all records to the last bit, (n, number of columns) each; every metric (n,) by its name."""
        tables: dict[str, tuple[type[Record], Sequence[Record]]] = {
            "steps": (StepRecord, self.steps),
            "evaluations": (EvaluationRecord, self.evaluations),
        }
        found = {}
        for name, (kind, records) in tables.items():
            names = column_names(kind)
            rows = [[getattr(record, column) for column in names] for record in records]
            found[name] = np.array(rows, np.float64).reshape(-1, len(names))
        for name in metric_names(self.evaluations):
            found[_METRIC + name] = np.array([record.value(name) for record in self.evaluations], np.float64)
        return found

    def load_arrays(self, arrays: Mapping[str, Array], stats: Mapping[int, Any]) -> None:
        """Replace the records by those in ``arrays`` (as ``arrays()`` returns them) and ``stats`` (layer statistics by
        step).

        Columns added since the arrays were written take their defaults. Raises UnknownNameError, ShapeError or
        DTypeError for other arrays; then nothing is changed.
        """
        steps = _checked_rows("steps", arrays, StepRecord)
        evaluations = _with_metrics(_checked_rows("evaluations", arrays, EvaluationRecord), arrays)
        self.steps, self.evaluations = _with_stats(steps, stats), evaluations


def _with_stats(records: list[StepRecord], stats: Mapping[int, Any]) -> list[StepRecord]:
    return [replace(record, layer_stats=stats[record.step]) if record.step in stats else record for record in records]


def _with_metrics(records: list[EvaluationRecord], arrays: Mapping[str, Array]) -> list[EvaluationRecord]:
    columns = {name.removeprefix(_METRIC): array for name, array in arrays.items() if name.startswith(_METRIC)}
    for name, array in columns.items():
        if np.shape(array) != (len(records),) or array.dtype.kind != "f":
            raise ShapeError(f"History.load_arrays: {name} must be ({len(records)},) floats, got {shown(array)}.")
    return [
        replace(record, metrics={name: float(array[row]) for name, array in columns.items()}) if columns else record
        for row, record in enumerate(records)
    ]


def _checked_rows(name: str, arrays: Mapping[str, Array], kind: type[R]) -> list[R]:
    if name not in arrays:
        raise UnknownNameError(f"History.load_arrays: expected an array {name!r}, got {shown(list(arrays))}.")
    array = np.asarray(arrays[name])
    least, most = len(column_names(kind, required=True)), len(column_names(kind))
    if array.ndim != 2 or not least <= array.shape[1] <= most:
        raise ShapeError(f"History.load_arrays: {name} must be (n, {most}), got {array.shape}.")
    steps = array[:, 0]
    if (
        array.dtype.kind != "f"
        or not np.array_equal(steps, np.floor(steps))
        or not np.all((steps >= 0) & (steps < 2**53))
    ):
        raise DTypeError(
            f"History.load_arrays: {name} must be numbers with integers in the first column, got {shown(array)}."
        )
    rows: list[list[Any]] = array.tolist()
    return [kind(int(step), *values) for step, *values in rows]


def checked_stats(rows: Any) -> dict[int, dict[str, dict[str, float]]]:
    """Layer statistics by step, from a list of (step, layers) pairs; raises ValueError for anything else."""
    return {
        count_of("watched step", step): {
            layer: {name: number_of(f"watched {name}", value) for name, value in object_of(layer, measures).items()}
            for layer, measures in object_of("watched", layers).items()
        }
        for step, layers in list_of("watched", rows)
    }


def _rows_of_stats(columns: Any) -> dict[int, dict[str, dict[str, float]]]:
    if not object_of("watch", columns):
        return {}
    steps = [count_of("watch step", step) for step in list_of("watch step", columns["step"])]
    rows: dict[int, dict[str, dict[str, float]]] = {step: {} for step in steps}
    for layer, measures in columns.items():
        if layer == "step":
            continue
        for name, values in object_of(f"watch {layer}", measures).items():
            where = f"watch {layer} {name}"
            for step, value in zip(steps, list_of(where, values), strict=True):
                rows[step].setdefault(layer, {})[name] = number_of(where, value)
    return rows
