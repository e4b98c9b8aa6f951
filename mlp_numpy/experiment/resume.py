"""What a run that was stopped left behind to go on from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mlp_numpy.config import Config, read_config
from mlp_numpy.errors import DataNotFoundError
from mlp_numpy.experiment.folder import Place, place_of
from mlp_numpy.training import Checkpoint, load_checkpoint
from mlp_numpy.training.checkpoint import NAME


class Resumed(NamedTuple):
    """A run's place, settings and last checkpoint, and what is to be said about it.

    checkpoint   None if the run was killed before its first
    note         tells that the last checkpoint was damaged and the one before it is used, or None
    """

    place: Place
    config: Config
    checkpoint: Checkpoint | None
    note: str | None


def read_resumed(folder: Path) -> Resumed:
    """What is to be known to go on with the run of ``folder``.

    Raises DataNotFoundError if it is no run's folder, DataError if its settings or both its checkpoints are damaged.
    """
    folder = folder.resolve()
    settings = folder / "config.yaml"
    if not settings.is_file():
        raise DataNotFoundError(
            f"Run.resumed: {folder} must be the folder of a run, with config.yaml in it, found "
            f"{'a folder without it' if folder.is_dir() else 'no such folder'}. Hint: runs are kept below runs/."
        )
    config = read_config(settings)
    place = place_of(folder, config)
    try:
        checkpoint = load_checkpoint(folder)
    except DataNotFoundError:
        return Resumed(place, config, None, None)
    note = None
    if checkpoint.path.name != NAME and (folder / NAME).exists():
        note = f"{folder / NAME} is damaged; the run goes on from the checkpoint before it."
    return Resumed(place, config, checkpoint, note)
