"""Everything that a report shows, read from the folder of a run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mlp_numpy.config import Config, read_config
from mlp_numpy.data.json_files import object_of, read_json, understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.diagnose import Finding, examine_run
from mlp_numpy.errors import DataNotFoundError, MlpNumpyError
from mlp_numpy.exchange.archive import read_archive
from mlp_numpy.experiment.artifacts import CAPSULE
from mlp_numpy.experiment.folder import usable
from mlp_numpy.experiment.lock import is_locked
from mlp_numpy.experiment.openings import HISTORY, SETTINGS
from mlp_numpy.report.predictions import Predictions, predict_held_out
from mlp_numpy.training import History, RunInfo, load_checkpoint

Found = TypeVar("Found")


@dataclass(frozen=True)
class RunContents:
    """The contents of a run's folder.

    at_work       True if a process trains it now
    failure       of a run that diverged: step, problem and place of its failed step
    system        versions and machine, as ``describe_system`` gives them
    predictions   of its model for its held-out split
    findings      the doctor's, or None if it was not asked
    problems      part → the reason why it is missing; parts are history, failure, system, predictions and findings
    """

    folder: Path
    config: Config
    history: History
    at_work: bool = False
    failure: dict[str, Any] | None = None
    system: dict[str, Any] | None = None
    predictions: Predictions | None = None
    findings: list[Finding] | None = None
    problems: dict[str, str] = field(default_factory=dict)


def read_contents(
    folder: str | os.PathLike[str], *, data_dir: str | os.PathLike[str] | None = None, doctor: bool = True
) -> RunContents:
    """Read the folder of a run, finished or not; nothing is written or downloaded.

    data_dir   folder of its data set, if that has moved
    doctor     examine the run, which repeats its first step and overfits one batch

    A part that cannot be read or computed is missing, with its error in ``problems``. Raises DataNotFoundError if
    ``folder`` is not a run's, DataError if its settings are damaged, RunFolderError if it cannot be read, OptionError
    if it is not a path.
    """
    folder = as_path("report", folder)
    data_dir = None if data_dir is None else as_path("report: data_dir", data_dir)
    with usable("report", folder):
        folder = folder.resolve()
        there, is_folder = (folder / SETTINGS).is_file(), folder.is_dir()
    if not there:
        raise DataNotFoundError(
            f"report: {folder} must be the folder of a run, with {SETTINGS} in it, found "
            f"{'a folder without it' if is_folder else 'no such folder'}. Hint: runs are kept below runs/."
        )
    config, problems = read_config(folder / SETTINGS), dict[str, str]()

    def attempt(part: str, read: Callable[[], Found], *, may_lack: bool = False) -> Found | None:
        try:
            return read()
        except MlpNumpyError as error:
            if not (may_lack and isinstance(error, DataNotFoundError)):
                problems[part] = str(error)
            return None

    history = attempt("history", lambda: _latest_history(folder))
    found = {
        "failure": attempt("failure", lambda: _failure(folder / CAPSULE), may_lack=True),
        "system": attempt("system", lambda: _system(folder / "versions.json"), may_lack=True),
    }
    return RunContents(
        folder,
        config,
        History(RunInfo(name=folder.name), part=config.held_out) if history is None else history,
        at_work=is_locked(folder),
        predictions=attempt("predictions", lambda: predict_held_out(folder, data_dir=data_dir)),
        findings=attempt("findings", lambda: examine_run(folder, data_dir=data_dir)) if doctor else None,
        problems=problems,
        **found,
    )


def _latest_history(folder: Path) -> History:
    """The history file of a run or, if that is missing, damaged or older, the history in its last checkpoint.

    Raises the error of the history file if there is neither.
    """
    found: list[History] = []
    problem: MlpNumpyError | None = None
    try:
        found.append(History.read(folder / HISTORY))
    except MlpNumpyError as error:
        problem = error
    with contextlib.suppress(MlpNumpyError):  # the doctor reports it
        found.append(load_checkpoint(folder).history)
    if not found and problem is not None:
        raise problem
    return max(found, key=lambda each: max((record.step for record in each.steps), default=0))


def _failure(path: Path) -> dict[str, Any]:
    _, about = read_archive("report", path, "capsule of a failed step")
    return {name: about.get(name) for name in ("step", "problem", "place", "loss")}


def _system(path: Path) -> dict[str, Any]:
    content = read_json("report", path, "versions that a run wrote")
    with understood("report", f"{path} must be versions that a run wrote"):
        return object_of("versions", content)
