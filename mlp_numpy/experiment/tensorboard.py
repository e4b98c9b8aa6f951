"""Event files of a run, for those who follow theirs in TensorBoard."""

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
"""The folder, inside the run's, that TensorBoard is to be pointed to."""

_VERSION: Final = "brain.Event:2"


class Library(NamedTuple):
    """What is used of tensorboardX: the file itself, as its usual writer hands all to a thread that fails unheard."""

    files: ModuleType
    messages: ModuleType
    summaries: ModuleType


def library() -> Library:
    """The library behind the extra ``tensorboard``. Raises ExtraMissingError if it is absent or cannot be imported."""
    try:
        # an extra, which most do without
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
    """A function that writes each record of ``trainer`` below ``folder``; without a library, one that does nothing.

    What an earlier run left is removed if the trainer begins.

    Raises RunFolderError if the folder does not take the files, here or when a record is written.
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
        <measure>/<layer>                  of each step that is watched

    A training that goes on after ``step`` tells TensorBoard to forget all from that step on, which the one that was
    killed may have left, and writes what ``history`` has of it again; so nothing is there twice.

    Raises RunFolderError if the disk does not take it, now or later.
    """

    def __init__(self, found: Library, folder: Path, history: History, step: int) -> None:
        self._found, self._folder, self._part = found, folder, history.part
        with _saved_in(folder):
            folder.mkdir(exist_ok=True)
            # its own suffix keeps a run that goes on within the second from writing over what it left
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
        """Write what is still held back."""
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
            f"run: event files must be saved in {folder}, got: {error.strerror or error}. "
            "Hint: make room or check permissions, then go on with --resume."
        ) from error
