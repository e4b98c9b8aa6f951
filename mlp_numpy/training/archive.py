"""Named arrays and what is known of them in one file that notices every damaged bit.

The file is NumPy's npz without pickle, so that ``np.load`` opens it: the arrays, and a JSON text under ``about``. The
comment that ends every zip archive is the SHA-256 of all that stands before it; npz alone lets 1 in 500 damaged bits
pass.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, DataNotFoundError, unreadable
from mlp_numpy.files import written_whole

_DIGITS: Final = 64
_LENGTH: Final = struct.calcsize("<H")
_ABOUT: Final = "about"


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


def read_archive(who: str, path: Path, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of an archive, and what is known of them. ``who`` asks for what ``kind`` of file, for the errors.

    Raises DataNotFoundError if there is none, DataError if it is unreadable, truncated, damaged or something else.
    """
    content = read_bytes(who, path, kind)
    try:
        with memoryview(content) as view:
            if _digest(view[:-_DIGITS]) != content[-_DIGITS:]:
                raise ValueError("the digest inside does not fit the content")
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays: dict[str, Array] = {name: file[name] for name in file.files}
        about = json.loads(str(arrays.pop(_ABOUT)))
        if not isinstance(about, dict):
            raise ValueError(f"{_ABOUT} is not an object")
    except Exception as error:  # what a foreign archive raises has no end
        raise DataError(
            f"{who}: {path} must be a {kind} that a run saved, whole and undamaged, got: {error}. "
            "Hint: train it again."
        ) from error
    return arrays, about


def read_bytes(who: str, path: Path, kind: str) -> bytes:
    """All of a file. Raises DataNotFoundError if there is no ``kind`` of file there, DataError if it is unreadable."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{who}: there must be a {kind} at {path}, found none.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error


def below(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin with ``prefix``, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
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
