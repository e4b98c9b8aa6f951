"""Files that are either whole or not there."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def written_whole(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """A binary file to write to, which takes the name ``path`` only when all of it is on disk.

    keep   the name that what was at ``path`` before takes then, in the same folder; without one it is gone

    It is written under a temporary name in the same folder, flushed to the disk, and renamed; so at every instant
    ``path`` (or ``keep``) is the old file or the new one, whole. If anything goes wrong on the way (a full disk, an
    interruption) the temporary file is removed and ``path`` stays as it was.
    """
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files for the owner alone; a result should have the permissions that any new file gets.
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        if keep is not None and path.exists():
            path.replace(keep)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def remove_parts(folder: Path) -> None:
    """Remove what ``written_whole`` was still writing when its process was killed."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


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
