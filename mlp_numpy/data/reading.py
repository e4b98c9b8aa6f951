"""Checks common to all file readers: valid path, regular file, limit on the size of the content.

A small file may declare huge content, by compression, references or a number in its header. Readers compare the
declared size with ``room_for`` the file size before they allocate memory.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

from mlp_numpy.checks import shown
from mlp_numpy.errors import DataError, OptionError

ROOM: Final = 100_000_000
"""Content size in bytes that is allowed for every file: MNIST's training images are 47 MB, compressed to 10."""


def as_path(who: str, path: Any) -> Path:
    """``path`` as a Path; raises OptionError if it is neither a string nor a path, or an impossible file name."""
    if isinstance(path, str | os.PathLike):
        text = os.fspath(path)
        try:
            if isinstance(text, str) and text and b"\0" not in os.fsencode(text):
                return Path(text)
        except UnicodeEncodeError:  # a lone surrogate, as in JSON
            pass
    raise OptionError(f"{who}: there must be a path, text or pathlib.Path, got {shown(path)}.")


def room_for(file_size: int) -> int:
    """The limit in bytes on the content of a file of this size."""
    return ROOM + 2 * file_size


def check_regular(who: str, path: Path, most: int | None = None) -> None:
    """Raise DataError for a device, a pipe or a socket, which may be endless, and for a file of more than ``most``
    bytes.

    Missing and inaccessible files are left to the caller.
    """
    try:
        found = path.stat()
    except OSError:
        return
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        raise DataError(f"{who}: {path} must be a regular file, got a device, a pipe or a socket.")
    if most is not None and stat.S_ISREG(found.st_mode) and found.st_size > most:
        raise DataError(f"{who}: {path} must have at most {most:,} bytes, got {found.st_size:,}.")


def said(error: BaseException) -> str:
    """The type and message of an exception, shortened to one line."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # an integer with more digits than Python converts
        text = ""
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return f"{type(error).__name__}: {text}"
