"""The journal of a search: a line of JSON for every trial that has ended, only ever added to."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from mlp_numpy.errors import DataError, RunFolderError, unreadable
from mlp_numpy.files import write_text

FORMAT: Final = 1


class Journal:
    """The file ``path``: a first line that tells what is searched, then one for each trial.

        journal = Journal(path, {"base": settings})
        journal.entries                 # of trials that ended before
        journal.add(entry)              # on the disk when it returns

    A last line that a kill or a power failure left half is dropped. Nothing else is ever taken away.

    Raises RunFolderError if the journal is another search's, DataError if it is damaged before its last line.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        about = {"format": FORMAT, **json.loads(json.dumps(about))}
        found = self._read() if path.exists() else []
        if not found:
            write_text(path, _line(about))
        elif found[0] != about:
            differs = [name for name in {**found[0], **about} if found[0].get(name) != about.get(name)]
            raise RunFolderError(
                f"search: {path} must be the journal of the same search, found another {', '.join(sorted(differs))}. "
                "Hint: another --name."
            )
        self.entries: list[dict[str, Any]] = found[1:]

    def add(self, entry: dict[str, Any]) -> None:
        """Write an entry to the disk. Raises OSError if it does not take it."""
        with self.path.open("ab") as file:
            file.write(_line(entry).encode())
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(entry)

    def _read(self) -> list[dict[str, Any]]:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise unreadable("search", self.path, error) from error
        lines = content.splitlines(keepends=True)
        found: list[dict[str, Any]] = []
        for number, line in enumerate(lines, 1):
            entry = _parsed(line)
            if entry is None and number < len(lines):
                raise DataError(f"search: {self.path} must hold one trial a line, line {number} is damaged.")
            if entry is None:
                # What is half on the disk was never reported as done.
                os.truncate(self.path, len(content) - len(line))
            else:
                found.append(entry)
        return found


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The entry of a line, or None if it is no whole one."""
    try:
        entry = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
