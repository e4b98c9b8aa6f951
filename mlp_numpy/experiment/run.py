"""One experiment from its settings to its files: ``run(config)`` loads, builds, trains, saves and plots."""

from __future__ import annotations

import contextlib
import functools
import os
import weakref
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from mlp_numpy.checks import flag, instance
from mlp_numpy.config import Config
from mlp_numpy.data.sources import Loaded
from mlp_numpy.errors import CallOrderError, RunFolderError
from mlp_numpy.experiment.build import build_components, load_data, run_info
from mlp_numpy.experiment.folder import RunPaths, check_free, reserve
from mlp_numpy.experiment.openings import openings
from mlp_numpy.experiment.ranks import Ranks, ranks_of
from mlp_numpy.experiment.recorder import Recorder, RunResult
from mlp_numpy.experiment.resume import ResumePoint, read_resumed, restore
from mlp_numpy.experiment.signals import held_signals, stop_request
from mlp_numpy.parallel import Communicator
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

    ``ranks`` are processes that train the run together, each with a Run of the same Config: by default those that
    ``config.distributed`` names. The first one keeps the files and the trackers; a stop signal to any of them stops
    all. A caller that breaks must do so in all of them after the same record.

    ``trackers`` are told of the run besides those that ``config.log`` names; see ``tracking.Tracker``.

    Raises OptionError for settings that contradict the data or an object that is no tracker, ExtraMissingError if the
    library of ``config.distributed`` or of a name in ``config.log`` is missing, RanksDifferError if the ranks have
    other data, settings or weights, and what ``load_dataset`` raises.
    """

    def __init__(
        self,
        config: Config,
        *,
        progress: bool = False,
        resumed: ResumePoint | None = None,
        trackers: Sequence[Tracker] = (),
        ranks: Communicator | None = None,
    ) -> None:
        instance("Run", "config", config, Config)
        flag("Run", "progress", progress)
        if resumed is None:
            check_free(config)
        else:
            instance("Run", "resumed", resumed, ResumePoint)
        self.ranks = ranks_of(config) if ranks is None else instance("Run", "ranks", ranks, Communicator)
        self._ranks = Ranks(self.ranks)
        self._trackers = Guard("Run", trackers, config.trackers) if self._ranks.leads else Guard("Run", ())
        loaded = self._ranks.load(functools.partial(self._load, config, resumed, progress))
        shards = None if resumed is None else resumed.shards(self._ranks.size)
        self.config = config
        self.parts = build_components(config, loaded=loaded, shards=shards, ranks=self.ranks)
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
        warning = self._ranks.check_same_training(config, self.parts, self.trainer.step)
        self.warning = "\n".join(filter(None, [self.warning, warning])) or None

    @staticmethod
    def _load(config: Config, resumed: ResumePoint | None, progress: bool, write: bool) -> Loaded:
        if resumed is None:
            return load_data(config, progress=progress and write, write=write)
        return resumed._replace(write=resumed.write and write).data(progress=progress and write)

    @classmethod
    def resumed(
        cls,
        folder: str | os.PathLike[str],
        *,
        progress: bool = False,
        data_dir: str | os.PathLike[str] | None = None,
        download: bool | None = None,
        threads: int | None = None,
        distributed: str | None = None,
        trackers: Sequence[Tracker] = (),
        ranks: Communicator | None = None,
    ) -> Run:
        """Resume the run of ``folder`` from its last checkpoint, or from the start if it has none.

        data_dir      folder of its data set, if that has moved
        download      allow downloading it; default: only if the run has no checkpoint and no history
        threads       threads that compute the shards; affects the time alone
        distributed   "mpi" or "none"; affects the last bits, as the number of ranks does
        trackers      are told of the whole run; the ones that its ``log`` names are told anyway
        ranks         as in the constructor

        Raises DataNotFoundError if ``folder`` is not a run's or its data set is missing, DataError if its files are
        damaged or the data set has changed, RunFolderError if it cannot be read, OptionError for an argument that is
        not a path.
        """
        how: dict[str, Any] = {"threads": threads, "distributed": distributed}
        found = read_resumed(folder, data_dir=data_dir, download=download, **how)
        return cls(found.config, progress=progress, resumed=found, trackers=trackers, ranks=ranks)

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

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._entered = False
        if kind is not None and self._recorder is not None:
            self._recorder.leave_alone()
        self.close()

    def _run(self) -> Generator[Record]:
        ranks = self._ranks
        place = ranks.place(self._reserved)
        self.folder, self.picture = place.folder, place.picture
        self.history.info.name = self.folder.name
        with ranks.locked(self.folder), held_signals(stop_request(self)) as held:
            checkpoint = None if self._resumed is None else self._resumed.checkpoint
            if self._resumed is not None and ranks.leads:
                self._resumed.check_unchanged()
            outputs = ranks.artifacts(self.config, self.parts, self.history, place)
            self._recorder = Recorder(outputs, self._trackers, self._seconds_before)
            self._recorder.begin(checkpoint.path if checkpoint else None)
            with ranks.ending(), self._recorder as recorder:
                for record in self.trainer.run(self.config.steps):
                    ranks.check_after(record, self.trainer)
                    recorder.add(record)
                    with contextlib.nullcontext() if self._entered else held.given_back():
                        yield record
                    stopped_by = ranks.stop(self.stopped_by)
                    if stopped_by is not None:
                        self.stopped_by = stopped_by
                        break
                else:
                    recorder.complete()

    def _reserved(self) -> RunPaths:
        return self._resumed.place if self._resumed else reserve(self.config, self.dataset.name)

    def _go_on(self, resumed: ResumePoint) -> None:
        checkpoint, ranks = resumed.checkpoint, self._ranks.size
        resumed.check_data(self.parts)
        of_ranks = resumed.note_of_ranks(ranks, self.trainer.shards)
        if checkpoint is not None:
            notes = restore(checkpoint, self.parts)
            self.history = checkpoint.history
            info = self.history.info
            info.complete(run_info(self.config, self.parts))
            info.data_dir = str(Path(self.config.data_dir).absolute())
            self._seconds_before = info.seconds or 0.0
            info.resumed_at.append(self.trainer.step)
            info.ranks, info.shards = ranks if ranks > 1 else None, self.trainer.shards
            self.warning = "\n".join(filter(None, [self.warning, resumed.note, of_ranks, *notes])) or None
        self.history.info.test_openings = openings(self.folder, known=self.history.info.test_openings or [])


def run(config: Config, *, trackers: Sequence[Tracker] = ()) -> RunResult:
    """Run the experiment described by ``config``, report it to ``trackers``, and return its result; see ``Run``."""
    with Run(config, trackers=trackers) as experiment:
        for _ in experiment.records():
            pass
    if experiment.result is None:
        raise RunFolderError("run: a run must end with a result, got none.")
    return experiment.result
