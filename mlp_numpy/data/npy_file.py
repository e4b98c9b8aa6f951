"""``.npy`` files that are mapped into memory instead of read, and ones that are written row by row."""

from __future__ import annotations

import math
import mmap
import os
import zlib
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.reading import as_path, check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, unreadable

_WHO: Final = "NpyFile"
_PIECE: Final = 1 << 14
_MOST_PIECES: Final = 1024
"""The digest of a larger file is that of 1024 pieces of 16 KB, evenly spaced: 16 MB."""


class NpyFile:
    """The array of an ``.npy`` file, (N, …) in C order, mapped into memory read-only.

        NpyFile("x.npy").array[5]          reads one row of the file

    The pages that are read belong to the system, which drops them when memory is short. Pickling keeps the path alone.
    A file that others shorten meanwhile ends the process (SIGBUS), as with every mapping.

    Raises DataNotFoundError if it is missing, DataError if it is not a whole ``.npy`` file of numbers in C order with a
    row or more; objects are never unpickled.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = as_path(_WHO, path)
        check_regular(_WHO, self.path)
        try:
            with self.path.open("rb") as file:
                shape, by_columns, dtype = _header(file)
                self._offset = file.tell()
                n_bytes = os.fstat(file.fileno()).st_size
                self._check(shape, by_columns, dtype, n_bytes)
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DataNotFoundError(f"{_WHO}: there must be a file {self.path.absolute()}, found none.") from error
        except OSError as error:
            raise unreadable(_WHO, self.path, error) from error
        except DataError:
            raise
        except Exception as error:  # a damaged header can raise any exception
            raise DataError(f"{_WHO}: {self.path} must be an .npy file, got {said(error)}.") from error
        self.array: Array = np.frombuffer(self._map, dtype, math.prod(shape), self._offset).reshape(shape)

    def _check(self, shape: tuple[int, ...], by_columns: bool, dtype: np.dtype[Any], n_bytes: int) -> None:
        """Raise DataError for a header that is no array of numbers, or of a file of another size."""
        if dtype.hasobject:
            raise DataError(f"{_WHO}: {self.path} must hold numbers, got Python objects, which are never unpickled.")
        if dtype.kind not in "fiub" or dtype.itemsize > 8:
            raise DataError(f"{_WHO}: {self.path} must hold real numbers of at most 64 bits, got {dtype}.")
        if not shape or any(type(size) is not int or size < 1 for size in shape):
            raise DataError(f"{_WHO}: {self.path} must hold an array (N, …) that is not empty, got shape {shape}.")
        if by_columns and len(shape) > 1:
            raise DataError(
                f"{_WHO}: {self.path} must be in C order, row after row, got Fortran order. "
                "Hint: np.save(path, np.ascontiguousarray(x))."
            )
        wanted = self._offset + math.prod(shape) * dtype.itemsize
        if n_bytes != wanted:
            how = "truncated" if n_bytes < wanted else "longer than that"
            raise DataError(
                f"{_WHO}: {self.path} must have {wanted:,} bytes for {dtype} {shape}, got {n_bytes:,}: it is {how}. "
                "Hint: copy or save it again."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return NpyFile, (self.path,)

    def __len__(self) -> int:
        return len(self.array)

    def will_need(self, rows: slice) -> None:
        """Tell the system that these rows are read soon, so that it reads them in one go."""
        if hasattr(self._map, "madvise"):
            each = self.array[:1].nbytes
            start = (self._offset + rows.start * each) // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_WILLNEED, start, self._offset + rows.stop * each - start)

    def digest(self, before: int) -> int:
        """The CRC-32, after data with the CRC-32 ``before``, of dtype, shape and content.

        Of a file above 16 MB, 1024 evenly spaced pieces of 16 KB stand for the content, the first and last included: a
        change between them is not noticed.
        """
        before = zlib.crc32(f"{self.array.dtype.str}{self.array.shape}".encode(), before)
        first, size = self._offset, len(self._map) - self._offset
        if size <= _PIECE * _MOST_PIECES:
            return zlib.crc32(memoryview(self._map)[first:], before)
        for at in range(_MOST_PIECES):
            start = first + (size - _PIECE) * at // (_MOST_PIECES - 1)
            before = zlib.crc32(self._map[start : start + _PIECE], before)
        return before


class NpyWriter:
    """Writes an ``.npy`` file row by row; the number of rows is filled in at the end.

    path    a new file
    shape   of one row
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: Any) -> None:
        self.n_rows, self._shape, self._dtype = 0, shape, np.dtype(dtype)
        self._file = path.open("xb")
        self._write_header()

    def add(self, rows: Array) -> None:
        """Append rows (n, …) of the shape and the dtype."""
        self._file.write(np.ascontiguousarray(rows, self._dtype).reshape(len(rows), *self._shape).data)
        self.n_rows += len(rows)

    def finish(self) -> None:
        """Write the number of rows into the header, and the file to the disk."""
        self._file.seek(0)
        self._write_header()
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file, finished or not."""
        self._file.close()

    def _write_header(self) -> None:
        # NumPy leaves room in the header, so that its length is the same for every number of rows
        described = {"descr": self._dtype.str, "fortran_order": False, "shape": (self.n_rows, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, described)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran order, and dtype. Raises whatever a damaged file makes NumPy raise."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)
