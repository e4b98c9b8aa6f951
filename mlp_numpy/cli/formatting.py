"""Formats the output of the command line: tables and lines, as strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.training import EvaluationRecord, History, StepRecord

_MOST_COLUMNS: Final = 20


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
    train_part = "" if latest is None else f"   batch loss {latest.loss:.4f} accuracy {latest.accuracy:.3f}"
    return f"step {record.step:>6}   {part} loss {record.loss:.4f} accuracy {record.accuracy:.4f}{train_part}"


def outlook(memory: int, seconds: float | None) -> str:
    """The estimated memory (in bytes) and, if known, time of a training."""
    text = f"{memory / 1e6:,.0f} MB of memory"
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
    """Accuracies of several seeds, one per row, with their mean and standard deviation below.

    status    seed → status of its run
    figures   name → (a value for each seed whose run ended, their mean, their standard deviation)
    part      the split behind all accuracies except "test"
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
    """The status of a run and the accuracies it reached."""
    info, best = history.info, history.best
    lines = [f"{info.status} after step {history.last_evaluated}, {info.seconds:.1f} s, on {info.dataset}"]
    if best is not None:
        last = history.evaluations[-1].accuracy
        lines.append(f"{history.part} accuracy: last {last:.4f}, best {best.accuracy:.4f} at step {best.step}")
    if info.test is not None:
        n = len(info.test_openings or [])
        times = "once" if n == 1 else f"{n} times"
        test = f"{info.test.accuracy:.4f} with the weights of step {info.test.step}"
        lines.append(f"test accuracy: {test}, opened {times}")
    return "\n".join(lines)
