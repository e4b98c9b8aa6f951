"""The hook: the three methods that a run calls on a tracker, and the names of its metrics."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, Protocol

from mlp_numpy.config import Config
from mlp_numpy.training import EvaluationRecord, History, Record, RunInfo, StepRecord
from mlp_numpy.training.records import column_names


class Tracker(Protocol):
    """An object that a run reports to. The calls of a run are

        start                               once, when its folder exists and before its first step
        record                              for every record, in order: step 1, 2, …; an evaluation follows its step
        finish                              once, when its files are saved, however it ended; not after SIGKILL

    A resumed run reports to a new tracker, which gets the whole run: ``start`` with ``step`` > 0, ``record`` for all
    records up to ``step`` again, then the new ones. A tracker either overwrites what a killed process left, or skips
    the records that it already has.

    The methods are called in the training's thread, and the training waits for them. The first exception that a method
    raises switches the tracker off: the training goes on, and no method of it is called again.
    """

    def start(self, info: RunInfo, config: Config, step: int, folder: Path) -> None:
        """Begin a run.

        info     metadata of the run: its name, data set, model, number of parameters …; the tracker's own copy, brought
                 up to date before ``finish``
        config   its settings
        step     number of updates already made: 0, or more if the run is resumed
        folder   its folder, which holds config.yaml
        """

    def record(self, record: Record) -> None:
        """Take a record: a StepRecord (loss and accuracy of one batch, learning rate, layer statistics) or an
        EvaluationRecord (loss and accuracy over the split ``config.held_out``).

        ``record.step`` counts updates from 1; 0 is the evaluation before the first. Losses are means per example,
        accuracies are fractions from 0 to 1.
        """

    def finish(self, status: str, files: Sequence[Path]) -> None:
        """End the run.

        status   "finished", "stopped early", "interrupted", "stopped: …" (it diverged) or "failed: …"
        files    the files that exist: settings, history, model, figures …
        """


METHODS: Final = ("start", "record", "finish")


def part_of(record: Record, held_out: str) -> str:
    """The data that a record was measured on: train, or the split ``held_out``."""
    return "train" if isinstance(record, StepRecord) else held_out


def metrics(record: Record, part: str) -> dict[str, float]:
    """The values of a record measured on ``part``, by name:

        loss/<part>, accuracy/<part>   and every other metric of the record
        learning rate                  of the update
        <measure>/<layer>              layer statistics

    Unknown values (NaN) are left out.
    """
    found = {f"{name}/{part}": getattr(record, name) for name in column_names(type(record)) if name != "step"}
    if isinstance(record, EvaluationRecord):
        found |= {f"{name}/{part}": value for name, value in record.metrics.items()}
    if isinstance(record, StepRecord):
        found["learning rate"] = found.pop(f"lr/{part}")
        for layer, measures in (record.layer_stats or {}).items():
            found |= {f"{measure}/{layer}": value for measure, value in measures.items()}
    return {name: value for name, value in found.items() if not math.isnan(value)}


def in_order(history: History) -> Iterator[Record]:
    """All records of ``history`` as the training yielded them: an evaluation follows the step it belongs to."""
    records: tuple[Sequence[Record], Sequence[Record]] = (history.steps, history.evaluations)
    return heapq.merge(*records, key=lambda record: (record.step, isinstance(record, EvaluationRecord)))
