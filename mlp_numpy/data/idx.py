"""The IDX format of the MNIST files: arrays of bytes after a header, plain or gzip-compressed.

offset  0    two zero bytes, the dtype code (8: unsigned byte), the number of axes A
offset  4    the length of each axis, A big-endian 32-bit numbers
then         the values, the last axis varying fastest

Reference    Yann LeCun, Corinna Cortes, Christopher Burges: The MNIST database, section "file formats"
"""

from __future__ import annotations

import gzip
import io
import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST
from mlp_numpy.data.reading import as_path, check_regular, room_for, said
from mlp_numpy.errors import DataError, unreadable

_UNSIGNED_BYTE = 8
_PIECE = 1 << 20


def read_idx(path: Any, n_axes: int) -> Array:
    """Read the uint8 array in an IDX file with ``n_axes`` axes; a name ending in .gz is decompressed.

    The header is read first, then no more bytes than it declares; a compressed file that declares a size far above its
    own raises DataError.

    Raises
    ------
    DataError
        if the file is unreadable, truncated, damaged, or not an IDX file
    OptionError
        if ``path`` is not a path
    """
    path = as_path("read_idx", path)
    check_regular("read_idx", path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable("read_idx", path, error) from error
    if path.suffix != ".gz":
        return _read(path, io.BytesIO(content), n_axes, len(content))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as unpacked:
            return _read(path, unpacked, n_axes, room_for(len(content)))
    except (EOFError, zlib.error, OSError) as error:
        raise _wrong(path, "a whole IDX file", said(error)) from error


def _read(path: Path, file: io.BufferedIOBase, n_axes: int, most: int) -> Array:
    """Read the array from an open file of at most ``most`` bytes."""
    head = file.read(4 + 4 * n_axes)
    if len(head) < 4 + 4 * n_axes or head[:4] != bytes([0, 0, _UNSIGNED_BYTE, n_axes]):
        raise _wrong(path, f"unsigned bytes under {n_axes} axes", f"a file that begins with {head[:4].hex(' ')!r}")
    shape = tuple(int(length) for length in np.frombuffer(head, ">u4", n_axes, offset=4))
    size = math.prod(shape)
    if size > most or math.prod(length or 1 for length in shape) > LARGEST:
        raise _wrong(path, f"at most {most:,} bytes", f"a header that says {size:,} for its shape {shape}")
    array = np.empty(size, np.uint8)
    n_read = _fill(file, array)
    surplus = file.read(1)  # nothing if fewer were read: that was the end
    if n_read != size or surplus:
        raise _wrong(path, f"{size:,} bytes for its shape {shape}", "more" if surplus else f"{n_read:,}")
    return array.reshape(shape)


def _fill(file: io.BufferedIOBase, into: Array) -> int:
    n_read = 0
    while n_read < len(into) and (piece := file.read(min(_PIECE, len(into) - n_read))):
        into[n_read : n_read + len(piece)] = np.frombuffer(piece, np.uint8)
        n_read += len(piece)
    return n_read


def _wrong(path: Path, wanted: str, found: str) -> DataError:
    return DataError(
        f"read_idx: {path} must hold {wanted}, got {found}. "
        "Hint: the file is truncated, damaged or foreign; delete it so that it is downloaded again."
    )
