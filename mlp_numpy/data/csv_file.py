"""CSV files, read in pieces by NumPy's reader in C: numbers as floats, categories as codes.

A column whose kind is not given is a number if at least half of its values in the first 1,000 rows are numbers, else
a category. All its values must be of that kind.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final, NoReturn

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.raw_table import ColumnKind, GrowingColumns, RawTable, Wanted, is_missing
from mlp_numpy.data.reading import check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, unreadable

_PIECE: Final = 1 << 20
_LONGEST: Final = 1 << 24
_SAMPLE: Final = 1000
_DELIMITERS: Final = ",\t;"


def read_csv(path: Path, wanted: Wanted) -> RawTable:
    """Read a CSV file with a header line, delimited by commas, tabs or semicolons as the header is; also ``.gz``.

    Raises DataNotFoundError if the file is missing, DataError if it is unreadable, without rows, or for the first value
    that is missing or of another kind than its column, with its line and column.
    """
    for columns in _added(path, wanted):
        last = columns
    return last.finish()


def csv_pieces(path: Path, wanted: Wanted) -> Iterator[RawTable]:
    """The rows of a CSV file in pieces of about a megabyte of it; see ``read_csv``."""
    for columns in _added(path, wanted):
        piece = columns.take()
        if piece.columns:
            yield piece
    columns.check()


def _added(path: Path, wanted: Wanted) -> Iterator[GrowingColumns]:
    """The columns of a file, without rows first, then after each piece of it was added."""
    check_regular("read_csv", path)
    try:
        with _opened(path) as file:
            pieces = _Pieces(path, file)
            reader = _Reader(path, pieces.header(), pieces.delimiter, wanted)
            yield reader.columns
            for first_line, lines in pieces:
                reader.add(first_line, lines)
                yield reader.columns
    except (DataError, OptionError):
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"read_csv: there must be a file {path.absolute()}, found none.") from error
    except UnicodeError as error:
        raise DataError(
            f"read_csv: {path} must be text in UTF-8, got {said(error)}. Hint: save it as UTF-8."
        ) from error
    except (EOFError, ValueError, MemoryError, csv.Error, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"read_csv: {path} must be a whole CSV file, got {said(error)}.") from error
    except OSError as error:
        raise unreadable("read_csv", path, error) from error


def _opened(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig")
    return path.open(encoding="utf-8-sig")


class _Pieces:
    """The lines of a file in pieces of whole rows, each with the number of its first line, counted from 1."""

    def __init__(self, path: Path, file: IO[str]) -> None:
        self._path, self._file = path, file
        self._rest, self._line = "", 1
        self.delimiter = ","

    def header(self) -> list[str]:
        """The names in the first line that is not blank; finds out ``delimiter``."""
        text = self._file.readline(_LONGEST)
        while text and (not text.strip() or text.count('"') % 2):
            more = self._file.readline(_LONGEST)
            if text.strip() and (not more or len(text) >= _LONGEST):
                raise DataError(f"read_csv: {self._path}, line {self._line}: a quote must be closed.")
            text += more
            if not more:
                break
        if not text.strip():
            raise DataError(f"read_csv: {self._path} must begin with the names of its columns, got nothing.")
        self.delimiter = max(_DELIMITERS, key=text.count)
        self._line += text.count("\n")
        names = next(csv.reader([text.strip("\n").replace("\n", " ")], delimiter=self.delimiter))
        return [name.strip() for name in names]

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        text = " "
        while text:
            text = self._file.read(_PIECE)
            piece = self._rest + text
            end = piece.rfind("\n") + 1 if text else len(piece)
            unclosed = '"' in piece and piece.count('"', 0, end) % 2 == 1
            if text and unclosed:  # a quoted line break: the row ends in a later piece
                end = 0
            self._rest = piece[end:]
            if len(self._rest) > _LONGEST or (unclosed and not text):
                raise DataError(
                    f"read_csv: {self._path}, line {self._line}: a row must have at most {_LONGEST:,} letters, "
                    "and every quote must be closed."
                )
            # a line break within quotes is part of its value; without quotes the lines are found faster
            if '"' in piece:
                lines = list(io.StringIO(piece[:end], newline="\n"))
            else:
                lines = piece[:end].removesuffix("\n").split("\n") if end else []
            if lines and not piece[:end].isspace():
                yield self._line, lines
            self._line += len(lines)


class _Reader:
    """Parses pieces, and adds their rows to ``columns``."""

    def __init__(self, path: Path, names: list[str], delimiter: str, wanted: Wanted) -> None:
        if all(_number(name) is not None for name in names):
            raise DataError(
                f"read_csv: {path} must begin with the names of its columns, got the numbers {shown(names)}. "
                "Hint: add a line such as age,height,price."
            )
        self._path, self._names, self._wanted = path, names, wanted
        self._kept = wanted.of(f"read_csv: {path}", names)
        self._format: dict[str, Any] = {"delimiter": delimiter, "quotechar": '"'}
        self._kinds: dict[str, ColumnKind] = {}
        self._fields: Any = None
        self.columns = GrowingColumns(str(path), wanted, [name for name in names if name not in self._kept])

    def add(self, first_line: int, lines: list[str]) -> None:
        """The rows of ``lines``, the first of which is line ``first_line`` of the file."""
        if not self._kinds:
            self._decide(first_line, lines)
        try:
            found = np.loadtxt(lines, self._fields, comments=None, ndmin=1, **self._format)
        except ValueError as error:
            self._refuse(first_line, lines, error)
        numbered = self._numbered(first_line, lines, len(found))
        good = self.columns.add({name: found[f"f{at}"] for name, at in self._kept.items()}, self._kinds, numbered)
        if not good:
            self._refuse(first_line, lines, None)

    def _decide(self, first_line: int, lines: list[str]) -> None:
        """The kinds of the columns, by these rows."""
        rows = list(islice((row for row in csv.reader(lines, **self._format) if row), _SAMPLE))
        if any(len(row) != len(self._names) for row in rows):
            self._refuse(first_line, lines, None)
        for name, at in self._kept.items():
            others = [row[at] for row in rows if _number(row[at]) is None]
            n_numbers, n_texts = len(rows) - len(others), sum(not is_missing(text) for text in others)
            self._kinds[name] = self._wanted.kinds.get(name, "number" if n_numbers >= n_texts else "category")
        kinds = [self._kinds.get(name) for name in self._names]
        # a column that is left out is cut to a letter
        forms = {"number": np.float64, "category": object, None: "U1"}
        self._fields = np.dtype([(f"f{at}", forms[kind]) for at, kind in enumerate(kinds)])

    def _numbered(self, first_line: int, lines: list[str], n: int) -> Array:
        """The line on which each of the ``n`` rows ends."""
        if n == len(lines):
            return np.arange(first_line, first_line + n)
        reader = csv.reader(lines, **self._format)
        return np.array([first_line + reader.line_num - 1 for row in reader if row])

    def _refuse(self, first_line: int, lines: list[str], error: Exception | None) -> NoReturn:
        """Raise DataError for the first bad row of these."""
        reader = csv.reader(lines, **self._format)
        for row in reader:
            place = f"read_csv: {self._path}, line {first_line + reader.line_num - 1}"
            if row and len(row) != len(self._names):
                raise DataError(f"{place}: a row must have {len(self._names)} columns, got {len(row)}.")
            for name, kind in self._kinds.items() if row else ():
                text = row[self._kept[name]]
                if is_missing(text):
                    hint = "." if name in self._wanted.precise else f", or --ignore {name}."
                    raise DataError(
                        f"{place}: column {name!r} must have a value, got {shown(text)}, a missing one. "
                        f"Hint: fill it in, delete the row{hint}"
                    )
                if kind == "category":
                    continue
                value = _number(text)
                if value is None:
                    hint = "" if name in self._wanted.kinds else f" Hint: --categorical {name} makes categories of it."
                    raise DataError(f"{place}: column {name!r} must be a number, got {shown(text)}.{hint}")
                if not abs(value) <= self._wanted.largest(name):
                    raise DataError(f"{place}: column {name!r} must be a finite number, got {shown(text)}.")
        raise DataError(f"read_csv: {self._path} must be a CSV file, got {said(error or ValueError(first_line))}.")


def _number(text: str) -> float | None:
    try:
        return None if "_" in text else float(text)  # Python permits 1_000, CSV files do not
    except ValueError:
        return None
