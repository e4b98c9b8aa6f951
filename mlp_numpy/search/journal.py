"""The journal of a search: an append-only file with one line of JSON per finished trial."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from mlp_numpy.atomic_io import write_text
from mlp_numpy.checks import shown
from mlp_numpy.config import Config, present_names
from mlp_numpy.data.json_files import parsed_json
from mlp_numpy.data.reading import as_path, check_regular
from mlp_numpy.errors import DataError, OptionError, RunFolderError, unreadable
from mlp_numpy.experiment.folder import usable

FORMAT: Final = 1
ANOTHER: Final = "Hint: another folder for this search, on the command line another --name."


class Journal:
    """The file ``path``: a header line with the settings common to all trials, then one line per trial.

        journal = Journal(path, settings)
        journal.entries                 # of earlier trials
        journal.add(entry)              # on disk on return

    An incomplete last line, after a kill or a power failure, is dropped. Settings added since the journal was started
    take their defaults, which have no effect.

    A journal without trials takes any settings.

    Raises RunFolderError if the journal belongs to another search or cannot be written, DataError if it is damaged
    before its last line, OptionError for an invalid path or settings.
    """

    def __init__(self, path: str | os.PathLike[str], base: Mapping[str, Any]) -> None:
        self.path = as_path("Journal", path)
        settings = json.loads(_written("Journal: base", base))
        begun = _written("Journal: base", {"format": FORMAT, "base": settings})
        with usable("search", self.path, "must be a file that can be written"):
            found = self._read() if self.path.exists() else []
            if found:
                self._check_begun(found[0])
            if len(found) > 1:
                self._check(found[0], settings)
            else:  # nothing has ended that would depend on settings
                write_text(self.path, begun)
        self.entries: list[dict[str, Any]] = found[1:]

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write an entry to the disk.

        Raises RunFolderError if that fails; an incomplete line is dropped next time. OptionError for an entry that JSON
        cannot represent.
        """
        line = _written("Journal.add", entry)
        must = "must take what ended; what it holds already is not lost"
        with usable("search", self.path, must), self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.entries.append(dict(entry))

    def _check_begun(self, about: dict[str, Any]) -> None:
        if about.get("format") != FORMAT or not isinstance(about.get("base"), dict):
            raise DataError(f"search: {self.path} must begin with format {FORMAT} and a base, line 1 has others.")

    def _check(self, about: dict[str, Any], base: dict[str, Any]) -> None:
        told = present_names(about["base"])
        before = {name: _DEFAULTS.get(name) for name in base} | told
        differs = [
            f"{name} {base.get(name, 'varied')}, found {told.get(name, f'none, which means {before[name]}')}"
            for name in before
            if name not in base or base[name] != before[name]
        ]
        if differs:
            problem = f"search: {self.path} must be the journal of the same search: {'; '.join(differs)}."
            raise RunFolderError(f"{problem} {ANOTHER}")

    def _read(self) -> list[dict[str, Any]]:
        check_regular("search", self.path)
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
                # An incomplete line was never reported as done.
                os.truncate(self.path, len(content) - len(line))
            else:
                found.append(entry)
        return found


_DEFAULTS: Final[dict[str, Any]] = json.loads(json.dumps({field.name: field.default for field in fields(Config)}))


def _written(who: str, entry: Any) -> str:
    """Encode an entry as a line. Raises OptionError for one that JSON cannot represent."""
    try:
        if not isinstance(entry, Mapping):
            raise TypeError("no names and values")
        line = json.dumps(dict(entry), ensure_ascii=False, allow_nan=False) + "\n"
        line.encode()
    except Exception as error:  # arbitrary objects can raise any exception
        raise OptionError(f"{who} must be names and values that JSON can hold, got {shown(entry)}.") from error
    return line


def _parsed(line: bytes) -> dict[str, Any] | None:
    """Decode the entry of a line; None if the line is incomplete."""
    try:
        entry = parsed_json(line) if line.endswith(b"\n") else None
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
