"""A table as it is read: one array per column, which grows in place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.errors import DataError, OptionError, did_you_mean, unknown_name

ColumnKind: TypeAlias = Literal["number", "category"]
KINDS: Final[tuple[ColumnKind, ...]] = get_args(ColumnKind)

MISSING: Final = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null"})
"""Missing values, in lower case."""

MOST_CATEGORIES: Final = 1000
"""The most categories of a column, and the most classes of a target."""

MOST_COLUMNS: Final = 100_000

# A column whose values differ by less than this many steps of its dtype would be noise.
_STEPS: Final = 1000


def is_missing(text: str) -> bool:
    """True for an empty string, NA, NaN and null."""
    return text.strip().lower() in MISSING


@dataclass
class RawTable:
    """The columns of a table: (N,) each, by name.

    source       for error messages
    columns      numbers as floats; categories as int32, the position in ``categories`` of the column
    lines        (N,) the line of the file on which each row ends; None: rows are counted
    left_out     the columns of the file that were not read
    first        the number of rows before the first one, of a piece of a file
    """

    source: str
    columns: dict[str, Array]
    categories: dict[str, list[str]]
    lines: Array | None = None
    left_out: tuple[str, ...] = ()
    first: int = 0

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def place(self, row: int) -> str:
        """The row, counted from 0, for an error message."""
        return (
            f"{self.source}, row {self.first + row + 1}"
            if self.lines is None
            else f"{self.source}, line {self.lines[row]}"
        )


@dataclass(frozen=True)
class Wanted:
    """What is read of a table.

    dtype     of the numbers
    precise   columns whose numbers are float64
    kinds     kinds of columns, where they are known
    only      the columns that are read; None: all
    ignore    columns that are not read
    """

    dtype: Any = np.float32
    precise: Collection[str] = ()
    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    only: Collection[str] | None = None
    ignore: Collection[str] = ()

    def of(self, who: str, names: Sequence[str]) -> dict[str, int]:
        """The columns that are read, each with its position in ``names``, the names in the file.

        Raises DataError for names that are empty or not different, and for a column that the file lacks.
        """
        if len(names) > MOST_COLUMNS:
            raise DataError(f"{who} must have at most {MOST_COLUMNS:,} columns, got {len(names):,}.")
        seen: set[str] = set()
        for at, name in enumerate(names):
            if not name or not name.isprintable():
                raise DataError(f"{who}: column {at + 1} must have a name, got {name!r}.")
            if name in seen:
                raise DataError(f"{who}: columns must have different names, got {name!r} again in column {at + 1}.")
            seen.add(name)
        for name in () if self.only is None else self.only:
            if name not in seen:
                raise DataError(f"{who} must have the column {name!r}.{did_you_mean(name, seen)} Got {shown(names)}.")
        for name in (*self.ignore, *self.precise, *self.kinds):
            if name not in seen:
                raise OptionError(f"{who}: {unknown_name('column', name, names)}")
        wanted = seen if self.only is None else set(self.only)
        return {name: at for at, name in enumerate(names) if name in wanted and name not in self.ignore}

    def dtype_of(self, name: str) -> Any:
        """The dtype of a column of numbers."""
        return np.float64 if name in self.precise else self.dtype

    def largest(self, name: str) -> float:
        """The largest number of a column."""
        return float(np.finfo(self.dtype_of(name)).max)


@dataclass
class _Codes:
    """The categories of a column in order of appearance, and the code of each text as it stands in the file."""

    names: list[str] = field(default_factory=list)
    of: dict[str, int] = field(default_factory=dict)

    def add(self, text: str) -> int:
        """The code of a text, −1 for a missing value."""
        name = text.strip()
        if is_missing(name):
            return -1
        if name not in self.of:
            self.of[name] = len(self.names)
            self.names.append(name)
        self.of[text] = self.of[name]
        return self.of[name]


class GrowingColumns:
    """Columns to which rows are added; an array is extended in place, so that there is one copy of it."""

    def __init__(self, source: str, wanted: Wanted, left_out: Sequence[str] = ()) -> None:
        self._source, self._wanted, self._left_out = source, wanted, tuple(left_out)
        self._n = self._room = self._taken = 0
        self._columns: dict[str, Array] = {}
        self._codes: dict[str, _Codes] = {}
        self._ranges: dict[str, tuple[float, float]] = {}
        self._lines: list[Array] = []

    def add(self, values: Mapping[str, Array], kinds: Mapping[str, ColumnKind], lines: Array | None = None) -> bool:
        """Add rows, float64 or strings by column; returns False if a value is missing or infinite.

        Raises DataError for a column with too many categories.
        """
        n = len(next(iter(values.values()), ()))
        self._extend(self._n + n, kinds)
        rows = slice(self._n, self._n + n)
        for name, kind in kinds.items():
            if kind == "category":
                codes = self._codes[name]
                known = codes.of
                coded = [known[text] if text in known else codes.add(text) for text in values[name]]
                if -1 in coded:
                    return False
                if len(codes.names) > MOST_CATEGORIES:
                    raise DataError(
                        f"{self._source}: column {name!r} must have at most {MOST_CATEGORIES:,} categories, got more, "
                        f"such as {codes.names[-1]!r}. Hint: --ignore {name}, if it is a name or a number of each row."
                    )
                self._columns[name][rows] = coded
                continue
            with np.errstate(over="ignore"):
                self._columns[name][rows] = values[name]
            low, high = float(values[name].min()), float(values[name].max())
            if not max(-low, high) <= self._wanted.largest(name):  # NaN, too
                return False
            known_low, known_high = self._ranges.get(name, (low, high))
            self._ranges[name] = min(low, known_low), max(high, known_high)
        if lines is not None:
            self._lines.append(lines.astype(np.int32))
        self._n += n
        return True

    def take(self) -> RawTable:
        """The rows added since the last call, which are forgotten; the codes of categories stay as they are."""
        columns = {name: column[: self._n].copy() for name, column in self._columns.items()}
        categories = {name: codes.names for name, codes in self._codes.items()}
        lines = np.concatenate(self._lines) if self._lines else None
        table = RawTable(self._source, columns, categories, lines, self._left_out, self._taken)
        self._taken, self._n, self._lines = self._taken + self._n, 0, []
        return table

    def check(self) -> None:
        """Raise DataError if there were no rows, and for numbers that the dtype of their column blurs."""
        if not self._n + self._taken:
            raise DataError(f"{self._source} must have rows below the names of its columns, got none.")
        for name, (low, high) in self._ranges.items():
            step = max(-low, high) * float(np.finfo(self._wanted.dtype_of(name)).eps)
            single = np.dtype(self._wanted.dtype_of(name)) == np.float32
            if 0 < high - low < _STEPS * step:
                raise DataError(
                    f"{self._source}: column {name!r} must vary by more than {_STEPS} steps of "
                    f"{np.dtype(self._wanted.dtype_of(name))}, got values from {low!r} to {high!r}. "
                    f"Hint: subtract {low!r} from it{', or --dtype float64' if single else ''}."
                )

    def finish(self) -> RawTable:
        """The table. Raises what ``check`` raises."""
        self.check()
        for column in self._columns.values():
            column.resize(self._n, refcheck=False)
        categories = {name: codes.names for name, codes in self._codes.items()}
        lines = np.concatenate(self._lines) if self._lines else None
        return RawTable(self._source, self._columns, categories, lines, self._left_out)

    def _extend(self, n: int, kinds: Mapping[str, ColumnKind]) -> None:
        for name, kind in kinds.items() if not self._columns else ():
            self._columns[name] = np.empty(0, np.int32 if kind == "category" else self._wanted.dtype_of(name))
            if kind == "category":
                self._codes[name] = _Codes()
        if n > self._room:
            self._room = max(n, self._room + self._room // 2)
            for column in self._columns.values():
                column.resize(self._room, refcheck=False)
