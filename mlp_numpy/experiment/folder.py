"""The folder and the figure of a run: choosing free names, and reading results back."""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from mlp_numpy.config import Config, read_config
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DataError, DataNotFoundError, MlpNumpyError, RunFolderError
from mlp_numpy.experiment.openings import HISTORY, SETTINGS
from mlp_numpy.training import History, RunInfo, TrainedModel, load_model

DONE: Final = ("finished", "stopped early")
"""The statuses of a complete run."""
MODEL: Final = "model.npz"


class RunPaths(NamedTuple):
    """The folder and figure of a run; ``replaces`` is True if files of an earlier run may be replaced."""

    folder: Path
    picture: Path
    replaces: bool


def check_free(config: Config) -> None:
    """Raise RunFolderError if the chosen name is taken (without ``overwrite``) or cannot be the name of a folder."""
    if not config.name or config.overwrite:
        return
    folder, picture = Path(config.runs_dir, config.name), Path(config.plots_dir, f"{config.name}.png")
    with usable("run", folder):
        if folder.exists() or picture.exists():
            raise _taken(config)


def reserve(config: Config, data_set: str) -> RunPaths:
    """Create the folder of a run on ``data_set``; creating it reserves the name, so no two runs can share it.

    Raises RunFolderError if the name is taken or the folders cannot be written.
    """
    runs, plots = Path(config.runs_dir), Path(config.plots_dir)
    check_free(config)
    with usable("run", f"{runs} and {plots}", "must be folders that can be written"):
        for folder in (runs, plots):
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, "Permission denied", str(folder))
        name = config.name or _next_free(f"run-{_slug(data_set)}", runs, plots)
        if config.name:
            try:
                (runs / name).mkdir(exist_ok=config.overwrite)
            except FileExistsError as error:
                raise _taken(config) from error
    return RunPaths(runs / name, plots / f"{name}.png", bool(config.name) and config.overwrite)


@contextlib.contextmanager
def usable(who: str, folder: object, must: str = "must be a folder that can be read and written") -> Iterator[None]:
    """Context that converts OSError and ValueError about ``folder`` into RunFolderError."""
    try:
        yield
    except MlpNumpyError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a lone surrogate or NUL in a file name
        raise RunFolderError(
            f"{who}: {shown_path(folder)} {must}, got: {_said(error)}. "
            "Hint: check its name, its owner and its permissions, or choose another one."
        ) from error


def shown_path(path: object) -> str:
    """A path in printable form, at most 300 characters long."""
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 300 else f"{text[:297]}..."


def _said(error: OSError | ValueError) -> str:
    return f"{error.strerror}" if isinstance(error, OSError) and error.strerror else shown_path(said(error))


def place_of(folder: Path, config: Config) -> RunPaths:
    """The paths of the run in ``folder`` when it is resumed."""
    return RunPaths(folder, Path(config.plots_dir, f"{folder.name}.png"), replaces=False)


def finished(folder: str | os.PathLike[str]) -> History | None:
    """The history of a run that is complete, with all its files saved; else None.

    Raises OptionError if ``folder`` is not a path.
    """
    folder = as_path("finished", folder)
    history = ended(folder)
    if history is None or history.info.not_saved or model_problem(folder) is not None:
        return None
    return history


def ended(folder: Path) -> History | None:
    """The history of a complete run, even if other files are missing; else None.

    None also for a history that is incomplete or unreadable: resuming the run rewrites it.
    """
    try:
        history = history_of(folder)
    except (DataError, DataNotFoundError):
        return None
    return history if history.info.status in DONE else None


def history_of(folder: Path) -> History:
    """The history of a run, checked for required entries.

    Raises DataNotFoundError if there is none yet, DataError if it is damaged or incomplete.
    """
    history = History.read(folder / HISTORY)
    lacking = history.info.lacking("status", "seconds", "dataset", "test_openings")
    if history.info.status in DONE and not history.evaluations:
        lacking.add(history.part)
    if lacking:
        names = ", ".join(sorted(lacking))
        raise DataError(
            f"history_of: {folder / HISTORY} is incomplete, it lacks {names}. "
            f"Hint: train --resume {shlex.quote(str(folder))} rewrites it."
        )
    return history


def model_problem(folder: Path) -> MlpNumpyError | None:
    """The error of loading a run's model, or None."""
    try:
        load_model(folder / MODEL)
    except (DataError, DataNotFoundError) as error:
        return error
    return None


def load_run(folder: str | os.PathLike[str]) -> tuple[Config, TrainedModel]:
    """The settings and the trained model of a run's folder.

    Raises DataNotFoundError if it is not a run's folder, DataError if a file in it is damaged, RunFolderError if it
    cannot be read, OptionError if ``folder`` is not a path.
    """
    folder = as_path("load_run", folder)
    settings, model = folder / SETTINGS, folder / MODEL
    with usable("load_run", folder):
        there, is_folder, has_model = settings.is_file(), folder.is_dir(), model.exists()
    if not there:
        raise DataNotFoundError(
            f"load_run: {folder} must be the folder of a run, with {SETTINGS} and {MODEL} in it, found "
            f"{'a folder without them' if is_folder else 'no such folder'}. Hint: runs are kept below runs/."
        )
    if not has_model:
        how = "it is still training, or was killed" if ended(folder) is None else "it is complete, its model is gone"
        hint = "resumes a killed run" if ended(folder) is None else "restores it from the last checkpoint"
        raise DataNotFoundError(
            f"load_run: {folder} must be the folder of a complete run, found no {MODEL}: {how}. "
            f"Hint: train --resume {shlex.quote(str(folder))} {hint}."
        )
    return read_config(settings), load_model(model)


def load_trained(path: str | os.PathLike[str]) -> TrainedModel:
    """The trained model of a run's folder, or of a model file.

    Raises what ``load_run`` and ``load_model`` raise.
    """
    path = as_path("load_trained", path)
    return load_model(path) if is_model_file("load_trained", path) else load_run(path)[1]


def is_model_file(who: str, path: Path) -> bool:
    """True if ``path`` is a file, not a run's folder. Raises RunFolderError if it cannot be accessed."""
    with usable(who, path):
        return path.is_file()


def known_of(folder: Path) -> RunInfo:
    """The metadata in a run's history; empty if that is unreadable, since resuming the run rewrites it."""
    try:
        return History.read(folder / HISTORY).info
    except (DataError, DataNotFoundError):
        return RunInfo()


def data_dir_of(folder: Path, config: Config, info: RunInfo) -> str:
    """The data folder of a run: the absolute path in its history if still valid, else ``config.data_dir``."""
    told, option = info.data_dir, info.config.get("data_dir")
    with usable("run", folder):
        return told if told and option == config.data_dir and Path(told).is_dir() else config.data_dir


def _taken(config: Config) -> RunFolderError:
    folder = Path(config.runs_dir, config.name)
    return RunFolderError(
        f"run: a run named {config.name!r} already exists in {folder} or {Path(config.plots_dir, config.name)}.png. "
        "Hint: choose another --name, or --overwrite to replace it."
    )


def _next_free(stem: str, runs: Path, plots: Path) -> str:
    number = 1
    while True:
        name = f"{stem}-{number:03}"
        if not (plots / f"{name}.png").exists():
            with contextlib.suppress(FileExistsError):
                # Creating the folder reserves the name, so that no two runs can share it.
                (runs / name).mkdir()
                return name
        number += 1


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-").replace("cifar-", "cifar")
