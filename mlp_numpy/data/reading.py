"""What every reader of files asks first: is this a path, is a regular file there, and how large may its content be.

A small file may say that it holds very much, by compression, by references or by a number in its header. Readers
compare what a file declares with ``room_for`` its size before they take the memory.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Final

from mlp_numpy.checks import shown
from mlp_numpy.errors import DataError, OptionError

ROOM: Final = 100_000_000
"""Bytes of content that any file may have, however small it is: MNIST's training images are 47 MB, packed in 10."""


def as_path(who: str, path: Any) -> Path:
    """``path`` as a Path; raises OptionError if it is neither text nor a path, or no system could have such a file."""
    if isinstance(path, str | os.PathLike):
        text = os.fspath(path)
        try:
            if isinstance(text, str) and text and b"\0" not in os.fsencode(text):
                return Path(text)
        except UnicodeEncodeError:  # half a character, as JSON can hold it
            pass
    raise OptionError(f"{who}: there must be a path, text or pathlib.Path, got {shown(path)}.")


def room_for(file_size: int) -> int:
    """The bytes that the content of a file of this size may take."""
    return ROOM + 2 * file_size


def check_regular(who: str, path: Path, most: int | None = None) -> None:
    """Refuse a device, a pipe or a socket, which may have no end, and a file of more than ``most`` bytes.

    What is not there, or cannot be looked at, is left to whoever reads it. Raises DataError.
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
    """What an exception says, with its kind, on one line of a readable length."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # an integer in it of more digits than Python prints
        text = ""
    text = text if len(text) <= 200 else f"{text[:197]}..."
    return f"{type(error).__name__}: {text}"
