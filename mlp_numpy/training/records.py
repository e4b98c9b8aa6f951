"""Records of a training, one per step and one per evaluation, and their conversion to and from columns.

Every numeric field of a record is a column of the history, the checkpoint, the CSV file and the result files: to add a
column, add a field here, with a default for files written before it.
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

    lr            learning rate of the update; NaN if unknown
    layer_stats   layer → statistic → its value at this step, if it was measured; see ``LayerStats``
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
    """A count, which may be stored as a float."""
    return count_of(name, int(value) if isinstance(value, float) and value.is_integer() else value)


_READ: Final[dict[str, Callable[[str, Any], float]]] = {"int": _count, "float": number_of}


def column_names(kind: type[Record], *, required: bool = False) -> list[str]:
    """The names of a record's columns; with ``required``, only of those that every file has."""
    fields = [field for field in dataclasses.fields(kind) if field.type in _READ]
    return [field.name for field in fields if not required or field.default is dataclasses.MISSING]


def as_columns(kind: type[Record], records: Sequence[Record], digits: int) -> dict[str, list[float]]:
    """Records of one type as rounded columns; an optional column that is NaN in every record is left out."""
    columns = {name: [getattr(record, name) for record in records] for name in column_names(kind)}
    required = column_names(kind, required=True)
    return {
        name: [round(value, digits) for value in values]
        for name, values in columns.items()
        if name in required or not all(math.isnan(value) for value in values)
    }


def from_columns(kind: type[R], columns: Any) -> list[R]:
    """Records from columns; raises KeyError, TypeError or ValueError for invalid columns."""
    table = object_of("columns", columns)
    required = column_names(kind, required=True)
    read = {field.name: _READ[field.type] for field in dataclasses.fields(kind) if field.type in _READ}
    names = [name for name in read if name in table or name in required]
    columns_read = ([read[name](name, value) for value in list_of(name, table[name])] for name in names)
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in zip(*columns_read, strict=True)]
    return [kind(**row) for row in rows]


def mean_record(kind: type[R], records: Iterable[R]) -> R:
    """The record of column means, with the step of the last record."""
    found = list(records)
    row: dict[str, Any] = {name: sum(getattr(each, name) for each in found) / len(found) for name in column_names(kind)}
    row["step"] = found[-1].step
    return kind(**row)
