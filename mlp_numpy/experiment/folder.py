"""The folder and the picture of a run: names that are free, and what is read back from them."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlp_numpy.config import Config, read_config
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.errors import DataError, DataNotFoundError, RunFolderError
from mlp_numpy.training import History, TrainedModel, load_model

DONE: Final = ("finished", "stopped early")
"""The statuses of a run that came to its end."""
NOT_SAVED: Final = "not_saved"
"""Under this name a history tells which files of its run could not be written."""


class Place(NamedTuple):
    """Where a run leaves its files; ``replaces`` tells that an earlier run's may stand there."""

    folder: Path
    picture: Path
    replaces: bool


def check_free(config: Config) -> None:
    """Raise RunFolderError if the name that was chosen is taken, and not to be replaced."""
    picture = Path(config.plots_dir, f"{config.name}.png")
    if config.name and not config.overwrite and (Path(config.runs_dir, config.name).exists() or picture.exists()):
        raise _taken(config)


def reserve(config: Config, data_set: str) -> Place:
    """Take a folder for a run on ``data_set``: making it is what takes the name, so that two runs cannot both have it.

    Raises RunFolderError if the name is taken or the folders cannot be written.
    """
    runs, plots = Path(config.runs_dir), Path(config.plots_dir)
    check_free(config)
    try:
        for folder in (runs, plots):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        name = config.name or _next_free(f"run-{_slug(data_set)}", runs, plots)
    except OSError as error:
        problem = f"run: {runs} and {plots} must be folders that can be written, got: {error}."
        raise RunFolderError(problem) from error
    if config.name:
        try:
            (runs / name).mkdir(exist_ok=config.overwrite)
        except FileExistsError as error:
            raise _taken(config) from error
    return Place(runs / name, plots / f"{name}.png", bool(config.name) and config.overwrite)


def place_of(folder: Path, config: Config) -> Place:
    """Where the run of ``folder`` leaves its files when it goes on."""
    return Place(folder, Path(config.plots_dir, f"{folder.name}.png"), replaces=False)


def finished(folder: Path) -> History | None:
    """The history of a run that came to its end and was saved whole, of which nothing is left to do; else None."""
    about = _about(folder)
    done = about.get("status") in DONE and NOT_SAVED not in about
    return History.read(folder / "history.json") if done else None


def load_run(folder: Path) -> tuple[Config, TrainedModel]:
    """The settings and the trained model of a run's folder.

    Raises DataNotFoundError if it is no such folder, DataError if a file in it is damaged.
    """
    settings = folder / "config.yaml"
    if not settings.is_file():
        raise DataNotFoundError(
            f"load_run: {folder} must be the folder of a run, with config.yaml and model.npz in it, found "
            f"{'a folder without them' if folder.is_dir() else 'no such folder'}. Hint: runs are kept below runs/."
        )
    if not (folder / "model.npz").exists() and finished(folder) is None:
        raise DataNotFoundError(
            f"load_run: {folder} must be the folder of a run that came to an end, found no model.npz: it is under way, "
            f"or was killed. Hint: train --resume {folder} goes on with one that was killed."
        )
    return read_config(settings), load_model(folder / "model.npz")


def load_trained(path: Path) -> TrainedModel:
    """The trained model of a run's folder, or of a model file.

    Raises what ``load_run`` and ``load_model`` raise.
    """
    return load_model(path) if path.is_file() else load_run(path)[1]


def report_opening(folder: Path, split: SealedSplit) -> None:
    """Write into the history of a run how often and what for its test set has been opened by now."""
    path = folder / "history.json"
    if path.exists():
        history = History.read(path)
        history.about["test_openings"] = list(split.openings)
        history.write(path)


def sealed_again(folder: Path, test: Split) -> SealedSplit:
    """The test set of a run, which goes on counting its openings."""
    return SealedSplit(test, openings=openings(folder))


def openings(folder: Path, *, known: Sequence[str] = ()) -> list[str]:
    """For what the test set of a run has been opened: what its history tells, and what is ``known`` besides."""
    told = Counter(_about(folder).get("test_openings", []))
    return [*known, *(told - Counter(known)).elements()]


def _about(folder: Path) -> dict[str, Any]:
    """What the history of a run tells about it; nothing where it cannot be read, since a run writes it anew."""
    try:
        return History.read(folder / "history.json").about
    except (DataError, DataNotFoundError):
        return {}


def _taken(config: Config) -> RunFolderError:
    folder = Path(config.runs_dir, config.name)
    return RunFolderError(
        f"run: there must be no earlier run named {config.name!r}, found one in {folder} or "
        f"{Path(config.plots_dir, config.name)}.png. Hint: another --name, or --overwrite to replace it."
    )


def _next_free(stem: str, runs: Path, plots: Path) -> str:
    number = 1
    while True:
        name = f"{stem}-{number:03}"
        if not (plots / f"{name}.png").exists():
            with contextlib.suppress(FileExistsError):
                # Making the folder is what takes the name, so that two runs cannot both have it.
                (runs / name).mkdir()
                return name
        number += 1


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-").replace("cifar-", "cifar")
