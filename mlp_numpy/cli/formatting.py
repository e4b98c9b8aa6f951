"""Formats the output of the command line: tables and lines, as strings."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data import Dataset
from mlp_numpy.training import EvaluationRecord, History, StepRecord, TrainedModel

_MOST_COLUMNS: Final = 20
_FRACTIONS: Final = ("accuracy", "r2", "loss", "log_loss")


def predictions_csv(heading: str, names: Sequence[str], outputs: Array, trained: TrainedModel) -> str:
    """Predictions as CSV: the class and the probability of every class, or a column per target.

    names     name of each row, in the first column, whose heading is ``heading``
    outputs   as ``TrainedModel.predict`` returns them
    """
    written, columns = io.StringIO(), trained.about["class_names"]
    table = csv.writer(written, lineterminator="\n")
    if trained.task == "regression":
        table.writerow([heading, *columns])
        table.writerows([name, *map(repr, row)] for name, row in zip(names, outputs.tolist(), strict=True))
        return written.getvalue()
    table.writerow([heading, "prediction", *(f"p({name})" for name in columns)])
    for name, row in zip(names, outputs, strict=True):
        table.writerow([name, columns[int(row.argmax())], *(f"{value:.6g}" for value in row)])
    return written.getvalue()


def confusion_table(counts: Array, class_names: Sequence[str]) -> str:
    """A confusion matrix as text: one row per true class, with its recall.

    With more than 20 classes, too many columns for a line, each row names the most frequent mistake instead.
    """
    if len(class_names) > _MOST_COLUMNS:
        return _mistakes_table(counts, class_names)
    width = max(5, *(len(name) for name in class_names))
    head = " " * width + "".join(f"{name[:6]:>7}" for name in class_names) + "  right"
    rows = [
        f"{name:>{width}}" + "".join(f"{count:>7}" for count in row) + f"  {row[i] / max(row.sum(), 1):.3f}"
        for i, (name, row) in enumerate(zip(class_names, counts, strict=True))
    ]
    return "\n".join(["true class ↓, predicted class →", head, *rows])


def _mistakes_table(counts: Array, class_names: Sequence[str]) -> str:
    wrong = counts - np.diag(np.diag(counts))
    rows = [["true class", "images", "right", "most often taken for"]]
    for i, name in enumerate(class_names):
        n, worst = int(counts[i].sum()), int(wrong[i].argmax())
        mistake = f"{class_names[worst]} ({wrong[i, worst]})" if wrong[i, worst] else ""
        rows.append([name, str(n), f"{counts[i, i] / max(n, 1):.3f}", mistake])
    return table(rows)


def evaluation_line(record: EvaluationRecord, latest: StepRecord | None, part: str = "test") -> str:
    """An evaluation on ``part`` of the data and the latest training step, in one line."""
    train_part = "" if latest is None else f"   batch loss {latest.loss:.4f}"
    if latest is not None and not math.isnan(latest.accuracy):
        train_part += f" accuracy {latest.accuracy:.3f}"
    return f"step {record.step:>6}   {part} loss {record.loss:.4f} {metrics_text(record)}{train_part}"


def metrics_text(record: EvaluationRecord) -> str:
    """The metrics of an evaluation: "accuracy 0.9876", or "r2 0.9512 mae 1.234"."""
    return " ".join(f"{name} {metric_text(name, value)}" for name, value in record.measured.items())


def metric_text(name: str, value: float) -> str:
    """A value of a metric: those within 0 and 1 with four digits behind the point, errors with five in all."""
    return f"{value:.4f}" if name in _FRACTIONS else f"{value:.5g}"


def examples_text(dataset: Dataset) -> str:
    """The word for the examples of a data set."""
    return "rows" if dataset.columns else "images"


def task_text(dataset: Dataset, target: Sequence[str]) -> str:
    """The task of a table, its target and its columns."""
    of = ", ".join(target) or "y"
    if dataset.task == "classification":
        names = ", ".join(dataset.class_names[:5]) + (", …" if dataset.n_classes > 5 else "")
        what = f"classification of {of} into {dataset.n_classes} classes ({names})"
    else:
        what = f"regression of {of}, standardized"
    kinds = [column.kind for column in dataset.columns]
    counts = f"{kinds.count('number')} numbers, {kinds.count('category')} categories"
    return f"{what}, from {len(kinds)} columns ({counts}): {dataset.n_features} inputs"


def outlook(memory: int, seconds: float | None, mapped: int = 0) -> str:
    """The estimated memory (in bytes) and, if known, time of a training, and the bytes of mapped files."""
    text = f"{memory / 1e6:,.0f} MB of memory"
    if mapped:
        text += f" besides {mapped / 1e6:,.0f} MB of files, of which the system keeps what there is room for"
    if seconds is None:
        return text
    for unit, length in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return f"about {seconds / length:.1f} {unit}, {text}"
    return f"about {max(seconds, 1):.0f} s, {text}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as text in aligned columns; the first row holds the headings."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def seeds_table(
    status: Mapping[int, str], figures: Mapping[str, tuple[Sequence[float], float, float | None]], part: str
) -> str:
    """The metric of several seeds, one per row, with their mean and standard deviation below.

    status    seed → status of its run
    figures   name → (a value for each seed whose run ended, their mean, their standard deviation)
    part      the split behind all figures except "test"
    """
    ended = [seed for seed, how in status.items() if how in ("finished", "stopped early")]
    heads = [name if name == "test" else f"{name} {part}" for name in figures]
    rows = [["seed", *heads, "status"]]
    for seed, how in status.items():
        place = ended.index(seed) if seed in ended else None
        values = [f"{values[place]:.4f}" if place is not None else "" for values, _, _ in figures.values()]
        rows.append([str(seed), *values, how.split(":")[0]])
    rows.append(["mean", *(f"{mean:.4f}" for _, mean, _ in figures.values()), ""])
    rows.append(["± std", *("" if std is None else f"{std:.4f}" for _, _, std in figures.values()), ""])
    return table(rows)


def run_summary(history: History) -> str:
    """The status of a run and what it reached."""
    info, best = history.info, history.best
    lines = [f"{info.status} after step {history.last_evaluated}, {info.seconds:.1f} s, on {info.dataset}"]
    if best is not None:
        name = history.monitor
        last, top = (metric_text(name, record.value(name)) for record in (history.evaluations[-1], best))
        lines.append(f"{history.part} {name}: last {last}, best {top} at step {best.step}")
    if info.test is not None:
        n = len(info.test_openings or [])
        times = "once" if n == 1 else f"{n} times"
        found = metrics_text(info.test)
        found = found.replace("accuracy ", "accuracy: ") if len(info.test.measured) == 1 else found
        lines.append(f"test {found} with the weights of step {info.test.step}, opened {times}")
    return "\n".join(lines)
