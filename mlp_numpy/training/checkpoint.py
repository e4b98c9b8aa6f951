"""Checkpoints: the full state of a training in one file, from which it resumes bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DataError, DataNotFoundError
from mlp_numpy.exchange.archive import read_archive, strip_prefix, with_prefix, write_archive
from mlp_numpy.training.history import PARTS, History, checked_stats
from mlp_numpy.training.run_info import RunInfo

FORMAT: Final = 1
"""Format version; increase it whenever an older reader would misread a file."""
NAME: Final = "checkpoint.npz"
PREVIOUS: Final = "checkpoint.previous.npz"


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint.

    state     the Trainer's: weights, optimizer, average, best model so far, counters
    history   all records so far, to the last bit
    about     further metadata of the run, as JSON
    path      the file it was read from
    """

    state: Mapping[str, Array]
    history: History
    about: dict[str, Any]
    path: Path


def save_checkpoint(
    folder: str | os.PathLike[str], state: Mapping[str, Array], history: History, about: Mapping[str, Any]
) -> None:
    """Write ``folder``'s checkpoint atomically; the one before it is kept as the previous one.

    At every instant one of the two files is complete. Raises OSError if it cannot be written, OptionError if
    ``folder`` is not a path.
    """
    folder = as_path("save_checkpoint", folder)
    stats = [[record.step, record.layer_stats] for record in history.steps if record.layer_stats]
    content = {**about, "format": FORMAT, "history": history.info.as_json(), "part": history.part, "watched": stats}
    arrays = with_prefix("state/", state) | with_prefix("history/", history.arrays())
    write_archive(folder / NAME, arrays, content, keep=folder / PREVIOUS)


def load_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """The latest checkpoint of ``folder``, or the previous one if that is missing or damaged.

    Raises DataNotFoundError if there is none, DataError if none is usable, OptionError if ``folder`` is not a path.
    """
    folder = as_path("load_checkpoint", folder)
    problems: list[DataError | DataNotFoundError] = []
    for name in (NAME, PREVIOUS):
        try:
            return _read(folder / name)
        except (DataError, DataNotFoundError) as error:
            problems.append(error)
    # the error of a damaged file is more useful than that of a missing one
    raise next((error for error in problems if isinstance(error, DataError)), problems[0])


def _read(path: Path) -> Checkpoint:
    arrays, about = read_archive("load_checkpoint", path, "checkpoint")
    if about.get("format") != FORMAT:
        raise DataError(
            f"load_checkpoint: {path} must be a checkpoint of format {FORMAT}, got {shown(about.get('format'))}. "
            "Hint: resume the run with the version of mlp_numpy that began it."
        )
    try:
        history = History(RunInfo.from_json(about.pop("history")), part=about.pop("part"))
        if history.part not in PARTS:
            raise ValueError(f"part {shown(history.part)}")
        found = strip_prefix("history/", arrays)
        stats = checked_stats(about.pop("watched"))
        history.load_arrays(found, stats)
    except Exception as error:  # a foreign file with a valid digest can hold anything
        raise DataError(f"load_checkpoint: {path} must hold the history of a run, got {said(error)}") from error
    return Checkpoint(strip_prefix("state/", arrays), history, about, path)
