"""Resuming a stopped run from its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlp_numpy.checks import shown
from mlp_numpy.config import Config, present_names, read_config
from mlp_numpy.data.digest import data_fingerprint
from mlp_numpy.data.json_files import understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.sources import Loaded
from mlp_numpy.errors import DataError, DataNotFoundError, RunFolderError
from mlp_numpy.experiment.build import Components, load_data
from mlp_numpy.experiment.folder import RunPaths, data_dir_of, known_of, place_of, usable
from mlp_numpy.experiment.openings import SETTINGS
from mlp_numpy.system_info import machine_fingerprint as machine_fingerprint
from mlp_numpy.training import Checkpoint, RunInfo, load_checkpoint
from mlp_numpy.training.checkpoint import NAME

_MAY_CHANGE: Final = (
    "allreduce",
    "data_dir",
    "distributed",
    "download",
    "log",
    "name",
    "overwrite",
    "plots_dir",
    "runs_dir",
    "tensorboard",
    "threads",
)
"""Settings that do not affect the results, or, of the processes that share them, their last bits."""


class ResumePoint(NamedTuple):
    """A run's paths, settings and last checkpoint.

    checkpoint   None if the run was killed before its first
    note         message that the last checkpoint is damaged and the previous one is used, or None
    written      modification time of the last checkpoint in nanoseconds, or None
    info         metadata of the run, from its checkpoint or its history; empty if neither exists
    write        True if missing data may be downloaded
    """

    place: RunPaths
    config: Config
    checkpoint: Checkpoint | None
    note: str | None
    written: int | None
    info: RunInfo
    write: bool

    def shards(self, ranks: int) -> int | None:
        """The shards of the run, or None if it may choose them: it has computed nothing yet, or these cannot be shared
        among the ``ranks``."""
        shards = self.info.shards or 1
        return None if self.checkpoint is None or shards % ranks else shards

    def note_of_ranks(self, ranks: int, shards: int) -> str | None:
        """The message that another number of processes or shards gives other last bits."""
        before, now = (self.info.ranks or 1, self.info.shards or 1), (ranks, shards)
        if self.checkpoint is None or before == now:
            return None
        return (
            f"This run had {before[0]} ranks with {before[1]} shards in all, and resumes with {now[0]} and {now[1]}. "
            "The results will not be identical to the last bit."
        )

    def data(self, *, progress: bool = False) -> Loaded:
        """Load the data set that the run began with, also if its setting is ``auto``.

        Nothing is written, unless a download was allowed explicitly. Raises what ``load_dataset`` raises.
        """
        option = self.info.dataset_option
        found = load_data(self.config, option=option, progress=progress, write=self.write)
        if self.config.dataset == "auto" and found.warning is None and found.dataset.name == "shapes":
            return Loaded(found.dataset, _STAND_IN)
        return found

    def check_data(self, parts: Components) -> None:
        """Raise DataError if the data set of ``parts`` is not the one that the run began with."""
        name = parts.dataset.name
        same = (self.info.dataset or name) == name
        if same and self.checkpoint is not None:
            same = self.checkpoint.about.get("data") == data_fingerprint(parts.train, parts.held_out)
        if not same:
            hint = "check data_dir in its config.yaml, or give the folder with --data-dir"
            if ":" in self.config.dataset:  # data of one's own, which --data-dir does not move
                hint = f"the files that {shown(self.config.dataset)} had then, or another run for these"
            raise DataError(
                f"Run.resumed: the data set {name} differs from the one that {self.place.folder} began with. "
                f"Hint: {hint}."
            )

    def check_unchanged(self) -> None:
        """Raise RunFolderError if another process has continued the run in the meantime."""
        if _written(self.place.folder) != self.written:
            raise RunFolderError(
                f"Run.resumed: another process has continued {self.place.folder} since it was read. "
                "Hint: --resume it again."
            )


def read_resumed(
    folder: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | None = None,
    threads: int | None = None,
    distributed: str | None = None,
) -> ResumePoint:
    """Load what is needed to resume ``folder``; ``data_dir``, ``download``, ``threads`` and ``distributed`` override
    the run's own settings.

    Raises DataNotFoundError if it is not a run's folder, DataError if its settings or both its checkpoints are damaged,
    RunFolderError if it cannot be read, OptionError for an argument that is not a path.
    """
    folder = as_path("Run.resumed", folder)
    data_dir = None if data_dir is None else str(as_path("Run.resumed: data_dir", data_dir))
    with usable("Run.resumed", folder):
        folder = folder.resolve()
        settings = folder / SETTINGS
        there, is_folder, written = settings.is_file(), folder.is_dir(), _written(folder)
    if not there:
        raise DataNotFoundError(
            f"Run.resumed: {folder} must be the folder of a run, with {SETTINGS} in it, found "
            f"{'a folder without it' if is_folder else 'no such folder'}. Hint: runs are kept below runs/."
        )
    config = read_config(settings)
    try:
        checkpoint = load_checkpoint(folder)
    except DataNotFoundError:
        checkpoint = None
    info = known_of(folder) if checkpoint is None else checkpoint.history.info
    said: dict[str, Any] = {
        "data_dir": data_dir or data_dir_of(folder, config, info),
        "download": download,
        "threads": threads,
        "distributed": distributed,
        "allreduce": "ordered" if distributed == "none" else None,
    }
    config = replace(config, **{name: value for name, value in said.items() if value is not None})
    place, write = place_of(folder, config), download is True or info == RunInfo()
    if checkpoint is None:
        return ResumePoint(place, config, None, None, written, info, write)
    _check_settings(settings, config, checkpoint.history.info.config)
    note = None
    if checkpoint.path.name != NAME and (folder / NAME).exists():
        note = f"{folder / NAME} is damaged; resuming from the previous checkpoint."
    return ResumePoint(place, config, checkpoint, note, written, info, write)


def restore(checkpoint: Checkpoint, parts: Components) -> list[str]:
    """Load ``checkpoint`` into the trainer of ``parts``; returns notes for the user.

    Raises DataError if the checkpoint belongs to another training.
    """
    about = checkpoint.about
    # a foreign file with a valid digest can hold anything
    with understood("Run.resumed", f"{checkpoint.path} must hold the state of this run"):
        parts.trainer.load_state(checkpoint.state)
    machine = machine_fingerprint()
    if about.get("machine") == machine:
        return []
    return [
        f"This run began on {about.get('machine')} and resumes on {machine}. The results will not be identical to the "
        "last bit."
    ]


def _check_settings(path: Path, config: Config, begun: Mapping[str, Any]) -> None:
    begun = present_names(begun)
    # A list in JSON is a tuple here.
    now = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    changed = [name for name in now if name not in _MAY_CHANGE and begun.get(name, now[name]) != now[name]]
    if changed:
        raise DataError(
            f"Run.resumed: {path} has changed since the run began: {', '.join(changed)}. "
            "Hint: start another run for other settings."
        )


_STAND_IN: Final = (
    "THIS IS NOT CIFAR-10.\n"
    'This run began with generated images ("shapes"), since CIFAR-10 was neither on disk nor available for download.'
)


def _written(folder: Path) -> int | None:
    path = folder / NAME
    return path.stat().st_mtime_ns if path.exists() else None
