"""Named arrays and what is known of them in one file that notices every damaged bit.

The file is NumPy's npz without pickle, so that ``np.load`` opens it: the arrays, and a JSON text under ``about``. The
comment that ends every zip archive is the SHA-256 of all that stands before it; npz alone lets 1 in 500 damaged bits
pass.
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
"""How an entry of a zip archive's list of contents begins."""
_MOST_ENTRIES: Final = 10_000
_MOST_LISTS: Final = 500_000


def write_archive(
    path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any], *, keep: Path | None = None
) -> None:
    """Write an archive, whole or not at all; what was at ``path`` is kept under ``keep``.

    Raises OSError if the disk does not take it.
    """
    content: dict[str, Any] = {**arrays, _ABOUT: np.array(json.dumps(about, ensure_ascii=False))}
    with written_whole(path, keep=keep) as file:
        signed = _Signed(file)
        np.savez(signed, **content)
        signed.sign()


def read_archive(who: str, path: Any, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of an archive, and what is known of them. ``who`` asks for what ``kind`` of file, for the errors.

    Raises DataNotFoundError if there is none, DataError if it is unreadable, truncated, damaged or something else,
    OptionError if ``path`` is no path.
    """
    path = as_path(who, path)
    content = read_bytes(who, path, kind)
    try:
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
    except Exception as error:  # what a foreign archive raises has no end
        raise DataError(
            f"{who}: {path} must be a {kind} that a run saved, whole and undamaged, got: {said(error)}. "
            "Hint: train it again."
        ) from error
    return arrays, about


def _check_stored(entries: list[zipfile.ZipInfo], n_bytes: int) -> None:
    """Refuse what the library does not write: compressed entries, entries on top of one another, one twice."""
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("compressed arrays")
    if sum(entry.file_size for entry in entries) > n_bytes:
        raise ValueError("arrays longer than the file")
    if len({entry.filename for entry in entries}) < len(entries):
        raise ValueError("two arrays of one name")


def _read_array(file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array:
    """An array, if its header says that it is as long as its entry."""
    with file.open(entry) as member:
        version = np.lib.format.read_magic(member)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, dtype = read_header[version](member)
        declared = math.prod(shape) * dtype.itemsize
        if dtype.hasobject or not dtype.itemsize or member.tell() + declared != entry.file_size:
            raise ValueError(f"an array {shown(shape)} of {shown(str(dtype))} in {entry.file_size:,} bytes")
    with file.open(entry) as member:
        array: Array = np.lib.format.read_array(member, allow_pickle=False)
    return array


def _text_in(array: Array) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise ValueError(f"{_ABOUT} is no text")
    return str(array)


def parsed(text: str) -> dict[str, Any]:
    """The object that a JSON text holds. Raises ValueError if it is none, or has more lists and objects than any file.

    An empty list is two letters long and takes 56 bytes of memory.
    """
    if text.count("[") + text.count("{") > _MOST_LISTS:
        raise ValueError(f"more than {_MOST_LISTS:,} lists and objects in {_ABOUT}")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"{_ABOUT} is not an object")
    return content


def read_bytes(who: str, path: Path, kind: str) -> bytes:
    """All of a file. Raises DataNotFoundError if there is no ``kind`` of file there, DataError if it is unreadable."""
    check_regular(who, path)
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{who}: there must be a {kind} at {path}, found none.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error


def strip_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin with ``prefix``, without it. Raises UnknownNameError for what has no names."""
    if not isinstance(arrays, Mapping) or not all(isinstance(name, str) for name in arrays):
        raise UnknownNameError(f"load_state: there must be arrays by name, got {shown(arrays)}.")
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def with_prefix(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays with ``prefix`` put before their names."""
    return {f"{prefix}{name}": array for name, array in arrays.items()}


class _Signed(io.RawIOBase):
    """Hands on to ``file`` the bytes of a zip archive that has no comment, and makes their digest its comment."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._digest, self._last = file, hashlib.sha256(), b""

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        # A zip archive ends with the length of its comment, two bytes: they are held back, since they will be others.
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
        """Write the comment, behind which nothing may come."""
        self._put(struct.pack("<H", _DIGITS))
        self._file.write(self._digest.hexdigest().encode())

    def _put(self, content: bytes | memoryview) -> None:
        self._digest.update(content)
        self._file.write(content)


def _digest(content: memoryview) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
