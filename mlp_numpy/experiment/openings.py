"""How often and what for a run's test set has been opened: a count on the disk, which comes before any number."""

from __future__ import annotations

import contextlib
import os
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
    """The test set of the run in ``folder``, opened for ``reason`` once more and counted before it is given out.

    The count is exact however many processes open it at once; one that finds another at it waits.

    Raises RunFolderError if the count cannot be written, DataNotFoundError or DataError if the run's history is not
    there or damaged, OptionError without a reason.
    """
    folder = as_path("open_test_set", folder)
    path = folder / HISTORY
    sealed = SealedSplit(test)
    sealed.open(reason)
    with counting(folder):
        history = _read(path)
        history.about["test_openings"] = [*history.about.get("test_openings", []), reason]
        try:
            history.write(path)
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"evaluate: {path} must take the count of the test set's openings, got: "
                f"{getattr(error, 'strerror', None) or error}. The test set stays sealed. "
                "Hint: make room or check permissions."
            ) from error
    counted = SealedSplit(test, openings=history.about["test_openings"][:-1])
    counted.open(reason)
    return counted


def openings(folder: Path, *, known: Sequence[str] = ()) -> list[str]:
    """For what the test set of a run has been opened: what its history tells, and what is ``known`` besides.

    A history that is not there, or damaged, tells nothing, and a run writes it anew. Raises DataError for one that may
    not be read: it may tell of openings that would be forgotten.
    """
    try:
        told = Counter[str](History.read(folder / HISTORY).about.get("test_openings", []))
    except (DataError, DataNotFoundError) as error:
        if isinstance(error.__cause__, PermissionError):
            raise
        told = Counter()
    return [*known, *(told - Counter(known)).elements()]


@contextlib.contextmanager
def counting(folder: Path) -> Iterator[None]:
    """Keep every other process from writing into the history of ``folder`` in the meantime; waits for one that does.

    What is locked is the file of settings, which stays the same as long as a run goes on: a training has the lock of
    its folder from its first step to its last.
    """
    with waited_for(folder / SETTINGS):
        yield


def _read(path: Path) -> History:
    try:
        return History.read(path)
    except DataNotFoundError as error:
        raise DataNotFoundError(
            f"evaluate: there must be {path}, which counts how often the test set has been opened, found none. "
            f"Hint: train --resume {path.parent} writes it anew."
        ) from error
