"""Records a training: adds to its history, saves its files while it runs and however it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment.artifacts import Artifacts, result_files
from mlp_numpy.experiment.folder import DONE
from mlp_numpy.tracking import Guard
from mlp_numpy.training import EvaluationRecord, History, Record, StepRecord, TrainedModel

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


class Recorder:
    """Context of a training whose records go to ``add``; leaving it saves everything that ``outputs`` writes.

    trackers         are told of the start, every record, and the end
    seconds_before   duration of the run before it was resumed
    """

    def __init__(self, outputs: Artifacts, trackers: Guard, seconds_before: float) -> None:
        self._outputs, self._trackers, self._seconds_before = outputs, trackers, seconds_before
        self._trainer, self._history, self._config = outputs.parts.trainer, outputs.history, outputs.config
        self._began = self._saved = self._written = time.perf_counter()
        self._status = "interrupted"
        self._left_alone = False
        self.result: RunResult | None = None

    def begin(self, checkpoint: Path | None) -> None:
        """Prepare the folder and start the trackers; ``checkpoint`` is the one that the run resumes from, if any."""
        self._tell("running")
        self._outputs.begin(checkpoint)
        self._trackers.start(self._history, self._config, self._trainer.step, self._outputs.place.folder)

    def add(self, record: Record) -> None:
        """Add a record to the history, and save what is due."""
        self._history.add(record)
        self._trackers.record(record)
        now = time.perf_counter()
        at_step = isinstance(record, StepRecord) and record.step % self._config.checkpoint_every == 0
        if at_step or now - self._written > _CHECKPOINT_SECONDS:
            self._tell("running")
            self._outputs.checkpoint()
            self._written = time.perf_counter()
        if isinstance(record, EvaluationRecord) and now - self._saved > _SAVE_SECONDS:
            self._save("running")
            self._saved = time.perf_counter()

    def complete(self) -> None:
        """Note that the training came to its end; without this it counts as interrupted."""
        self._status = "stopped early" if self._trainer.step < self._config.steps else "finished"

    def leave_alone(self) -> None:
        """Note that other ranks go on without this one, which must not wait for them in an evaluation."""
        self._left_alone = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, NonFiniteError):
            self._status = f"stopped: {error}"
        elif isinstance(error, Exception):
            self._status = f"failed: {error!r}"
        self._end(self._status)

    def _end(self, status: str) -> None:
        """Save everything, and load the chosen weights into the model."""
        self._tell(status)
        done = status in DONE
        if done and self._config.held_out == "validation" and self._history.info.test is None:
            self._open_the_test_set()
        # The checkpoint comes before the extra evaluation, which a resumed run must not contain.
        self._outputs.finish(self._trainer.failure, checkpoint=done or status == "interrupted")
        left_alone = self._left_alone and self._trainer.ranks.size > 1
        if status == "interrupted" and self._history.last_evaluated != self._trainer.step and not left_alone:
            try:
                self._history.add(self._trainer.evaluate())
            except NonFiniteError as error:
                status = f"stopped: {error}"
        try:
            self._save(status)
        finally:
            self._trainer.choose()
            if not self._trackers.finish(status, result_files(self._outputs.place)):
                self._outputs.write_history()

    def _open_the_test_set(self) -> None:
        parts, trainer = self._outputs.parts, self._trainer
        with trainer.chosen() as step:
            split = parts.test.open(WINNER)
            found = trainer.measured(split)
        info = self._history.info
        info.test = found.record(step)
        info.test_openings = [*(info.test_openings or []), WINNER]

    def _save(self, status: str) -> None:
        self._tell(status)
        with self._trainer.chosen() as step:
            trained = self._outputs.save(step, running=status == "running")
        place = self._outputs.place
        self.result = RunResult(place.folder, place.picture, self._history, trained, status)
        self._outputs.raise_if_failed()

    def _tell(self, status: str) -> None:
        seconds = self._seconds_before + time.perf_counter() - self._began
        self._history.info.status, self._history.info.seconds = status, round(seconds, 3)
