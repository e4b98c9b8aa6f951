"""Records of a training, one per step and one per evaluation, and their conversion to and from columns.

Every numeric field of a record is a column of the history, the checkpoint, the CSV file and the result files, and so is
every metric of an evaluation: to add a column, add a field here, with a default for files written before it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of, text_of


@dataclass(frozen=True)
class StepRecord:
    """One update: loss and accuracy of its batch, measured before the update. ``step`` counts updates from 1.

    accuracy      NaN for a task without one
    lr            learning rate of the update; NaN if unknown
    layer_stats   layer → statistic → its value at this step, if it was measured; see ``LayerStats``
    """

    step: int
    loss: float
    accuracy: float = math.nan
    lr: float = math.nan
    layer_stats: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """Loss, accuracy (NaN for a task without one) and other metrics, by name, over a whole held-out split after
    ``step`` updates."""

    step: int
    loss: float
    accuracy: float = math.nan
    metrics: Mapping[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float:
        """The loss, the accuracy or another metric; NaN if it was not measured."""
        found = {"loss": self.loss, "accuracy": self.accuracy}.get(name)
        return self.metrics.get(name, math.nan) if found is None else found

    @property
    def measured(self) -> dict[str, float]:
        """The accuracy, if there is one, and the other metrics."""
        return ({} if math.isnan(self.accuracy) else {"accuracy": self.accuracy}) | dict(self.metrics)

    def as_json(self) -> dict[str, float]:
        """Step, loss, accuracy if there is one, and metrics as JSON values."""
        return {"step": self.step, "loss": self.loss} | self.measured

    @classmethod
    def from_json(cls, name: str, content: Any) -> EvaluationRecord:
        """The record in a parsed JSON object, ``name`` in errors.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        values = {text_of(f"{name} entry", key): value for key, value in object_of(name, content).items()}
        step = count_of(f"{name} step", values.pop("step"))
        numbers = {key: number_of(f"{name} {key}", value) for key, value in values.items()}
        return cls(step, numbers.pop("loss"), numbers.pop("accuracy", math.nan), numbers)


Record = StepRecord | EvaluationRecord
R = TypeVar("R", StepRecord, EvaluationRecord)


def _count(name: str, value: Any) -> int:
    """A count, which may be stored as a float."""
    return count_of(name, int(value) if isinstance(value, float) and value.is_integer() else value)


_READ: Final[dict[str, Callable[[str, Any], float]]] = {"int": _count, "float": number_of}


def column_names(kind: type[Record], *, required: bool = False) -> list[str]:
    """The names of a record's columns; with ``required``, only of those that every file has."""
    fields = [field for field in dataclasses.fields(kind) if field.type in _READ]
    return [field.name for field in fields if not required or field.default is dataclasses.MISSING]


def metric_names(records: Iterable[Record]) -> list[str]:
    """The metrics of evaluations besides loss and accuracy, in the order of their first appearance."""
    named = (record.metrics for record in records if isinstance(record, EvaluationRecord))
    return list(dict.fromkeys(name for metrics in named for name in metrics))


def as_columns(kind: type[Record], records: Sequence[Record], digits: int) -> dict[str, list[float]]:
    """Records of one type as rounded columns; an optional column that is NaN in every record is left out."""
    columns = {name: [getattr(record, name) for record in records] for name in column_names(kind)}
    required = column_names(kind, required=True)
    kept = {
        name: values
        for name, values in columns.items()
        if name in required or not all(math.isnan(value) for value in values)
    }
    evaluations = [record for record in records if isinstance(record, EvaluationRecord)]
    kept |= {name: [record.value(name) for record in evaluations] for name in metric_names(records)}
    return {name: [round(value, digits) for value in values] for name, values in kept.items()}


def from_columns(kind: type[R], columns: Any) -> list[R]:
    """Records from columns; those that are no field are metrics of an evaluation.

    Raises KeyError, TypeError or ValueError for invalid columns.
    """
    table = object_of("columns", columns)
    fields = [each.name for each in dataclasses.fields(kind)]
    read = {each.name: _READ[each.type] for each in dataclasses.fields(kind) if each.type in _READ}
    required = column_names(kind, required=True)
    names = [name for name in read if name in table or name in required]
    metrics = [text_of("a column", name) for name in table if name not in fields] if kind is EvaluationRecord else []
    columns_read = [
        [read.get(name, number_of)(name, value) for value in list_of(name, table[name])] for name in names + metrics
    ]
    rows = zip(*columns_read, strict=True)
    return [_from_row(kind, names, metrics, row) for row in rows]


def _from_row(kind: type[R], names: Sequence[str], metrics: Sequence[str], row: Sequence[Any]) -> R:
    values: dict[str, Any] = dict(zip(names, row[: len(names)], strict=True))
    if metrics:
        values["metrics"] = dict(zip(metrics, row[len(names) :], strict=True))
    return kind(**values)


def mean_record(kind: type[R], records: Iterable[R]) -> R:
    """The record of column means, with the step of the last record."""
    found = list(records)
    row: dict[str, Any] = {name: sum(getattr(each, name) for each in found) / len(found) for name in column_names(kind)}
    row["step"] = found[-1].step
    return kind(**row)
