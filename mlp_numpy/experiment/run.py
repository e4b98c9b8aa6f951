"""One experiment from its settings to its files: ``run(config)`` loads, builds, trains, saves and plots."""

from __future__ import annotations

import contextlib
import os
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Self

from mlp_numpy.checks import flag, instance
from mlp_numpy.config import Config
from mlp_numpy.errors import CallOrderError, RunFolderError
from mlp_numpy.experiment.artifacts import Artifacts
from mlp_numpy.experiment.build import build_components, run_info
from mlp_numpy.experiment.folder import check_free, reserve
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.openings import openings
from mlp_numpy.experiment.recorder import Recorder, RunResult
from mlp_numpy.experiment.resume import ResumePoint, read_resumed, restore
from mlp_numpy.experiment.signals import held_signals, stop_request
from mlp_numpy.tracking import Guard, Tracker
from mlp_numpy.training import History, Record


class Run:
    """One running experiment.

        with Run(config) as run:
            for record in run.records():
                ...
        run.result

    The constructor loads the data, builds the network and checks every setting; it writes nothing. ``records`` reserves
    the folder, trains, and saves the results however the run ends: normally, at Ctrl-C or SIGTERM, when the caller
    breaks (at the latest at the end of the ``with``), and before a NonFiniteError is raised. During training it writes
    a checkpoint every ``checkpoint_every`` steps and every minute, and the other files every few seconds.

    Stop signals are deferred: within the ``with`` until the next record, including the caller's work on the present
    one; without a ``with`` only while the run itself executes. A run whose generator of records is garbage-collected
    ends.

    ``Run.resumed(folder)`` resumes a killed run from its last checkpoint, bit for bit as if it had never stopped, given
    the same BLAS with the same kernel, on any number of threads. If these differ, ``warning`` says so.

    ``trackers`` are told of the run besides those that ``config.log`` names; see ``tracking.Tracker``.

    Raises OptionError for settings that contradict the data or an object that is no tracker, ExtraMissingError if the
    library of a name in ``config.log`` is missing, and what ``load_dataset`` raises.
    """

    def __init__(
        self,
        config: Config,
        *,
        progress: bool = False,
        resumed: ResumePoint | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> None:
        instance("Run", "config", config, Config)
        flag("Run", "progress", progress)
        if resumed is None:
            check_free(config)
        else:
            instance("Run", "resumed", resumed, ResumePoint)
        self._trackers = Guard("Run", trackers, config.trackers)
        loaded = None if resumed is None else resumed.data(progress=progress)
        shards = None if resumed is None else resumed.shards
        self.config = config
        self.parts = build_components(config, loaded=loaded, progress=progress, shards=shards)
        self.dataset, self.model, self.trainer = self.parts.dataset, self.parts.model, self.parts.trainer
        self.parameters, self.preprocessing = self.parts.parameters, self.parts.preprocessing
        self.warning = self.parts.warning
        self.history = History(run_info(config, self.parts), part=config.held_out)
        self.folder = Path(config.runs_dir)
        self.picture = Path(config.plots_dir)
        self.stopped_by: int | None = None
        self._resumed = resumed
        self._records: Callable[[], Generator[Record] | None] | None = None
        self._recorder: Recorder | None = None
        self._entered = False
        self._seconds_before = 0.0
        if resumed is not None:
            self.folder, self.picture = resumed.place.folder, resumed.place.picture
            self._go_on(resumed)

    @classmethod
    def resumed(
        cls,
        folder: str | os.PathLike[str],
        *,
        progress: bool = False,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool | None = None,
        threads: int | None = None,
        trackers: Sequence[Tracker] = (),
    ) -> Run:
        """Resume the run of ``folder`` from its last checkpoint, or from the start if it has none.

        data_dir   folder of its data set, if that has moved
        download   allow downloading it; default: only if the run has no checkpoint and no history
        threads    threads that compute the shards; affects the time alone
        trackers   are told of the whole run; the ones that its ``log`` names are told anyway

        Raises DataNotFoundError if ``folder`` is not a run's or its data set is missing, DataError if its files are
        damaged or the data set has changed, RunFolderError if it cannot be read, OptionError for an argument that is
        not a path.
        """
        found = read_resumed(folder, data_dir=data_dir, download=download, threads=threads)
        return cls(found.config, progress=progress, resumed=found, trackers=trackers)

    @property
    def finished(self) -> bool:
        """True if training is complete."""
        return self.trainer.step >= self.config.steps or self.trainer.stopped_early

    @property
    def result(self) -> RunResult | None:
        """The result as last saved; None before the first time."""
        return None if self._recorder is None else self._recorder.result

    def records(self) -> Iterator[Record]:
        """Train, yielding a record of every step and evaluation; the class docstring lists what is saved when.

        Raises RunFolderError if the run's folder exists, cannot be created, or is in use by another run, NonFiniteError
        if training diverges, CallOrderError at a second call: a run runs once.
        """
        if self._records is not None:
            raise CallOrderError("Run.records: a run runs once. Hint: make another Run of the same Config.")
        records = self._run()
        # Without a ``with``, the run ends when its generator is garbage-collected: hold no strong reference.
        self._records = (lambda: records) if self._entered else weakref.ref(records)
        return records

    def close(self) -> None:
        """End the run if it is still training, and save its results; leaving the ``with`` does this."""
        records = None if self._records is None else self._records()
        if records is not None:
            records.close()

    def __enter__(self) -> Self:
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        self._entered = False
        self.close()

    def _run(self) -> Generator[Record]:
        place = self._resumed.place if self._resumed else reserve(self.config, self.dataset.name)
        self.folder, self.picture = place.folder, place.picture
        self.history.info.name = self.folder.name
        with locked(self.folder), held_signals(stop_request(self)) as held:
            checkpoint = None
            if self._resumed is not None:
                self._resumed.check_unchanged()
                checkpoint = self._resumed.checkpoint
            outputs = Artifacts(self.config, self.parts, self.history, place)
            self._recorder = Recorder(outputs, self._trackers, self._seconds_before)
            self._recorder.begin(checkpoint.path if checkpoint else None)
            with self._recorder as recorder:
                for record in self.trainer.run(self.config.steps):
                    recorder.add(record)
                    with contextlib.nullcontext() if self._entered else held.given_back():
                        yield record
                    if self.stopped_by is not None:
                        break
                else:
                    recorder.complete()

    def _go_on(self, resumed: ResumePoint) -> None:
        checkpoint = resumed.checkpoint
        resumed.check_data(self.parts)
        if checkpoint is not None:
            notes = restore(checkpoint, self.parts)
            self.history = checkpoint.history
            info = self.history.info
            info.complete(run_info(self.config, self.parts))
            info.data_dir = str(Path(self.config.data_dir).absolute())
            self._seconds_before = info.seconds or 0.0
            info.resumed_at.append(self.trainer.step)
            self.warning = "\n".join(filter(None, [self.warning, resumed.note, *notes])) or None
        self.history.info.test_openings = openings(self.folder, known=self.history.info.test_openings or [])


def run(config: Config, *, trackers: Sequence[Tracker] = ()) -> RunResult:
    """Run the experiment described by ``config``, report it to ``trackers``, and return its result; see ``Run``."""
    with Run(config, trackers=trackers) as experiment:
        for _ in experiment.records():
            pass
    if experiment.result is None:
        raise RunFolderError("run: a run must end with a result, got none.")
    return experiment.result
