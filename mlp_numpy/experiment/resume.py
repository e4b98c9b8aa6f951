"""What a run that was stopped left behind to go on from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlp_numpy.config import Config, present_names, read_config
from mlp_numpy.data.json_files import understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.sources import Loaded
from mlp_numpy.errors import DataError, DataNotFoundError, RunFolderError
from mlp_numpy.experiment.build import Components, data_fingerprint, load
from mlp_numpy.experiment.folder import RunPaths, data_dir_of, known_of, place_of, usable
from mlp_numpy.experiment.openings import SETTINGS
from mlp_numpy.system_info import machine_fingerprint as machine_fingerprint
from mlp_numpy.training import Checkpoint, load_checkpoint
from mlp_numpy.training.checkpoint import NAME

_MAY_CHANGE: Final = ("data_dir", "download", "name", "overwrite", "plots_dir", "runs_dir")
"""Settings that decide none of the numbers."""


class ResumePoint(NamedTuple):
    """A run's place, settings and last checkpoint, and what is to be said about it.

    checkpoint   None if the run was killed before its first
    note         tells that the last checkpoint was damaged and the one before it is used, or None
    written      when the last checkpoint was written, in nanoseconds; None if there is none
    about        what is known of the run, as its checkpoint or its history tells; empty if neither is there
    write        whether data that are not there may be downloaded
    """

    place: RunPaths
    config: Config
    checkpoint: Checkpoint | None
    note: str | None
    written: int | None
    about: Mapping[str, Any]
    write: bool

    def data(self, *, progress: bool = False) -> Loaded:
        """The data set of the run, by the name that it had when the run began, where ``auto`` left it open.

        Nothing is written, unless whoever goes on with the run says that it may be downloaded. Raises what
        ``load_dataset`` raises.
        """
        option = str(self.about.get("dataset_option", ""))
        found = load(self.config, option=option, progress=progress, write=self.write)
        if self.config.dataset == "auto" and found.warning is None and found.dataset.name == "shapes":
            return Loaded(found.dataset, _STAND_IN)
        return found

    def check_data(self, parts: Components) -> None:
        """Raise DataError if the data set of ``parts`` is not the one that the run was begun on."""
        name = parts.dataset.name
        same = self.about.get("dataset", name) == name
        if same and self.checkpoint is not None:
            same = self.checkpoint.about.get("data") == data_fingerprint(parts.train, parts.trainer.held_out)
        if not same:
            raise DataError(
                f"Run.resumed: the data set must be the one that {self.place.folder} was begun on, got others under "
                f"the name {name}. Hint: check data_dir in its config.yaml, or give the folder with --data-dir."
            )

    def check_unchanged(self) -> None:
        """Raise RunFolderError if another run has gone on with it in the meantime."""
        if _written(self.place.folder) != self.written:
            raise RunFolderError(
                f"Run.resumed: {self.place.folder} must be as it was when it was read, but another run has gone on "
                "with it since. Hint: --resume it again."
            )


def read_resumed(
    folder: str | os.PathLike[str],
    *,
    data_dir: str | os.PathLike[str] | None = None,
    download: bool | None = None,
) -> ResumePoint:
    """What is to be known to go on with the run of ``folder``; its data are looked for where they were, or as is said.

    Raises DataNotFoundError if it is no run's folder, DataError if its settings or both its checkpoints are damaged,
    RunFolderError if it cannot be looked at, OptionError for what is no path.
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
    about = known_of(folder) if checkpoint is None else checkpoint.history.about
    said: dict[str, Any] = {"data_dir": data_dir or data_dir_of(folder, config, about), "download": download}
    config = replace(config, **{name: value for name, value in said.items() if value is not None})
    place, write = place_of(folder, config), download is True or not about
    if checkpoint is None:
        return ResumePoint(place, config, None, None, written, about, write)
    _check_settings(settings, config, checkpoint.history.about.get("config", {}))
    note = None
    if checkpoint.path.name != NAME and (folder / NAME).exists():
        note = f"{folder / NAME} is damaged; the run goes on from the checkpoint before it."
    return ResumePoint(place, config, checkpoint, note, written, about, write)


def restore(checkpoint: Checkpoint, parts: Components) -> list[str]:
    """Put the trainer of ``parts`` where ``checkpoint`` was taken; gives what is to be said about it.

    Raises DataError if the checkpoint is of another training.
    """
    about = checkpoint.about
    # whoever writes another file with a digest can write anything
    with understood("Run.resumed", f"{checkpoint.path} must hold the state of this run"):
        parts.trainer.load_state(checkpoint.state)
    machine = machine_fingerprint()
    if about.get("machine") == machine:
        return []
    return [
        f"This run was begun on {about.get('machine')}; here it goes on on {machine}. It will not be the same to the "
        "last bit."
    ]


def _check_settings(path: Path, config: Config, begun: Mapping[str, Any]) -> None:
    begun = present_names(begun)
    # A list in JSON is a tuple here.
    now = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    changed = [name for name in now if name not in _MAY_CHANGE and begun.get(name, now[name]) != now[name]]
    if changed:
        raise DataError(
            f"Run.resumed: {path} must be as it was when the run began, got another {', '.join(changed)}. "
            "Hint: other settings are another run."
        )


_STAND_IN: Final = (
    "THIS IS NOT CIFAR-10.\n"
    'This run was begun on generated figures ("shapes"), since CIFAR-10 was neither on disk nor to be had.'
)


def _written(folder: Path) -> int | None:
    path = folder / NAME
    return path.stat().st_mtime_ns if path.exists() else None
