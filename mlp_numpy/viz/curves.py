"""Curves of the loss and of the metric that is monitored, and the confusion matrix. No display is needed."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import written_whole
from mlp_numpy.data.reading import as_path
from mlp_numpy.modules import KNOWN_LOSSES, loss_name
from mlp_numpy.training.history import History
from mlp_numpy.training.metrics import best_of
from mlp_numpy.viz.style import COLORS, plain_axes

TRAIN: Final = COLORS[0]
TEST: Final = COLORS[1]
_FAINT: Final = 0.25
LOWEST_R2: Final = -1.0
METRIC_LABELS: Final = {
    "r2": "coefficient of determination R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "log_loss": "log loss",
}


def moving_average(values: Sequence[float], width: int) -> Array:
    """The mean of each value and the ``width − 1`` before it, fewer at the start: (n,) → (n,)."""
    n = len(values)
    if n == 0:
        return np.empty(0)
    # Each window is summed separately: differences of running sums would lose small values after large ones.
    means: Array = np.convolve(values, np.ones(width))[:n] / np.minimum(np.arange(1, n + 1), width)
    return means


def draw_loss(axes: Axes, history: History, *, width: int = 50) -> None:
    """The loss of every training batch (faint), its running mean over ``width`` steps, and the held-out loss."""
    steps = [record.step for record in history.steps]
    _draw_train(axes, steps, [record.loss for record in history.steps], width)
    _draw_test(axes, history, [record.loss for record in history.evaluations])
    name = loss_name(history.info.config.get("loss", "auto"), history.task)
    axes.set_ylabel(KNOWN_LOSSES[name].label)
    _finish(axes)


def draw_metric(axes: Axes, history: History, *, width: int = 50) -> None:
    """The metric that is monitored, of the held-out examples; for the accuracy, that of every training batch (faint)
    and its running mean over ``width`` steps, too."""
    name = history.metric
    steps = [record.step for record in history.steps]
    if name == "accuracy":
        _draw_train(axes, steps, [record.accuracy for record in history.steps], width)
    _draw_test(axes, history, [record.value(name) for record in history.evaluations])
    axes.set_ylabel(METRIC_LABELS.get(name, name))
    if name == "r2":
        axes.set_ylim(bottom=max(axes.get_ylim()[0], LOWEST_R2))
    else:
        axes.set_ylim(bottom=0)
    best = best_of(history.evaluations, name)
    if best is not None:
        low, high = axes.get_ylim()
        near_the_top = best.value(name) > low + 0.88 * (high - low)
        axes.annotate(
            f"best {history.part} {best.value(name):.3f} at step {best.step}",
            (best.step, best.value(name)),
            textcoords="offset points",
            xytext=(0, -70 if near_the_top else 30),  # below a curve that has flattened
            ha="right" if best.step > len(steps) / 3 else "left",
            color=TEST,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.5},
        )
    _finish(axes)


draw_accuracy = draw_metric
"""The name in version 0.1."""


def draw_confusion(axes: Axes, counts: Array, class_names: Sequence[str]) -> None:
    """A confusion matrix (C, C) of counts, colored by the fraction of each true class, annotated with the counts."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(class_names) <= 20:
        for i, j in np.ndindex(*counts.shape):
            color = "white" if shares[i, j] > 0.5 else "black"
            axes.text(j, i, f"{counts[i, j]}", ha="center", va="center", fontsize=7, color=color)
    n = len(class_names)
    many: dict[str, Any] = {"fontsize": max(3.0, 500 / n)} if n > 20 else {}
    axes.set_xticks(range(n), class_names, rotation=90 if many else 45, ha="center" if many else "right", **many)
    axes.set_yticks(range(n), class_names, **many)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    colorbar = axes.figure.colorbar(picture, ax=axes, shrink=0.8)
    colorbar.set_label("fraction of the true class")


def save_curves(path: str | os.PathLike[str], history: History, title: str, *, width: int = 50) -> None:
    """Loss on the left, the monitored metric on the right, with running means over ``width`` batches, as PNG."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_loss(left, history, width=width)
    draw_metric(right, history, width=width)
    figure.suptitle(title, fontsize=11)
    save(path, figure)


def save_confusion(path: str | os.PathLike[str], counts: Array, class_names: Sequence[str], title: str) -> None:
    """A confusion matrix as PNG."""
    side = max(1.0, min(len(class_names), 200) / 60)  # many classes need a larger figure to keep names legible
    figure = Figure(figsize=(7.5 * side, 6.5 * side), layout="constrained")
    draw_confusion(figure.subplots(), counts, class_names)
    figure.suptitle(title)
    save(path, figure)


def save(path: str | os.PathLike[str], figure: Figure) -> None:
    """Write a figure as PNG atomically. Raises OptionError if ``path`` is not a path."""
    path = as_path("save", path)
    FigureCanvasAgg(figure)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=120)
    with written_whole(path) as file:
        file.write(picture.getvalue())


def _draw_train(axes: Axes, steps: Sequence[int], values: Sequence[float], width: int) -> None:
    label = "train"
    if width > 1:
        axes.plot(steps, values, color=TRAIN, alpha=_FAINT, linewidth=0.8, label="train, each batch")
        label = f"train, mean of {width} batches"
    axes.plot(steps, moving_average(values, width), color=TRAIN, linewidth=1.8, label=label)


def _draw_test(axes: Axes, history: History, values: Sequence[float]) -> None:
    steps = [record.step for record in history.evaluations]
    axes.plot(steps, values, color=TEST, linewidth=1.8, marker="o", markersize=3.5, label=f"{history.part}, whole set")


def _finish(axes: Axes) -> None:
    axes.set_xlabel("step")
    plain_axes(axes)
    axes.legend(frameon=False, fontsize=9)
