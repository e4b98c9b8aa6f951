"""The IDX format of the MNIST files: arrays of bytes under a header, plain or compressed by gzip.

    offset  0    two zero bytes, the kind of number (8: unsigned byte), the number of axes A
    offset  4    the length of each axis, A big-endian 32-bit numbers
    then         the numbers, the last axis varying fastest

    Reference    Yann LeCun, Corinna Cortes, Christopher Burges: The MNIST database, section "file formats"
"""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, unreadable

_UNSIGNED_BYTE = 8


def read_idx(path: Path, n_axes: int) -> Array:
    """The array of unsigned bytes in an IDX file with ``n_axes`` axes; a name ending in .gz is decompressed.

    Raises
    ------
    DataError
        if the file cannot be read, is truncated, damaged, or something else
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unreadable("read_idx", path, error) from error
    try:
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise _wrong(path, "a whole IDX file", f"{type(error).__name__}: {error}") from error
    head = 4 + 4 * n_axes
    if len(content) < head or content[:4] != bytes([0, 0, _UNSIGNED_BYTE, n_axes]):
        raise _wrong(path, f"unsigned bytes under {n_axes} axes", f"a file that begins with {content[:4].hex(' ')!r}")
    shape = tuple(int(length) for length in np.frombuffer(content, ">u4", n_axes, offset=4))
    size = int(np.prod(shape, dtype=object))
    if len(content) - head != size:
        raise _wrong(path, f"{size:,} bytes for its shape {shape}", f"{len(content) - head:,}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _wrong(path: Path, wanted: str, found: str) -> DataError:
    return DataError(
        f"read_idx: {path} must hold {wanted}, got {found}. "
        "Hint: the file is truncated, damaged or foreign; delete it so that it is downloaded again."
    )
