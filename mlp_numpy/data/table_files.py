"""Table files by their suffix: CSV, Parquet and Feather (with pyarrow), and NumPy's npz."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.csv_file import csv_pieces, read_csv
from mlp_numpy.data.raw_table import ColumnKind, GrowingColumns, RawTable, Wanted, is_missing
from mlp_numpy.data.reading import check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, ExtraMissingError, MlpNumpyError, OptionError, unreadable

CSV: Final = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
ARROW: Final = (".parquet", ".feather", ".arrow")
NPZ: Final = ".npz"

_ROWS: Final = 20_000


def read_table(path: Path, wanted: Wanted) -> RawTable:
    """Read a table file.

    Raises DataNotFoundError if it is missing, DataError if it is unreadable or has a missing value, OptionError for
    another suffix or an unknown column, ExtraMissingError for Parquet without pyarrow.
    """
    if not _is_arrow(path):
        return read_csv(path, wanted)
    for columns in _arrow_columns(path, wanted):
        last = columns
    return last.finish()


def table_pieces(path: Path, wanted: Wanted) -> Iterator[RawTable]:
    """The rows of a table file in pieces, so that a file of any size is read in little memory.

    Raises as ``read_table`` does, when the piece is read; at the end, if there were no rows.
    """
    if not _is_arrow(path):
        yield from csv_pieces(path, wanted)
        return
    for columns in _arrow_columns(path, wanted):
        piece = columns.take()
        if piece.columns:
            yield piece
    columns.check()


def _is_arrow(path: Path) -> bool:
    """True for Parquet and Feather, False for CSV. Raises OptionError for any other suffix."""
    name = path.name.lower()
    if not name.endswith((*CSV, *ARROW)):
        suffixes = ", ".join((*CSV, *ARROW))
        raise OptionError(f"read_table: a table must be one of {suffixes}, got {path.name!r}.")
    return name.endswith(ARROW)


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an ``.npz`` file, without pickles.

    Raises DataNotFoundError if it is missing, DataError if it is unreadable or contains objects.
    """
    check_regular("read_arrays", path)
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                info.filename.removesuffix(".npy"): _read_array(archive, info)
                for info in archive.infolist()
                if info.filename.endswith(".npy")
            }
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"read_arrays: there must be a file {path.absolute()}, found none.") from error
    except MlpNumpyError:
        raise
    except Exception as error:  # a damaged archive can raise any exception
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable("read_arrays", path, error) from error
        raise DataError(f"read_arrays: {path} must be a whole .npz file, got {said(error)}.") from error


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Array:
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
    if dtype.hasobject:
        raise ValueError(f"{info.filename} holds Python objects, which are not read")
    if math.prod(shape) * dtype.itemsize > info.file_size:
        raise ValueError(f"{info.filename} is shorter than its header says")
    with archive.open(info) as file:
        array: Array = np.lib.format.read_array(file, allow_pickle=False)
        return array


def _arrow_columns(path: Path, wanted: Wanted) -> Iterator[GrowingColumns]:
    """The columns of a file, without rows first, then after each batch of rows was added."""
    check_regular("read_table", path)
    try:
        # imported here since it is an optional extra
        import pyarrow.ipc
        import pyarrow.parquet
    except Exception as error:
        raise ExtraMissingError(
            f"read_table: pyarrow must be installed for {path.name}, got {said(error)}. "
            "Hint: pip install 'mlp_numpy[table]', or save it as CSV."
        ) from error
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".parquet":
                opened = pyarrow.parquet.ParquetFile(file)
                names = opened.schema_arrow.names
                kept = wanted.of(f"read_table: {path}", names)
                batches = opened.iter_batches(_ROWS, columns=list(kept))
            else:
                opened = pyarrow.ipc.open_file(file)
                names = opened.schema.names
                batches = (opened.get_batch(at) for at in range(opened.num_record_batches))
            yield from _from_batches(f"read_table: {path}", batches, names, wanted, pyarrow.types)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"read_table: there must be a file {path.absolute()}, found none.") from error
    except MlpNumpyError:
        raise
    except Exception as error:  # a damaged file can raise any exception
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable("read_table", path, error) from error
        raise DataError(f"read_table: {path} must be a whole {path.suffix} file, got {said(error)}.") from error


def _from_batches(
    who: str, batches: Iterator[Any], names: list[str], wanted: Wanted, types: Any
) -> Iterator[GrowingColumns]:
    kept = wanted.of(who, names)
    columns = GrowingColumns(who, wanted, [name for name in names if name not in kept])
    kinds: dict[str, ColumnKind] = {}
    before = 0
    yield columns
    for batch in batches:
        values: dict[str, Any] = {}
        for name in kept:
            column = batch.column(batch.schema.get_field_index(name))
            of = column.type.value_type if types.is_dictionary(column.type) else column.type
            numeric = types.is_integer(of) or types.is_floating(of) or types.is_decimal(of)
            if not (numeric or types.is_boolean(of) or types.is_string(of) or types.is_large_string(of)):
                raise DataError(f"{who}: column {name!r} must hold numbers or text, got {of}. Hint: --ignore {name}.")
            kinds[name] = wanted.kinds.get(name, "number" if numeric else "category")
            if kinds[name] == "number" and not numeric:
                raise DataError(f"{who}: column {name!r} must hold numbers, got {of}.")
            if column.null_count:
                row = before + int(np.flatnonzero(np.asarray(column.is_null()))[0])
                raise _missing(who, row, name, None)
            if kinds[name] == "number":
                values[name] = np.asarray(column.to_numpy(zero_copy_only=False), np.float64)
            else:
                found = column.to_pylist()
                values[name] = [str(each).lower() if isinstance(each, bool) else str(each) for each in found]
        if not columns.add(values, kinds):
            for name, array in values.items():
                limit = wanted.largest(name) if kinds[name] == "number" else 0.0
                for row, value in enumerate(array):
                    good = abs(value) <= limit if kinds[name] == "number" else not is_missing(value)
                    if not good:
                        raise _missing(who, before + row, name, value)
        before += batch.num_rows
        yield columns


def _missing(who: str, row: int, name: str, value: Any) -> DataError:
    return DataError(
        f"{who}, row {row + 1}: column {name!r} must have a finite value, got {shown(value)}. "
        f"Hint: fill it in, delete the row, or --ignore {name}."
    )
