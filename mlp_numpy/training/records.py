"""Records of a training, one a step and one an evaluation, and the same as columns of numbers.

Every field of a record that is a number is a column of the history, the checkpoint, the CSV file and the result files:
a new column is a new field here, with a default for the files that were written before it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of


@dataclass(frozen=True)
class StepRecord:
    """One update: loss and accuracy of its batch, measured before the update. ``step`` counts updates from 1.

    lr            learning rate of the update; NaN where it is not known
    layer_stats   layer → name of a measure → its value at this step, where the trainer measured; see ``LayerStats``
    """

    step: int
    loss: float
    accuracy: float
    lr: float = math.nan
    layer_stats: Mapping[str, Mapping[str, float]] | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """Loss and accuracy over a whole held-out split after ``step`` updates."""

    step: int
    loss: float
    accuracy: float


Record = StepRecord | EvaluationRecord
R = TypeVar("R", StepRecord, EvaluationRecord)


def _count(name: str, value: Any) -> int:
    """A count; in a table of floats it may stand as one."""
    return count_of(name, int(value) if isinstance(value, float) and value.is_integer() else value)


_READ: Final[dict[str, Callable[[str, Any], float]]] = {"int": _count, "float": number_of}


def column_names(kind: type[Record], *, required: bool = False) -> list[str]:
    """The names of a record's columns; with ``required``, of those that every file has."""
    fields = [field for field in dataclasses.fields(kind) if field.type in _READ]
    return [field.name for field in fields if not required or field.default is dataclasses.MISSING]


def as_columns(kind: type[Record], records: Sequence[Record], digits: int) -> dict[str, list[float]]:
    """Records of one kind as columns, rounded; a column that no record knows is left out."""
    columns = {name: [getattr(record, name) for record in records] for name in column_names(kind)}
    required = column_names(kind, required=True)
    return {
        name: [round(value, digits) for value in values]
        for name, values in columns.items()
        if name in required or not all(math.isnan(value) for value in values)
    }


def from_columns(kind: type[R], columns: Any) -> list[R]:
    """The records that columns say; KeyError, TypeError or ValueError for what are no columns of theirs."""
    table = object_of("columns", columns)
    required = column_names(kind, required=True)
    read = {field.name: _READ[field.type] for field in dataclasses.fields(kind) if field.type in _READ}
    names = [name for name in read if name in table or name in required]
    columns_read = ([read[name](name, value) for value in list_of(name, table[name])] for name in names)
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in zip(*columns_read, strict=True)]
    return [kind(**row) for row in rows]


def mean_record(kind: type[R], records: Iterable[R]) -> R:
    """The means of all columns, at the step of the last record."""
    found = list(records)
    row: dict[str, Any] = {name: sum(getattr(each, name) for each in found) / len(found) for name in column_names(kind)}
    row["step"] = found[-1].step
    return kind(**row)
