"""Atomic file writing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
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
    """A binary file for writing, which is renamed to ``path`` only when it is completely on disk.

    keep   the name that the previous file at ``path`` gets, in the same folder; by default it is deleted

    It is written under a temporary name in the same folder, flushed to the disk, and renamed; so at every instant
    ``path`` (or ``keep``) is the complete old or new file. On any error (a full disk, an interruption) the temporary
    file is removed and ``path`` is unchanged. Partial files of killed processes under this name are removed.

    Raises OSError if writing fails, or if ``path`` exists and is not a regular file: renaming onto a device would
    destroy it.
    """
    _check_target(path)
    remove_parts(path.parent, path.name)
    temporary, handle = _new_part(path)
    # The lock marks the file as being written. Both descriptors share it, and it is released with the process.
    lock = os.dup(handle)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if sys.platform == "win32":  # which cannot rename open files
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


@contextlib.contextmanager
def folder_written_whole(path: Path) -> Iterator[Path]:
    """A new folder for files, which is renamed to ``path`` only when the context ends without an error.

    It has a temporary name beside ``path``. On any error (a full disk, an interruption) it is removed with its content;
    those of killed processes under this name are removed first.

    Raises OSError if writing fails, or if ``path`` exists and is not an empty folder.
    """
    for entry in list(path.parent.glob(f".{path.name}.*.folder-part")):
        if (handle := _locked_folder(entry)) is not None:
            shutil.rmtree(entry, ignore_errors=True)
            os.close(handle)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".folder-part", dir=path.parent))
    handle = _locked_folder(temporary)
    try:
        temporary.chmod(0o777 & ~_MASK)
        yield temporary
        _sync_folder(temporary)
        if path.is_dir():  # on Windows nothing can be renamed onto it
            path.rmdir()
        temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    finally:
        if handle is not None:
            os.close(handle)
    _sync_folder(path.parent)


def _locked_folder(folder: Path) -> int | None:
    """The locked descriptor of a folder; None if another process has locked it, or the system has no such locks."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    if _lock(handle):
        return handle
    os.close(handle)
    return None


def _check_target(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))  # and not a temporary name
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # no such file, or creating it will raise the error
        return
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file, nothing to be replaced", str(path))


def remove_parts(folder: Path, name: str = "") -> None:
    """Remove partial files in ``folder`` of ``written_whole`` in killed processes.

    name   suffix of the intended file name; by default any

    Files of live processes are kept. Unreadable folders are ignored.
    """
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(folder)):
            found = _PART.fullmatch(entry.name)
            if found is not None and found[1].endswith(name):
                _remove_dead(Path(entry.path))


_PART: Final = re.compile(r"\.(.+)\.[a-z0-9_]+\.part", re.DOTALL)
# Reading the umask sets it, for all threads: so only once, before there are any.
_MASK: Final = os.umask(0)
os.umask(_MASK)


def _new_part(path: Path) -> tuple[Path, int]:
    """A temporary file next to ``path``, open and locked."""
    while True:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        # A concurrent cleanup may have seen the file before it was locked.
        if _lock(handle) is not False and (sys.platform == "win32" or os.fstat(handle).st_nlink):
            # mkstemp creates files for the owner only; results get the default permissions.
            Path(name).chmod(0o666 & ~_MASK)
            return Path(name), handle
        os.close(handle)


def _remove_dead(part: Path) -> None:
    try:
        handle = os.open(part, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    except OSError:
        return
    try:
        # Unknown without locks; on Windows an open file cannot be removed.
        if _lock(handle) or sys.platform == "win32":
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool | None:
    """Try to lock an open file; True on success, None if the system or the disk has no locks."""
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
    """Write a text file atomically."""
    with written_whole(path) as file:
        file.write(text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write a readable JSON file atomically; NaN and infinity become null.

    Lists of values are written on one line: a column of a history is one line of a diff.
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
    # The rename reaches the disk when the folder is synced, which Windows does not support.
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
