"""Reports a run that has ended to a tracker, from its files."""

from __future__ import annotations

import os
import shlex

from mlp_numpy.config import read_config
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import RunFolderError, TrackingError
from mlp_numpy.experiment.artifacts import result_files
from mlp_numpy.experiment.folder import history_of, place_of, usable
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.openings import SETTINGS
from mlp_numpy.tracking import Tracker, in_order
from mlp_numpy.training import History


def log_run(folder: str | os.PathLike[str], tracker: Tracker) -> History:
    """Report the whole run in ``folder`` to ``tracker`` and return its history, whose values have six digits.

    Raises DataNotFoundError if it is not a run's folder, DataError if a file in it is damaged, RunFolderError if the
    run has not ended or is in use, TrackingError if the tracker raises, OptionError if ``folder`` is not a path.
    """
    folder = as_path("log", folder)
    with usable("log", folder):
        folder = folder.resolve()
    config, history = read_config(folder / SETTINGS), history_of(folder)
    info = history.info
    with locked(folder):
        if info.status == "running":
            raise RunFolderError(
                f"log: the run in {folder} must have ended, found one that was killed. "
                f"Hint: train --resume {shlex.quote(str(folder))}."
            )
        try:
            tracker.start(info, config, history.steps[-1].step if history.steps else 0, folder)
            for record in in_order(history):
                tracker.record(record)
            tracker.finish(info.status, result_files(place_of(folder, config)))
        except Exception as error:
            raise TrackingError(
                f"log: {type(tracker).__name__} must take the run in {folder}, got {said(error)}. "
                "Hint: make room or check permissions, then log it again."
            ) from error
    return history
