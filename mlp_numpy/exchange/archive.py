"""Named arrays and their metadata in one file whose digest detects every damaged bit.

The file is NumPy's npz without pickle, readable by ``np.load``: the arrays, and a JSON string under ``about``. The
comment at the end of the zip archive is the SHA-256 of everything before it; npz alone misses 1 in 500 damaged bits.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import written_whole
from mlp_numpy.checks import shown
from mlp_numpy.data.reading import as_path, check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, UnknownNameError, unreadable

_DIGITS: Final = 64
_LENGTH: Final = struct.calcsize("<H")
_ABOUT: Final = "about"
_ENTRY: Final = b"PK\1\2"
"""Signature of an entry in a zip archive's central directory."""
_MOST_ENTRIES: Final = 10_000
_MOST_LISTS: Final = 500_000


def write_archive(
    path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any], *, keep: Path | None = None
) -> None:
    """Write an archive atomically; a previous file at ``path`` is renamed to ``keep``.

    Raises OSError if it cannot be written.
    """
    content: dict[str, Any] = {**arrays, _ABOUT: np.array(json.dumps(about, ensure_ascii=False))}
    with written_whole(path, keep=keep) as file:
        signed = _Signed(file)
        np.savez(signed, **content)
        signed.sign()


def read_archive(who: str, path: Any, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of an archive and its metadata. ``who`` and ``kind`` name the caller and the file type in errors.

    Raises DataNotFoundError if the file is missing, DataError if it is unreadable, truncated, damaged or of another
    type, OptionError if ``path`` is not a path.
    """
    path = as_path(who, path)
    content = read_bytes(who, path, kind)
    try:
        if content[:2] not in (b"", b"P", b"PK") and content[2:4] != b"\3\4":  # one damaged byte leaves either
            raise ValueError("a file of another kind")
        with memoryview(content) as view:
            if _digest(view[:-_DIGITS]) != content[-_DIGITS:]:
                raise ValueError("the digest inside does not fit the content")
        if content.count(_ENTRY) > _MOST_ENTRIES:
            raise ValueError(f"more than {_MOST_ENTRIES:,} arrays in it")
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            entries = file.infolist()
            _check_stored(entries, len(content))
            arrays = {entry.filename.removesuffix(".npy"): _read_array(file, entry) for entry in entries}
        about = parsed(_text_in(arrays.pop(_ABOUT)))
    except Exception as error:  # a foreign archive can raise anything
        raise DataError(
            f"{who}: {path} must be a {kind} that a run saved, whole and undamaged, got: {said(error)}. "
            "Hint: give a file that a run saved, or train it again."
        ) from error
    return arrays, about


def _check_stored(entries: list[zipfile.ZipInfo], n_bytes: int) -> None:
    """Refuse archives that the library never writes: with compressed, overlapping or duplicate entries."""
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("compressed arrays")
    if sum(entry.file_size for entry in entries) > n_bytes:
        raise ValueError("arrays longer than the file")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("two arrays of one name")


def _read_array(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """Read an array after checking that its header declares the size of its entry."""
    with file.open(entry) as member:
        version = np.lib.format.read_magic(member)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](member)
        declared = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not dtype.itemsize or member.tell() + declared != entry.file_size:
            raise ValueError(f"an array {shown(shape)} of {shown(str(dtype))} in {entry.file_size:,} bytes")
    with file.open(entry) as member:
        array: Array = np.lib.format.read_array(member)  # unpickles nothing
    return array


def _text_in(array: Array) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise ValueError(f"{_ABOUT} is no text")
    return str(array)


def parsed(text: str) -> dict[str, Any]:
    """Parse a JSON object. Raises ValueError if the text is not one, or has too many lists and objects.

    The limit bounds memory: an empty list is two characters long and takes 56 bytes.
    """
    if text.count("[") + text.count("{") > _MOST_LISTS:
        raise ValueError(f"more than {_MOST_LISTS:,} lists and objects in {_ABOUT}")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"{_ABOUT} is not an object")
    return content


def read_bytes(who: str, path: Path, kind: str) -> bytes:
    """The content of a file. Raises DataNotFoundError if it is missing, DataError if it is unreadable."""
    check_regular(who, path)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{who}: {path} is missing, expected a {kind}.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error


def strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin with ``prefix``, without it. Raises UnknownNameError if ``arrays`` is no mapping."""
    if not isinstance(arrays, Mapping) or not all(isinstance(name, str) for name in arrays):
        raise UnknownNameError(f"load_state: expected a mapping from names to arrays, got {shown(arrays)}.")
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def with_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays with ``prefix`` put before their names."""
    return {f"{prefix}{name}": array for name, array in arrays.items()}


class _Signed(io.RawIOBase):
    """Passes the bytes of a zip archive without a comment on to ``file``, and appends their digest as its comment."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self._last = file, hashlib.sha256(), b""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        # A zip archive ends with the two-byte length of its comment: hold it back, since ``sign`` replaces it.
        with memoryview(content).cast("B") as view:
            if len(view) >= _LENGTH:
                self._put(self._last)
                self._put(view[:-_LENGTH])
                self._last = bytes(view[-_LENGTH:])
            else:
                last = self._last + bytes(view)
                self._put(last[:-_LENGTH])
                self._last = last[-_LENGTH:]
            return len(view)

    def sign(self) -> None:
        """Write the comment; nothing may be written afterwards."""
        self._put(struct.pack("<H", _DIGITS))
        self._file.write(self._digest.hexdigest().encode())

    def _put(self, content: bytes | memoryview) -> None:
        self._digest.update(content)
        self._file.write(content)


def _digest(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
