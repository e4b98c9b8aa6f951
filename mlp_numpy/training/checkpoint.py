"""Checkpoints: a training under way in one file, from which it goes on bit by bit as if it had never stopped."""

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
from mlp_numpy.training.archive import read_archive, strip_prefix, with_prefix, write_archive
from mlp_numpy.training.history import PARTS, History, checked_about, checked_stats

FORMAT: Final = 1
"""The version of the format; must rise whenever an older reader would misread a file."""
NAME: Final = "checkpoint.npz"
PREVIOUS: Final = "checkpoint.previous.npz"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    state     of the Trainer: weights, optimizer, average, best so far, counters
    history   all records up to then, to the last bit
    about     what else is to be known of the run, as JSON can hold it
    path      the file it was read from
    """

    state: Mapping[str, Array]
    history: History
    about: dict[str, Any]
    path: Path


def save_checkpoint(
    folder: str | os.PathLike[str], state: Mapping[str, Array], history: History, about: Mapping[str, Any]
) -> None:
    """Write ``folder``'s checkpoint, whole or not at all; the one before it is kept as the previous one.

    At every instant there is a whole one under one of the two names. Raises OSError if the disk does not take it,
    OptionError if ``folder`` is no path.
    """
    folder = as_path("save_checkpoint", folder)
    stats = [[record.step, record.layer_stats] for record in history.steps if record.layer_stats]
    content = {**about, "format": FORMAT, "history": history.about, "part": history.part, "watched": stats}
    arrays = with_prefix("state/", state) | with_prefix("history/", history.arrays())
    write_archive(folder / NAME, arrays, content, keep=folder / PREVIOUS)


def load_checkpoint(folder: str | os.PathLike[str]) -> Checkpoint:
    """The latest whole checkpoint of ``folder``: if that is missing or damaged, the one before it.

    Raises DataNotFoundError if there is none, DataError if none can be used, OptionError if ``folder`` is no path.
    """
    folder = as_path("load_checkpoint", folder)
    problems: list[DataError | DataNotFoundError] = []
    for name in (NAME, PREVIOUS):
        try:
            return _read(folder / name)
        except (DataError, DataNotFoundError) as error:
            problems.append(error)
    # one that is damaged tells more than one that is missing
    raise next((error for error in problems if isinstance(error, DataError)), problems[0])


def _read(path: Path) -> Checkpoint:
    arrays, about = read_archive("load_checkpoint", path, "checkpoint")
    if about.get("format") != FORMAT:
        raise DataError(
            f"load_checkpoint: {path} must be a checkpoint of format {FORMAT}, got {shown(about.get('format'))}. "
            "Hint: resume the run with the version of mlp_numpy that began it."
        )
    try:
        history = History(checked_about(about.pop("history")), part=about.pop("part"))
        if history.part not in PARTS:
            raise ValueError(f"part {shown(history.part)}")
        found = strip_prefix("history/", arrays)
        stats = checked_stats(about.pop("watched"))
        history.load_arrays({name: found[name] for name in ("steps", "evaluations")}, stats)
    except Exception as error:  # whoever writes another file with a digest can write anything
        raise DataError(f"load_checkpoint: {path} must hold the history of a run, got {said(error)}") from error
    return Checkpoint(strip_prefix("state/", arrays), history, about, path)
