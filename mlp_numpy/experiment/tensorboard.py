"""Event files of a run for TensorBoard."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

from mlp_numpy.errors import ExtraMissingError, RunFolderError
from mlp_numpy.training import EvaluationRecord, History, Record, StepRecord, Trainer

FOLDER: Final = "tensorboard"
"""Subfolder of the run's folder for ``tensorboard --logdir``."""

_VERSION: Final = "brain.Event:2"


class Library(NamedTuple):
    """The used parts of tensorboardX: only the file writer, since its SummaryWriter's thread fails silently."""

    files: ModuleType
    messages: ModuleType
    summaries: ModuleType


def library() -> Library:
    """Import the library of the extra ``tensorboard``. Raises ExtraMissingError if it cannot be imported."""
    try:
        # an optional extra
        import tensorboardX.event_file_writer
        import tensorboardX.proto.event_pb2
        import tensorboardX.proto.summary_pb2
    except Exception as error:
        raise ExtraMissingError(
            f"Run: tensorboardX must be installed for --tensorboard, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[tensorboard]'."
        ) from error
    proto = tensorboardX.proto
    return Library(tensorboardX.event_file_writer, proto.event_pb2, proto.summary_pb2)


@contextlib.contextmanager
def events(
    found: Library | None, folder: Path, history: History, trainer: Trainer
) -> Iterator[Callable[[Record], None]]:
    """Context that yields a function writing each record of ``trainer`` below ``folder``; a no-op without a library.

    Event files of an earlier run are removed if the trainer is at step 0.

    Raises RunFolderError if the files cannot be written, here or for a later record.
    """
    here = folder / FOLDER
    if not trainer.step:
        with _saved_in(here):
            for old in here.glob("events.out.tfevents.*"):
                old.unlink()
    if found is None:
        yield lambda record: None
        return
    with contextlib.closing(Events(found, here, history, trainer.step)) as written:
        yield written.add


class Events:
    """An event file in ``folder``, with the records under the names

        loss/train, accuracy/train         of each batch
        loss/<part>, accuracy/<part>       of each evaluation; <part> is test or validation
        learning rate                      of each update
        <measure>/<layer>                  of each step with layer statistics

    A training resumed after ``step`` makes TensorBoard discard everything from that step on, which the killed run may
    have written, and repeats the records of that step in ``history``; so nothing appears twice.

    Raises RunFolderError if the file cannot be written, here or later.
    """

    def __init__(self, found: Library, folder: Path, history: History, step: int) -> None:
        self._found, self._folder, self._part = found, folder, history.part
        with _saved_in(folder):
            folder.mkdir(exist_ok=True)
            # the suffix keeps a run that resumes within the same second from overwriting its file
            self._writer = found.files.EventsWriter(str(folder / "events"), f".from-{step}")
            if not step:
                return
            session = found.messages.SessionLog
            self._write(step=step, file_version=_VERSION)
            self._write(step=step, session_log=session(status=session.START))
        latest: list[Record] = [*history.steps[-1:], *history.evaluations[-1:]]
        for record in latest:
            if record.step == step:
                self.add(record)

    def add(self, record: Record) -> None:
        """Write a record."""
        if isinstance(record, StepRecord):
            values = {"loss/train": record.loss, "accuracy/train": record.accuracy, "learning rate": record.lr}
            for layer, measures in (record.layer_stats or {}).items():
                values |= {f"{measure}/{layer}": value for measure, value in measures.items()}
        else:
            values = {f"loss/{self._part}": record.loss, f"accuracy/{self._part}": record.accuracy}
        message = self._found.summaries.Summary
        parts = [message.Value(tag=name, simple_value=value) for name, value in values.items()]
        with _saved_in(self._folder):
            self._write(step=record.step, summary=message(value=parts))
            if isinstance(record, EvaluationRecord):
                self._writer.flush()

    def close(self) -> None:
        """Flush and close the file."""
        with _saved_in(self._folder):
            self._writer.close()

    def _write(self, **content: Any) -> None:
        self._writer.write_event(self._found.messages.Event(wall_time=time.time(), **content))


@contextlib.contextmanager
def _saved_in(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise RunFolderError(
            f"run: event files could not be saved in {folder}: {error.strerror or error}. "
            "Hint: make room or check permissions, then continue with --resume."
        ) from error
