"""The guard between a training and its trackers: an exception of a tracker never reaches the training."""

from __future__ import annotations

import contextlib
import copy
import shlex
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.checks import shown
from mlp_numpy.config import Config
from mlp_numpy.data.reading import said
from mlp_numpy.errors import OptionError
from mlp_numpy.tracking.registry import TRACKERS, make_tracker
from mlp_numpy.tracking.tracker import METHODS, Tracker, in_order
from mlp_numpy.training import History, Record, RunInfo


class TrackerWarning(UserWarning):
    """A tracker failed and is switched off."""


class Guard:
    """Calls each of ``trackers``; one that raises is switched off with a TrackerWarning and a line in
    ``RunInfo.tracker_errors``, and the training goes on.

    Trackers get copies of everything that belongs to the run, and NumPy's error state is restored after each call.

    names   further ones, by their names in TRACKERS

    Raises OptionError for an object without one of the three methods, ExtraMissingError if a library is missing.
    """

    def __init__(self, who: str, trackers: Sequence[Tracker], names: Sequence[str] = ()) -> None:
        if not isinstance(trackers, Sequence) or isinstance(trackers, str):
            raise OptionError(f"{who}: trackers must be a list of trackers, got {shown(trackers)}.")
        for tracker in trackers:
            missing = [name for name in METHODS if not callable(getattr(tracker, name, None))]
            if missing or isinstance(tracker, type):
                raise OptionError(
                    f"{who}: each of trackers must be an object with the methods {', '.join(METHODS)}, "
                    f"got {shown(tracker)}."
                )
        self._trackers = [*trackers, *(make_tracker(who, name) for name in names)]
        self._info, self._copy, self._folder = RunInfo(), RunInfo(), Path()

    def start(self, history: History, config: Config, step: int, folder: Path) -> None:
        """Start all trackers; with ``step`` > 0, repeat the records of ``history``."""
        self._info, self._folder = history.info, folder
        self._copy = copy.deepcopy(history.info)
        self._each("start", lambda tracker: tracker.start(self._copy, config, step, folder))
        for record in in_order(history):
            self.record(record)

    def record(self, record: Record) -> None:
        """Report a record."""
        if self._trackers:
            own = copy.deepcopy(record)
            self._each(f"record at step {record.step}", lambda tracker: tracker.record(own))

    def finish(self, status: str, files: Sequence[Path]) -> bool:
        """Finish all trackers; False if one failed, so that the history must be written again."""
        failed = len(self._info.tracker_errors)
        vars(self._copy).update(vars(copy.deepcopy(self._info)))
        self._each("finish", lambda tracker: tracker.finish(status, tuple(files)))
        self._trackers.clear()
        return len(self._info.tracker_errors) == failed

    def _each(self, doing: str, call: Callable[[Tracker], Any]) -> None:
        for tracker in self._trackers.copy():
            try:
                with np.errstate():
                    call(tracker)
            except (Exception, SystemExit) as error:  # a library may call sys.exit
                self._trackers.remove(tracker)
                self._report(tracker, doing, error)

    def _report(self, tracker: Tracker, doing: str, error: BaseException) -> None:
        kind = type(tracker)
        text = f"{kind.__name__}: {doing} must not raise, got {said(error)}. The tracker is off, the training goes on."
        for name, known in TRACKERS.items():
            if kind is known:
                command = f"python -m mlp_numpy log {shlex.quote(str(self._folder))} --to {name}"
                text += f" Hint: {command} reports the run once it has ended."
        text = text.encode("utf-8", "backslashreplace").decode()  # the history, in UTF-8, must be able to hold it
        self._info.tracker_errors.append(text)
        with contextlib.suppress(TrackerWarning):  # raised under python -W error
            warnings.warn(TrackerWarning(text), stacklevel=2)
