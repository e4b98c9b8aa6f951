"""What happened in a run, step by step, and its files: JSON for programs, CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import write_json, write_text
from mlp_numpy.checks import choice, instance, shown
from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of, read_json, text_of, understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import DTypeError, ShapeError, UnknownNameError
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord

PARTS: Final = ("test", "validation")
"""What can be evaluated while training."""


@dataclass
class History:
    """The records of a run, and under ``about`` what they were records of (data set, model, status …).

    part   what the evaluations were made on, test or validation

    Raises OptionError for what are no records, or another part.
    """

    about: dict[str, Any] = field(default_factory=dict)
    steps: list[StepRecord] = field(default_factory=list)
    evaluations: list[EvaluationRecord] = field(default_factory=list)
    part: str = "test"

    def __post_init__(self) -> None:
        instance("History", "about", self.about, dict)
        choice("History", "part", self.part, PARTS)
        for name, records, kind in (
            ("steps", self.steps, StepRecord),
            ("evaluations", self.evaluations, EvaluationRecord),
        ):
            for record in instance("History", name, records, list):
                instance("History", f"each of {name}", record, kind)

    def add(self, record: Record) -> None:
        """Append a record to the list of its kind. Raises OptionError for what is no record."""
        if isinstance(record, StepRecord):
            self.steps.append(record)
        else:
            self.evaluations.append(instance("History.add", "record", record, EvaluationRecord))

    @property
    def best(self) -> EvaluationRecord | None:
        """The evaluation with the highest accuracy, the first of equals."""
        return max(self.evaluations, key=lambda record: record.accuracy, default=None)

    @property
    def last_evaluated(self) -> int | None:
        """The step of the last evaluation; None before the first."""
        return self.evaluations[-1].step if self.evaluations else None

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the history as JSON, one list a column. Raises OptionError if ``path`` is no path."""
        path = as_path("History.write", path)
        content = {
            "about": self.about,
            "train": _columns([asdict(record) for record in self.steps]),
            self.part: _columns([asdict(record) for record in self.evaluations]),
        }
        watched = self.watched()
        if watched:
            content["watch"] = watched
        write_json(path, content)

    def write_csv(self, path: str | os.PathLike[str]) -> None:
        """Write one row a record: part, step, loss, accuracy. Raises OptionError if ``path`` is no path."""
        path = as_path("History.write_csv", path)
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\n")
        table.writerow(["part", "step", "loss", "accuracy"])
        for part, records in (("train", self.steps), (self.part, self.evaluations)):
            table.writerows([part, record.step, record.loss, record.accuracy] for record in records)
        write_text(path, rows.getvalue())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> History:
        """The history that ``write`` wrote; numbers that were not finite, which JSON does not know, come back as NaN.

        Raises DataNotFoundError if there is no such file, DataError if it is unreadable or something else,
        OptionError if ``path`` is no path.
        """
        path, wanted = as_path("History.read", path), "a history that a run wrote"
        content = read_json("History.read", path, wanted)
        with understood("History.read", f"{path} must be {wanted}"):
            (part,) = [name for name in PARTS if name in object_of("its content", content)]
            watched = _watched_rows(content.get("watch", {}))
            return cls(
                checked_about(content["about"]),
                [StepRecord(*row, watched.get(row[0])) for row in _rows(content["train"])],
                [EvaluationRecord(*row) for row in _rows(content[part])],
                part,
            )

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
        """Make the records those that ``arrays`` gave, with what was watched at which step.

        Raises UnknownNameError, ShapeError or DTypeError for other arrays; then nothing is changed.
        """
        rows = {name: _checked_rows(name, arrays) for name in ("steps", "evaluations")}
        self.steps = [StepRecord(*row, watched.get(row[0])) for row in rows["steps"]]
        self.evaluations = [EvaluationRecord(*row) for row in rows["evaluations"]]


def _checked_rows(name: str, arrays: Mapping[str, Array]) -> list[tuple[int, float, float]]:
    if name not in arrays:
        raise UnknownNameError(f"History.load_arrays: there must be {name}, got {shown(list(arrays))}.")
    array = np.asarray(arrays[name])
    if array.ndim != 2 or array.shape[1] != 3:
        raise ShapeError(f"History.load_arrays: {name} must be (n, 3), got {array.shape}.")
    steps = array[:, 0]
    if (
        array.dtype.kind != "f"
        or not np.array_equal(steps, np.floor(steps))
        or not np.all((steps >= 0) & (steps < 2**53))
    ):
        raise DTypeError(
            f"History.load_arrays: {name} must be numbers, the first column whole ones, got {shown(array)}."
        )
    return [(int(step), loss, right) for step, loss, right in array.tolist()]


def checked_about(about: Any) -> dict[str, Any]:
    """What is known of a run, if each thing that the library asks of it is of its kind; else ValueError.

    What is absent is left to whoever needs it.
    """
    for name, value in object_of("about", about).items():
        text_of("a name", name)
        if name in _ABOUT:
            _ABOUT[name](f"about {name}", value)
    return dict(about)


def _texts(name: str, value: Any) -> None:
    for each in list_of(name, value):
        if not text_of(name, each).strip():
            raise ValueError(f"{name} without a word")


def _found(name: str, value: Any) -> None:
    count_of(f"{name} step", object_of(name, value)["step"])
    for measured in ("loss", "accuracy"):
        number_of(f"{name} {measured}", value[measured])


def _seconds(name: str, value: Any) -> None:
    if not number_of(name, value) >= 0:
        raise ValueError(f"{name} {value}")


_ABOUT: Final[dict[str, Callable[[str, Any], Any]]] = {
    **dict.fromkeys(("name", "dataset", "dataset_option", "data_dir", "source", "status", "model"), text_of),
    **dict.fromkeys(("loss", "optimizer"), text_of),
    **dict.fromkeys(("test_openings", "not_saved"), _texts),
    "seconds": _seconds,
    "config": object_of,
    "test": _found,
    "resumed_at": lambda name, value: [count_of(name, step) for step in list_of(name, value)],
    "parameters": count_of,
}


def checked_watch(rows: Any) -> dict[int, dict[str, dict[str, float]]]:
    """What was watched at which step, from a list of both; ValueError for something else."""
    return {
        count_of("watched step", step): {
            layer: {name: number_of(f"watched {name}", value) for name, value in object_of(layer, measures).items()}
            for layer, measures in object_of("watched", layers).items()
        }
        for step, layers in list_of("watched", rows)
    }


def _watched_rows(columns: Any) -> dict[int, dict[str, dict[str, float]]]:
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


def _rows(columns: Any) -> Iterator[tuple[int, float, float]]:
    table = [list_of(name, object_of("columns", columns)[name]) for name in ("step", "loss", "accuracy")]
    for step, loss, accuracy in zip(*table, strict=True):
        yield count_of("step", step), number_of("loss", loss), number_of("accuracy", accuracy)


def _columns(rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    columns = {name: [row[name] for row in rows] for name in ("step", "loss", "accuracy")}
    # Six digits show every difference that matters, and keep a history of 1500 steps below 50 kB.
    return {name: [round(value, 6) for value in values] for name, values in columns.items()}
