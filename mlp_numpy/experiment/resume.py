"""What a run that was stopped left behind to go on from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlp_numpy.config import Config, read_config
from mlp_numpy.environment import fingerprint as machine_fingerprint
from mlp_numpy.errors import DataError, DataNotFoundError, MlpNumpyError, RunFolderError
from mlp_numpy.experiment.folder import Place, place_of
from mlp_numpy.experiment.parts import Parts, fingerprint
from mlp_numpy.training import Checkpoint, load_checkpoint
from mlp_numpy.training.checkpoint import NAME

_MAY_CHANGE: Final = ("data_dir", "download", "name", "overwrite", "plots_dir", "runs_dir")
"""Settings that decide none of the numbers."""


class Resumed(NamedTuple):
    """A run's place, settings and last checkpoint, and what is to be said about it.

    checkpoint   None if the run was killed before its first
    note         tells that the last checkpoint was damaged and the one before it is used, or None
    written      when the last checkpoint was written, in nanoseconds; None if there is none
    """

    place: Place
    config: Config
    checkpoint: Checkpoint | None
    note: str | None
    written: int | None

    def check_unchanged(self) -> None:
        """Raise RunFolderError if another run has gone on with it in the meantime."""
        if _written(self.place.folder) != self.written:
            raise RunFolderError(
                f"Run.resumed: {self.place.folder} must be as it was when it was read, but another run has gone on "
                "with it since. Hint: --resume it again."
            )


def read_resumed(folder: Path, *, data_dir: str | None = None, download: bool | None = None) -> Resumed:
    """What is to be known to go on with the run of ``folder``; its data are looked for as it did, or as is said here.

    Raises DataNotFoundError if it is no run's folder, DataError if its settings or both its checkpoints are damaged.
    """
    folder = folder.resolve()
    settings = folder / "config.yaml"
    if not settings.is_file():
        raise DataNotFoundError(
            f"Run.resumed: {folder} must be the folder of a run, with config.yaml in it, found "
            f"{'a folder without it' if folder.is_dir() else 'no such folder'}. Hint: runs are kept below runs/."
        )
    config, written = read_config(settings), _written(folder)
    said: dict[str, Any] = {"data_dir": data_dir, "download": download}
    config = replace(config, **{name: value for name, value in said.items() if value is not None})
    place = place_of(folder, config)
    try:
        checkpoint = load_checkpoint(folder)
    except DataNotFoundError:
        return Resumed(place, config, None, None, written)
    _check_settings(settings, config, checkpoint.history.about.get("config", {}))
    note = None
    if checkpoint.path.name != NAME and (folder / NAME).exists():
        note = f"{folder / NAME} is damaged; the run goes on from the checkpoint before it."
    return Resumed(place, config, checkpoint, note, written)


def put_back(checkpoint: Checkpoint, parts: Parts) -> list[str]:
    """Put the trainer of ``parts`` where ``checkpoint`` was taken; gives what is to be said about it.

    Raises DataError if the data set has changed, or if the checkpoint is of another training.
    """
    about = checkpoint.about
    if about.get("data") != fingerprint(parts.train, parts.trainer.held_out):
        raise DataError(
            f"Run.resumed: the data set must be the one that {checkpoint.path.parent} was begun on, got others under "
            f"the name {parts.dataset.name}. Hint: check data_dir in its config.yaml."
        )
    try:
        parts.trainer.load_state(checkpoint.state)
    except (MlpNumpyError, LookupError) as error:
        raise DataError(
            f"Run.resumed: {checkpoint.path} must hold the state of this run, got {type(error).__name__}: {error}"
        ) from error
    machine = machine_fingerprint()
    if about.get("machine") == machine:
        return []
    return [
        f"This run was begun on {about.get('machine')}; here it goes on on {machine}. It will not be the same to the "
        "last bit."
    ]


def _check_settings(path: Path, config: Config, begun: Mapping[str, Any]) -> None:
    # A list in JSON is a tuple here.
    now = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    changed = [name for name in now if name not in _MAY_CHANGE and begun.get(name, now[name]) != now[name]]
    if changed:
        raise DataError(
            f"Run.resumed: {path} must be as it was when the run began, got another {', '.join(changed)}. "
            "Hint: other settings are another run."
        )


def _written(folder: Path) -> int | None:
    path = folder / NAME
    return path.stat().st_mtime_ns if path.exists() else None
