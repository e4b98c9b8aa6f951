"""A search under way: trials side by side, each on record as it ends, and a winner that meets the test set once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import threadpoolctl

from mlp_numpy.checks import LARGEST, instance, shown, whole_number
from mlp_numpy.config import Config, read_config
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import CallOrderError, NonFiniteError, OutOfRangeError, RunFolderError
from mlp_numpy.experiment import Run, finished
from mlp_numpy.experiment.folder import usable
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.openings import SETTINGS, openings
from mlp_numpy.search.journal import ANOTHER, Journal
from mlp_numpy.search.parallel import exit_with_parent, parallel_map
from mlp_numpy.search.space import ELSEWHERE, Space, key_of
from mlp_numpy.search.trial import TrialResult, run_trial
from mlp_numpy.training import History

JOURNAL: Final = "journal.jsonl"


class Search:
    """The search of ``space``, kept in ``folder``.

        search = Search(space, Path("runs/grid"), jobs=2)
        for outcome in search.run():            # those of earlier times first
            ...
        history = search.train_winner()

    jobs     how many trials run side by side, in a process with one core each
    others   settings that say where data are found, over those of the space
    parent   the process that started this one and waits for it, if one does: once it is gone, this one ends too

    ``stopped_by`` is the number of the signal that stopped the winner's training, if one did.

    Constructing it makes every trial's Config, so that a setting that cannot be meant is found before the first.
    A search that was killed goes on where its journal ends: nothing that finished is done again.

    Raises OptionError for settings of a trial that cannot be meant, ExtraMissingError without scikit-learn.
    """

    def __init__(
        self,
        space: Space,
        folder: str | os.PathLike[str],
        *,
        jobs: int = 1,
        parent: int | None = None,
        **others: Any,
    ) -> None:
        self.space = instance("Search", "space", space, Space)
        self.folder, self.jobs = as_path("Search", folder), whole_number("Search", "jobs", jobs)
        parent = None if parent is None else whole_number("Search", "parent", parent, -LARGEST)
        self.points = space.points()
        self.configs = [space.config(point, **others) for point in self.points]
        self.outcomes: dict[str, TrialResult] = {}
        self.stopped_by: int | None = None
        self._parent = os.getpid() if parent is None else parent

    def run(self) -> Iterator[TrialResult]:
        """Do the trials that are missing; yields the outcomes that were on record, and then each as it comes.

        Raises RunFolderError if the folder is another search's or another process is at work in it, DataError if the
        journal is damaged, ExtraMissingError if trials are to run side by side without joblib.
        """
        with usable("search", self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder):
            journal = Journal(self.folder / JOURNAL, self._base())
            recorded = self._recorded(journal)
            for point in self.points:
                if key_of(point) in recorded:
                    yield self._take(replace(recorded[key_of(point)], point=point))
            missing = [number for number, point in enumerate(self.points) if key_of(point) not in recorded]
            for outcome in self._done(missing):
                journal.add(outcome.as_json())
                exit_with_parent(self._parent)
                yield self._take(outcome)

    def outcome(self, number: int) -> TrialResult:
        """How a trial ended. Raises OutOfRangeError for a number that there is not, CallOrderError before its end."""
        if not 0 <= whole_number("Search.outcome", "number", number, 0) < len(self.points):
            raise OutOfRangeError(f"Search.outcome: number must be below {len(self.points)}, got {shown(number)}.")
        key = key_of(self.points[number])
        if key not in self.outcomes:
            raise CallOrderError(f"Search.outcome: trial {number} must have ended. Hint: search.run() comes first.")
        return self.outcomes[key]

    @property
    def winner(self) -> int | None:
        """The number of the trial with the best accuracy, the first of equals; None where none has a result."""
        known = [number for number, point in enumerate(self.points) if self._best(point) >= 0]
        return max(known, key=lambda number: self._best(self.points[number]), default=None)

    @property
    def openings(self) -> int:
        """How often the test set has been opened for winners of this search, those it had with other values too."""
        return sum(len(openings(folder)) for folder in self.folder.glob("winner-*"))

    def train_winner(self) -> History:
        """Train the winner again, as a run that keeps its model and, chosen by validation, opens the test set once.

        Its folder is ``winner-NUMBER``; where it is there already, whatever number it had then, nothing is opened
        again, and a run that was stopped goes on.

        Raises CallOrderError before all trials have ended, NonFiniteError if none has a result, RunFolderError if the
        winner of other settings, as the search had them earlier, is there.
        """
        if len(self.outcomes) < len({key_of(point) for point in self.points}):
            raise CallOrderError("Search.train_winner: all trials must have ended. Hint: search.run() comes first.")
        number = self.winner
        if number is None:
            raise NonFiniteError("Search.train_winner: some trial must have a result, but all diverged.")
        with usable("search", self.folder):
            config, folder = self.configs[number], self._folder_of_winner(number)
        if (done := finished(folder)) is not None:
            return done
        # As in its trial: on one core, so that it is the same training to the last bit.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            if (folder / SETTINGS).exists():
                run = Run.resumed(folder, data_dir=config.data_dir, download=config.download)
            else:
                here: dict[str, Any] = {"runs_dir": str(self.folder), "plots_dir": str(self.folder)}
                run = Run(replace(config, name=folder.name, overwrite=True, **here))
            with run:
                for _ in run.records():
                    exit_with_parent(self._parent)
        self.stopped_by = run.stopped_by
        return run.history

    def _folder_of_winner(self, number: int) -> Path:
        """Other values in the same search number the trials anew: the settings tell whose run a folder holds."""
        wanted = _settings(self.configs[number])
        kept = sorted(self.folder.glob("winner-*/config.yaml"))
        found = {path.parent: _settings(read_config(path)) for path in kept}
        for folder, settings in found.items():
            if settings == wanted:
                return folder
        folder = self.folder / f"winner-{number:03}"
        if folder in found:
            other = found[folder]
            differs = [f"{name} {wanted[name]}, found {other[name]}" for name in wanted if other[name] != wanted[name]]
            raise RunFolderError(
                f"Search.train_winner: {folder} must be free or the run of the winner: {'; '.join(differs)}, "
                f"the winner of the search as it was earlier. {ANOTHER}"
            )
        return folder

    def _recorded(self, journal: Journal) -> dict[str, TrialResult]:
        recorded = {}
        for line, entry in enumerate(journal.entries, 2):
            outcome = TrialResult.from_json(f"search: {journal.path}, line {line}", entry)
            if outcome.point.keys() != self.space.axes.keys():
                raise RunFolderError(
                    f"search: {journal.path} must be the journal of the same search, of {', '.join(self.space.axes)}, "
                    f"found a trial of {', '.join(outcome.point)} in line {line}. {ANOTHER}"
                )
            recorded[key_of(outcome.point)] = outcome
        return recorded

    def _done(self, missing: list[int]) -> Iterator[TrialResult]:
        """The outcomes of trials, in the order in which they end."""
        # Side by side the trials are in processes of their own, for which this one waits.
        parent = self._parent if self.jobs == 1 else os.getpid()
        calls = ((self.configs[number], self.points[number], parent) for number in missing)
        return parallel_map(run_trial, calls, self.jobs)

    def _take(self, outcome: TrialResult) -> TrialResult:
        self.outcomes[key_of(outcome.point)] = outcome
        return outcome

    def _best(self, point: dict[str, Any]) -> float:
        outcome = self.outcomes.get(key_of(point))
        return -1.0 if outcome is None or outcome.best is None else outcome.best.accuracy

    def _base(self) -> dict[str, Any]:
        return {name: value for name, value in _settings(self.configs[0]).items() if name not in self.space.axes}


def _settings(config: Config) -> dict[str, Any]:
    """Those of a trial that decide what it finds."""
    return {name: value for name, value in asdict(config).items() if name not in ELSEWHERE}
