"""The columns of a data set and their encoding: numbers as they are, categories one-hot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, shown
from mlp_numpy.data.raw_table import KINDS, ColumnKind, RawTable
from mlp_numpy.errors import DataError, OptionError, unknown_name

_BLOCK: Final = 4096


@dataclass(frozen=True)
class Column:
    """A column of the inputs.

    categories   of a category: its values, in the order of the encoding

    Raises OptionError for fields of another type.
    """

    name: str
    kind: ColumnKind
    categories: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        choice("Column", "kind", self.kind, KINDS)
        categories: Any = self.categories
        texts = [self.name, *categories] if isinstance(categories, list | tuple) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise OptionError(f"Column: name and categories must be strings, got {shown(texts)}.")
        if bool(categories) != (self.kind == "category") or len(set(categories)) < len(categories):
            raise OptionError(f"Column: a category must have different values, got {shown(categories)} of {self.kind}.")
        object.__setattr__(self, "categories", tuple(categories))

    @property
    def features(self) -> list[str]:
        """The names of its columns in the encoding: "age", or "city=Basel", "city=Bern"."""
        return [f"{self.name}={value}" for value in self.categories] or [self.name]

    def as_json(self) -> dict[str, Any]:
        """The column as JSON values."""
        return {"name": self.name, "kind": self.kind, "categories": list(self.categories)}

    @classmethod
    def from_json(cls, content: Any) -> Column:
        """The column in a parsed JSON object; raises OptionError if it is not one."""
        if not isinstance(content, Mapping) or set(content) != {"name", "kind", "categories"}:
            raise OptionError(f"Column: expected name, kind and categories, got {shown(content)}.")
        return cls(**content)


def fit_columns(table: RawTable, names: Sequence[str], rows: Array) -> tuple[Column, ...]:
    """The columns ``names``, with the categories that occur in ``rows`` (N,) bool, the training part, in sorted order.

    Raises OptionError for a name that is no column of the table.
    """
    columns = []
    for name in names:
        if name not in table.columns:
            raise OptionError(f"{table.source}: {unknown_name('column', name, table.columns)}")
        values, known = table.columns[name], table.categories.get(name)
        if known is None:
            columns.append(Column(name, "number"))
        else:
            found = sorted(known[code] for code in np.unique(values[rows]))
            columns.append(Column(name, "category", tuple(found)))
    return tuple(columns)


def encode(
    table: RawTable, columns: Sequence[Column], dtype: Any, rows: Array | None = None, *, strict: bool = True
) -> tuple[Array, int]:
    """Encode rows of a table (default: all): (n, D) of ``dtype``, and the number of values in unknown categories.

        number      x
        category    1 in the column of its value, 0 in the others; all 0 for an unknown value, if not ``strict``

    Raises DataError, naming row, column and value, for an unknown category if ``strict``.
    """
    picked = np.arange(len(table)) if rows is None else np.flatnonzero(rows)
    widths = [len(column.features) for column in columns]
    starts = np.cumsum([0, *widths])
    out = np.zeros((len(picked), int(starts[-1])), dtype)
    positions = {column.name: _positions(table, column) for column in columns if column.kind == "category"}
    unknown = 0
    for begin in range(0, len(picked), _BLOCK):
        block = picked[begin : begin + _BLOCK]
        part = out[begin : begin + _BLOCK]
        for column, start in zip(columns, starts, strict=False):
            values = table.columns[column.name][block]
            if column.kind == "number":
                part[:, start] = values
                continue
            at = positions[column.name][values]
            known = at >= 0
            if not known.all():
                if strict:
                    row = int(np.flatnonzero(~known)[0])
                    value = table.categories[column.name][values[row]]
                    raise DataError(
                        f"{table.place(int(block[row]))}: column {column.name!r} must hold a category "
                        f"of the training data, got {value!r}. Hint: {shown(', '.join(column.categories))}."
                    )
                unknown += int(np.count_nonzero(~known))
            part[np.flatnonzero(known), start + at[known]] = 1
    return out, unknown


def decode(columns: Sequence[Column], rows: Array) -> list[list[str]]:
    """The values of encoded rows (n, D) as strings, one per column; "?" for a category that is unknown.

    The inverse of ``encode``.
    """
    starts = np.cumsum([0, *(len(column.features) for column in columns)])
    return [
        [_value(column, row[start:end]) for column, start, end in zip(columns, starts, starts[1:], strict=False)]
        for row in rows
    ]


def _value(column: Column, encoded: Array) -> str:
    if column.kind == "number":
        return f"{encoded[0]:.6g}"
    return column.categories[int(encoded.argmax())] if encoded.any() else "?"


def _positions(table: RawTable, column: Column) -> Array:
    """Code of the table → position in the categories of ``column``, −1 for none."""
    known = {value: position for position, value in enumerate(column.categories)}
    found = [known.get(value, -1) for value in table.categories[column.name]]
    return np.array(found or [0], np.int64)
