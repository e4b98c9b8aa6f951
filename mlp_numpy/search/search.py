"""The execution of a search: parallel trials with a journal, and one test evaluation of the winner."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from mlp_numpy.checks import instance, shown, whole_number
from mlp_numpy.config import Config, read_config
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import CallOrderError, NonFiniteError, OutOfRangeError, RunFolderError
from mlp_numpy.experiment import Run, finished
from mlp_numpy.experiment.folder import usable
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.openings import SETTINGS, openings
from mlp_numpy.search.data_source import DataSource
from mlp_numpy.search.journal import ANOTHER, Journal
from mlp_numpy.search.parallel import Pool, pool_of
from mlp_numpy.search.space import ELSEWHERE, Space, key_of
from mlp_numpy.search.trial import TrialResult, lost_trial, run_trial
from mlp_numpy.training import History

JOURNAL: Final = "journal.jsonl"


class Search:
    """The search of ``space``, stored in ``folder``.

        search = Search(space, Path("runs/grid"), jobs=2)
        for outcome in search.run():            # earlier ones first
            ...
        history = search.train_winner()

    jobs     how many trials run in parallel, each in a process with one core
    pool     where they run instead, such as a DaskPool
    others   settings such as the data folder, overriding those of the space

    ``stopped_by`` is the number of the signal that stopped the winner's training, if any.

    The constructor builds every trial's Config, so that invalid settings are found before the first trial. A killed
    search resumes where its journal ends: finished trials are not repeated.

    Raises OptionError for invalid settings of a trial, ExtraMissingError without scikit-learn.
    """

    def __init__(
        self,
        space: Space,
        folder: str | os.PathLike[str],
        *,
        jobs: int = 1,
        pool: Pool | None = None,
        **others: Any,
    ) -> None:
        self.space = instance("Search", "space", space, Space)
        self.folder, self.pool = as_path("Search", folder), pool_of("Search", jobs, pool)
        self.points = space.points()
        self.configs = [space.config(point, **others) for point in self.points]
        self.outcomes: dict[str, TrialResult] = {}
        self.stopped_by: int | None = None

    def run(self) -> Iterator[TrialResult]:
        """Run the missing trials; yields the recorded outcomes, then each new one on completion.

        Raises RunFolderError if the folder belongs to another search or is in use by another process, DataError if the
        journal is damaged, and what the pool raises: ExtraMissingError without its library, WorkerLostError.
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
                yield self._take(outcome)

    def outcome(self, number: int) -> TrialResult:
        """The outcome of a trial. Raises OutOfRangeError for an unknown number, CallOrderError before its end."""
        if not 0 <= whole_number("Search.outcome", "number", number, 0) < len(self.points):
            raise OutOfRangeError(f"Search.outcome: number must be below {len(self.points)}, got {shown(number)}.")
        key = key_of(self.points[number])
        if key not in self.outcomes:
            raise CallOrderError(f"Search.outcome: trial {number} must have ended. Hint: search.run() comes first.")
        return self.outcomes[key]

    @property
    def winner(self) -> int | None:
        """The number of the trial with the best value, the first in case of ties; None without results."""
        known = [number for number, point in enumerate(self.points) if self._score(point) > -math.inf]
        return max(known, key=lambda number: self._score(self.points[number]), default=None)

    @property
    def openings(self) -> int:
        """The number of test set evaluations for winners of this search, including those before it was extended."""
        return sum(len(openings(folder)) for folder in self.folder.glob("winner-*"))

    def train_winner(self) -> History:
        """Train the winner again, as a run that keeps its model and evaluates the test set once.

        Its folder is ``winner-NUMBER``. If a run of the same settings exists, under whatever number, the test set is
        not evaluated again, and a stopped run is resumed.

        Raises CallOrderError before all trials have ended, NonFiniteError if none has a result, RunFolderError if the
        folder holds an earlier winner with other settings.
        """
        if len(self.outcomes) < len({key_of(point) for point in self.points}):
            raise CallOrderError("Search.train_winner: all trials must have ended. Hint: search.run() comes first.")
        number = self.winner
        if number is None:
            raise NonFiniteError("Search.train_winner: some trial must have a result, but all diverged or were lost.")
        with usable("search", self.folder):
            config, folder = self.configs[number], self._folder_of_winner(number)
        if (done := finished(folder)) is not None:
            return done
        if (folder / SETTINGS).exists():
            run = Run.resumed(folder, data_dir=config.data_dir, download=config.download)
        else:
            here: dict[str, Any] = {"runs_dir": str(self.folder), "plots_dir": str(self.folder)}
            run = Run(replace(config, name=folder.name, overwrite=True, **here))
        with run:
            for _ in run.records():
                pass
        self.stopped_by = run.stopped_by
        return run.history

    def _folder_of_winner(self, number: int) -> Path:
        """Extending a search renumbers its trials, so a run folder is identified by its settings."""
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
        """Yield the outcomes of trials, in the order of completion."""
        calls = [(self.configs[number], self.points[number]) for number in missing]
        data = [DataSource.of(self.configs[0])]
        return self.pool.map(run_trial, calls, data=data, lost=lost_trial) if calls else iter(())

    def _take(self, outcome: TrialResult) -> TrialResult:
        self.outcomes[key_of(outcome.point)] = outcome
        return outcome

    def _score(self, point: dict[str, Any]) -> float:
        outcome = self.outcomes.get(key_of(point))
        return -math.inf if outcome is None else outcome.score

    def _base(self) -> dict[str, Any]:
        return {name: value for name, value in _settings(self.configs[0]).items() if name not in self.space.axes}


def _settings(config: Config) -> dict[str, Any]:
    """The settings of a trial that affect its result."""
    return {name: value for name, value in asdict(config).items() if name not in ELSEWHERE}
