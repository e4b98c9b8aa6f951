"""One experiment from its settings to its files: ``run(config)`` loads, builds, trains, saves and plots."""

from __future__ import annotations

import contextlib
import os
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Self

from mlp_numpy.checks import flag, instance
from mlp_numpy.config import Config
from mlp_numpy.errors import CallOrderError, NonFiniteError, RunFolderError
from mlp_numpy.experiment.artifacts import Artifacts
from mlp_numpy.experiment.build import build_components
from mlp_numpy.experiment.folder import DONE, check_free, reserve
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.openings import openings
from mlp_numpy.experiment.resume import ResumePoint, read_resumed, restore
from mlp_numpy.experiment.signals import held_signals
from mlp_numpy.experiment.tensorboard import events, library
from mlp_numpy.training import EvaluationRecord, History, Record, RunInfo, StepRecord, TrainedModel, evaluate

_SAVE_SECONDS: Final = 5.0
_CHECKPOINT_SECONDS: Final = 60.0
WINNER: Final = "the chosen model, at the end of its run"
"""Reason for opening the test set after selection by validation."""


@dataclass(frozen=True)
class RunResult:
    """The result of a run: its folder and figure, history, trained model and status.

    status   "finished", "stopped early" (patience ran out), "interrupted" (Ctrl-C or an early break), or "stopped: …"
             with the reason
    """

    folder: Path
    picture: Path
    history: History
    trained: TrainedModel
    status: str


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
    the same BLAS with the same kernel and number of threads. If these differ, ``warning`` says so.

    Raises OptionError for settings that contradict the data, ExtraMissingError if the library behind ``tensorboard``
    is missing, and what ``load_dataset`` raises.
    """

    def __init__(self, config: Config, *, progress: bool = False, resumed: ResumePoint | None = None) -> None:
        instance("Run", "config", config, Config)
        flag("Run", "progress", progress)
        if resumed is None:
            check_free(config)
        else:
            instance("Run", "resumed", resumed, ResumePoint)
        self._event_library = library() if config.tensorboard else None
        loaded = None if resumed is None else resumed.data(progress=progress)
        self.config, self.parts = config, build_components(config, loaded=loaded, progress=progress)
        self.dataset, self.model, self.trainer = self.parts.dataset, self.parts.model, self.parts.trainer
        self.parameters, self.preprocessing = self.parts.parameters, self.parts.preprocessing
        self.warning = self.parts.warning
        self.history = History(self._info(), part=config.held_out)
        self.folder = Path(config.runs_dir)
        self.picture = Path(config.plots_dir)
        self.result: RunResult | None = None
        self.stopped_by: int | None = None
        self._resumed = resumed
        self._records: Callable[[], Generator[Record] | None] | None = None
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
    ) -> Run:
        """Resume the run of ``folder`` from its last checkpoint, or from the start if it has none.

        data_dir   folder of its data set, if that has moved
        download   allow downloading it; default: only if the run has no checkpoint and no history

        Raises DataNotFoundError if ``folder`` is not a run's or its data set is missing, DataError if its files are
        damaged or the data set has changed, RunFolderError if it cannot be read, OptionError for an argument that is
        not a path.
        """
        found = read_resumed(folder, data_dir=data_dir, download=download)
        return cls(found.config, progress=progress, resumed=found)

    @property
    def finished(self) -> bool:
        """True if training is complete."""
        return self.trainer.step >= self.config.steps or self.trainer.stopped_early

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
        written = events(self._event_library, self.folder, self.history, self.trainer)
        with locked(self.folder), held_signals(_request_to(self)) as held:
            if self._resumed is not None:
                self._resumed.check_unchanged()
            with written as write_event:
                outputs = Artifacts(self.config, self.parts, self.history, place)
                with contextlib.closing(self._train(outputs, write_event)) as records:
                    for record in records:
                        with contextlib.nullcontext() if self._entered else held.given_back():
                            yield record

    def _train(self, outputs: Artifacts, write_event: Callable[[Record], None]) -> Generator[Record]:
        began = saved = written = time.perf_counter()
        status = "interrupted"
        self._tell("running", began)
        checkpoint = self._resumed.checkpoint if self._resumed else None
        outputs.begin(checkpoint.path if checkpoint else None)
        try:
            for record in self.trainer.run(self.config.steps):
                self.history.add(record)
                write_event(record)
                now = time.perf_counter()
                at_step = isinstance(record, StepRecord) and record.step % self.config.checkpoint_every == 0
                if at_step or now - written > _CHECKPOINT_SECONDS:
                    self._tell("running", began)
                    outputs.checkpoint()
                    written = time.perf_counter()
                if isinstance(record, EvaluationRecord) and now - saved > _SAVE_SECONDS:
                    self._save(outputs, "running", began)
                    saved = time.perf_counter()
                yield record
                if self.stopped_by is not None:
                    break
            if self.finished and self.stopped_by is None:
                status = "stopped early" if self.trainer.step < self.config.steps else "finished"
        except NonFiniteError as error:
            status = f"stopped: {error}"
            raise
        except Exception as error:
            status = f"failed: {error!r}"
            raise
        finally:
            self._end(outputs, status, began)

    def _end(self, outputs: Artifacts, status: str, began: float) -> None:
        """Save everything, and load the chosen weights into ``model``."""
        self._tell(status, began)
        done = status in DONE
        if done and self.config.held_out == "validation" and self.history.info.test is None:
            self._open_the_test_set()
        # The checkpoint comes before the extra evaluation, which a resumed run must not contain.
        outputs.finish(self.trainer.failure, checkpoint=done or status == "interrupted")
        if status == "interrupted" and self.history.last_evaluated != self.trainer.step:
            try:
                self.history.add(self.trainer.evaluate())
            except NonFiniteError as error:
                status = f"stopped: {error}"
        try:
            self._save(outputs, status, began)
        finally:
            self.trainer.choose()

    def _open_the_test_set(self) -> None:
        parts = self.parts
        with self.trainer.chosen() as step:
            split = parts.test.open(WINNER)
            found = evaluate(
                self.model.logits, self.trainer.loss, split, self.preprocessing, chunk=self.trainer.eval_chunk
            )
        info = self.history.info
        info.test = found.record(step)
        info.test_openings = [*(info.test_openings or []), WINNER]

    def _save(self, outputs: Artifacts, status: str, began: float) -> None:
        self._tell(status, began)
        with self.trainer.chosen() as step:
            trained = outputs.save(step, running=status == "running")
        self.result = RunResult(self.folder, self.picture, self.history, trained, status)
        outputs.raise_if_failed()

    def _tell(self, status: str, began: float) -> None:
        seconds = self._seconds_before + time.perf_counter() - began
        self.history.info.status, self.history.info.seconds = status, round(seconds, 3)

    def _go_on(self, resumed: ResumePoint) -> None:
        checkpoint = resumed.checkpoint
        resumed.check_data(self.parts)
        if checkpoint is not None:
            notes = restore(checkpoint, self.parts)
            self.history = checkpoint.history
            info = self.history.info
            info.complete(self._info())
            info.data_dir = str(Path(self.config.data_dir).absolute())
            self._seconds_before = info.seconds or 0.0
            info.resumed_at.append(self.trainer.step)
            self.warning = "\n".join(filter(None, [self.warning, resumed.note, *notes])) or None
        self.history.info.test_openings = openings(self.folder, known=self.history.info.test_openings or [])

    def _info(self) -> RunInfo:
        parts, config = self.parts, self.config
        return RunInfo(
            dataset=parts.dataset.name,
            dataset_option=_unambiguous(config.dataset, parts.dataset.name),
            data_dir=str(Path(config.data_dir).absolute()),
            source=parts.dataset.source,
            model=repr(parts.model),
            parameters=len(parts.parameters),
            loss=repr(parts.trainer.loss),
            optimizer=repr(parts.trainer.optimizer),
            config=asdict(config),
            test_openings=list(parts.test.openings),
        )


def run(config: Config) -> RunResult:
    """Run the experiment described by ``config`` and return its result; see ``Run``."""
    with Run(config) as experiment:
        for _ in experiment.records():
            pass
    if experiment.result is None:
        raise RunFolderError("run: a run must end with a result, got none.")
    return experiment.result


def _request_to(run: Run) -> Callable[[int], bool]:
    """A handler that passes stop signals on to ``run``; it returns False once ``run`` is garbage-collected."""
    known = weakref.ref(run)

    def stop(number: int) -> bool:
        found = known()
        if found is None:
            return False
        found.stopped_by = number
        return True

    return stop


def _unambiguous(option: str, name: str) -> str:
    """The ``dataset`` setting that names the loaded data set, if ``option`` is auto; else ``option``."""
    if option != "auto":
        return option
    return "cifar10" if name == "CIFAR-10" else "shapes"
