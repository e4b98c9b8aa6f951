"""A search under way: trials side by side, each on record as it ends, and a winner that meets the test set once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import threadpoolctl

from mlp_numpy.config import read_config
from mlp_numpy.errors import CallOrderError, NonFiniteError, OptionError, RunFolderError
from mlp_numpy.experiment import Run
from mlp_numpy.experiment.lock import locked
from mlp_numpy.search.journal import Journal
from mlp_numpy.search.side_by_side import side_by_side
from mlp_numpy.search.space import Space, key_of
from mlp_numpy.search.trial import Outcome, run_trial
from mlp_numpy.training import History

JOURNAL: Final = "journal.jsonl"
# Where things are and how often they are saved does not change what a search finds.
_ELSEWHERE: Final = {
    *("data_dir", "runs_dir", "plots_dir", "name", "overwrite", "download", "checkpoint_every", "tensorboard")
}


class Search:
    """The search of ``space``, kept in ``folder``.

        search = Search(space, Path("runs/grid"), jobs=2)
        for outcome in search.run():            # those of earlier times first
            ...
        history = search.train_winner()

    jobs     how many trials run side by side, in a process with one core each
    others   settings that say where data are found, over those of the space

    Constructing it makes every trial's Config, so that a setting that cannot be meant is found before the first.
    A search that was killed goes on where its journal ends: nothing that finished is done again.

    Raises OptionError for settings of a trial that cannot be meant, ExtraMissingError without scikit-learn.
    """

    def __init__(self, space: Space, folder: Path, *, jobs: int = 1, **others: Any) -> None:
        if jobs < 1:
            raise OptionError(f"Search: jobs must be ≥ 1, got {jobs}.")
        self.space, self.folder, self.jobs = space, folder, jobs
        self.points = space.points()
        self.configs = [space.config(point, **others) for point in self.points]
        self.outcomes: dict[str, Outcome] = {}

    def run(self) -> Iterator[Outcome]:
        """Do the trials that are missing; yields the outcomes that were on record, and then each as it comes.

        Raises RunFolderError if the folder is another search's or another process is at work in it, ExtraMissingError
        if trials are to run side by side without joblib.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            problem = f"search: {self.folder} must be a folder that can be written, got: {error}."
            raise RunFolderError(problem) from error
        with locked(self.folder):
            journal = Journal(self.folder / JOURNAL, {"base": self._base()})
            recorded = {key_of(entry["point"]): entry for entry in journal.entries}
            for point in self.points:
                if key_of(point) in recorded:
                    yield self._take(Outcome.from_json(recorded[key_of(point)], point))
            missing = [number for number, point in enumerate(self.points) if key_of(point) not in recorded]
            for outcome in self._done(missing):
                journal.add(outcome.as_json())
                yield self._take(outcome)

    def outcome(self, number: int) -> Outcome:
        """How a trial ended. Raises KeyError for one that has not."""
        return self.outcomes[key_of(self.points[number])]

    @property
    def winner(self) -> int | None:
        """The number of the trial with the best accuracy, the first of equals; None where none has a result."""
        known = [number for number, point in enumerate(self.points) if self._best(point) >= 0]
        return max(known, key=lambda number: self._best(self.points[number]), default=None)

    def train_winner(self) -> History:
        """Train the winner again, as a run that keeps its model and, chosen by validation, opens the test set once.

        Its folder is ``winner-NUMBER``; where it is there already, nothing is opened again, and a run that was stopped
        goes on.

        Raises CallOrderError before all trials have ended, NonFiniteError if none has a result, RunFolderError if the
        winner of other settings, as the search had them earlier, is there.
        """
        if len(self.outcomes) < len({key_of(point) for point in self.points}):
            raise CallOrderError("Search.train_winner: all trials must have ended. Hint: search.run() comes first.")
        number = self.winner
        if number is None:
            raise NonFiniteError("Search.train_winner: some trial must have a result, but all diverged.")
        folder = self.folder / f"winner-{number:03}"
        kept = folder / "history.json"
        if (folder / "config.yaml").exists():
            self._check_winner(folder, number)
        if kept.exists() and History.read(kept).about["status"] in ("finished", "stopped early"):
            return History.read(kept)
        # As in its trial: on one core, so that it is the same training to the last bit.
        with threadpoolctl.threadpool_limits(1, user_api="blas"):
            if (folder / "config.yaml").exists():
                run = Run.resumed(folder)
            else:
                here: dict[str, Any] = {"runs_dir": str(self.folder), "plots_dir": str(self.folder)}
                run = Run(replace(self.configs[number], name=folder.name, overwrite=True, **here))
            with run:
                for _ in run.records():
                    pass
        return run.history

    def _check_winner(self, folder: Path, number: int) -> None:
        """Other values in the same search number the trials anew: a winner of that number need not be this one."""
        config = read_config(folder / "config.yaml")
        for name, value in self.points[number].items():
            if (found := getattr(config, name)) != value:
                raise RunFolderError(
                    f"Search.train_winner: {folder} must be the run of the winner, with {name} {value}, found one with "
                    f"{name} {found}, the winner of the search as it was earlier. Hint: another --name for this search."
                )

    def _done(self, missing: list[int]) -> Iterator[Outcome]:
        """The outcomes of trials, in the order in which they end."""
        calls = ((self.configs[number], self.points[number], os.getpid()) for number in missing)
        return side_by_side(run_trial, calls, self.jobs)

    def _take(self, outcome: Outcome) -> Outcome:
        self.outcomes[key_of(outcome.point)] = outcome
        return outcome

    def _best(self, point: dict[str, Any]) -> float:
        outcome = self.outcomes.get(key_of(point))
        return -1.0 if outcome is None or outcome.best is None else outcome.best.accuracy

    def _base(self) -> dict[str, Any]:
        settings = asdict(self.configs[0])
        return {name: settings[name] for name in settings if name not in _ELSEWHERE | self.space.axes.keys()}
