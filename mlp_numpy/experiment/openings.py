"""The record of a run's test-set openings and their reasons, written to disk before any result is computed."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlp_numpy.data.dataset import Split
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.errors import DataError, DataNotFoundError, RunFolderError
from mlp_numpy.experiment.lock import waited_for
from mlp_numpy.training import History

HISTORY = "history.json"
SETTINGS = "config.yaml"


def open_test_set(folder: str | os.PathLike[str], test: Split, reason: str) -> SealedSplit:
    """Open the test set of the run in ``folder`` for ``reason``, after recording the opening in its history.

    The count is exact even if several processes open it at once: they wait for each other.

    Raises RunFolderError if the count cannot be written, DataNotFoundError or DataError if the run's history is missing
    or damaged, OptionError without a reason.
    """
    folder = as_path("open_test_set", folder)
    path = folder / HISTORY
    sealed = SealedSplit(test)
    sealed.open(reason)
    with counting(folder):
        history = _read(path)
        history.info.test_openings = [*(history.info.test_openings or []), reason]
        try:
            history.write(path)
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"evaluate: the opening of the test set could not be recorded in {path}: "
                f"{getattr(error, 'strerror', None) or error}. The test set stays sealed. "
                "Hint: make room or check permissions."
            ) from error
    counted = SealedSplit(test, openings=history.info.test_openings[:-1])
    counted.open(reason)
    return counted


def openings(folder: Path, *, known: Sequence[str] = ()) -> list[str]:
    """The reasons for which a run's test set was opened: those ``known``, and further ones in its history.

    A missing or damaged history counts as empty, since resuming the run rewrites it. Raises DataError if it is
    unreadable for lack of permission, because its openings would be lost.
    """
    try:
        told = Counter[str](History.read(folder / HISTORY).info.test_openings or [])
    except (DataError, DataNotFoundError) as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        told = Counter()
    return [*known, *(told - Counter(known)).elements()]


@contextlib.contextmanager
def counting(folder: Path) -> Iterator[None]:
    """Lock the history of ``folder`` against writes by other processes, waiting if necessary.

    The lock is on the settings file, which never changes during a run; the lock of the folder itself is held by the
    training for its whole duration.
    """
    with waited_for(folder / SETTINGS):
        yield


def _read(path: Path) -> History:
    try:
        return History.read(path)
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"evaluate: {path}, which records the openings of the test set, is missing. "
            f"Hint: train --resume {shlex.quote(str(path.parent))} rewrites it."
        ) from error
