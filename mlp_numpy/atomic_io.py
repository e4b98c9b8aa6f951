"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final

if sys.platform != "win32":
    import fcntl


@contextlib.contextmanager
def written_whole(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """A binary file to write to, which takes the name ``path`` only when all of it is on disk.

    keep   the name that what was at ``path`` before takes then, in the same folder; without one it is gone

    It is written under a temporary name in the same folder, flushed to the disk, and renamed; so at every instant
    ``path`` (or ``keep``) is the old file or the new one, whole. If anything goes wrong on the way (a full disk, an
    interruption) the temporary file is removed and ``path`` stays as it was. What a killed process left half written
    under this name is removed.

    Raises OSError if the disk does not take it, or if ``path`` is there and no regular file: to rename onto a device
    would destroy it.
    """
    _check_target(path)
    remove_parts(path.parent, path.name)
    temporary, handle = _new_part(path)
    # The lock tells that the file is being written. It belongs to both descriptors, and goes with the process.
    lock = os.dup(handle)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if sys.platform == "win32":  # it renames no open file
            os.close(lock)
        if keep is not None and path.exists():
            path.replace(keep)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        with contextlib.suppress(OSError):
            os.close(lock)
    _sync_folder(path.parent)


def _check_target(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # nothing is there, or whoever makes the file will say what is wrong
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file, nothing to be replaced", str(path))


def remove_parts(folder: Path, name: str = "") -> None:
    """Remove what ``written_whole`` was still writing in ``folder`` when its process was killed.

    name   the end of the name that the file was to have; by default any

    What a process is writing that lives is left alone. A folder that cannot be looked at has nothing to remove.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = _PART.fullmatch(entry.name)
            if found is not None and found[1].endswith(name):
                _remove_dead(Path(entry.path))


_PART: Final = re.compile(r"\.(.+)\.[a-z0-9_]+\.part", re.DOTALL)
# To read the mask is to set it, for all threads: once, before there are any.
_MASK: Final = os.umask(0)
os.umask(_MASK)


def _new_part(path: Path) -> tuple[Path, int]:
    """A temporary file beside ``path``, open and locked."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        # Whoever clears up may have seen the file before it had its lock.
        if _lock(handle) is not False and (sys.platform == "win32" or os.fstat(handle).st_nlink):
            # mkstemp makes files for the owner alone; a result should have the permissions that any new file gets.
            Path(name).chmod(0o666 & ~_MASK)
            return Path(name), handle
        os.close(handle)


def _remove_dead(part: Path) -> None:
    try:
        handle = os.open(part, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return
    try:
        # Without locks nobody knows; on Windows an open file cannot be removed.
        if _lock(handle) or sys.platform == "win32":
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Whether this process has the lock of an open file now; None where the system or the disk has no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with written_whole(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file for people as well as programs, whole or not at all; NaN and infinity become null.

    A list of values stands on one line, whatever its length: a column of a history is one line of a diff.
    """
    write_text(path, _json(_finite(content)) + "\n")


def _json(content: Any, indent: str = "\n") -> str:
    deeper = indent + " "
    if isinstance(content, dict) and content:
        items = (f"{deeper}{_json(str(key))}: {_json(value, deeper)}" for key, value in content.items())
        return f"{{{','.join(items)}{indent}}}"
    if isinstance(content, list) and any(isinstance(value, dict | list) for value in content):
        return f"[{','.join(f'{deeper}{_json(value, deeper)}' for value in content)}{indent}]"
    return json.dumps(content, ensure_ascii=False, allow_nan=False)


def _finite(content: Any) -> Any:
    if isinstance(content, float) and (content != content or content in (float("inf"), float("-inf"))):
        return None
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return content


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk with the folder. Windows knows no such thing.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
