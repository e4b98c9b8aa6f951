"""Event files for TensorBoard, in the subfolder ``tensorboard`` of the run's folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mlp_numpy.config import Config
from mlp_numpy.tracking.tracker import metrics, part_of
from mlp_numpy.training import EvaluationRecord, Record, RunInfo

EVENTS: Final = "tensorboard"
"""Subfolder of the run's folder for ``tensorboard --logdir``."""

_VERSION: Final = "brain.Event:2"


class TensorBoard:
    """A Tracker that writes one event file with all metrics; that of a killed process is replaced.

    tensorboardX's file writer is used, not its SummaryWriter: this one writes in a thread, through a queue of ten
    events. If the thread dies, as on a full disk, the caller gets no exception and blocks at the eleventh event.
    """

    def __init__(self) -> None:
        # an optional extra
        import tensorboardX.event_file_writer
        import tensorboardX.proto.event_pb2
        import tensorboardX.proto.summary_pb2

        self._open: Any = tensorboardX.event_file_writer.EventsWriter
        self._messages: Any = tensorboardX.proto.event_pb2
        self._summary: Any = tensorboardX.proto.summary_pb2.Summary
        self._info, self._held_out = RunInfo(), ""
        self._writer: Any = None

    def start(self, info: RunInfo, config: Config, step: int, folder: Path) -> None:
        """Replace the event files of ``folder``."""
        self._info, self._held_out = info, config.held_out
        events = folder / EVENTS
        events.mkdir(exist_ok=True)
        for old in events.glob("events.out.tfevents.*"):
            old.unlink()
        # the suffix keeps a run resumed within the same second from getting the file name of before
        self._writer = self._open(str(events / "events"), f".from-{step}")
        if step:
            # an open TensorBoard discards what it has read of the replaced file
            session = self._messages.SessionLog
            self._write(step=0, file_version=_VERSION)
            self._write(step=0, session_log=session(status=session.START))

    def record(self, record: Record) -> None:
        """Write a record, and flush at every evaluation."""
        self._scalars(record.step, metrics(record, part_of(record, self._held_out)))
        if isinstance(record, EvaluationRecord):
            self._writer.flush()

    def finish(self, status: str, files: Sequence[Path]) -> None:
        """Write the final evaluation of the test set, if there is one, and close the file."""
        if self._info.test is not None:
            self._scalars(self._info.test.step, metrics(self._info.test, "test"))
        self._writer.close()

    def _scalars(self, step: int, values: Mapping[str, float]) -> None:
        parts = [self._summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step=step, summary=self._summary(value=parts))

    def _write(self, **content: Any) -> None:
        self._writer.write_event(self._messages.Event(wall_time=time.time(), **content))
