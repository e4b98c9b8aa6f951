"""Comparison of settings over seeds: mean by step, with a band of one standard deviation."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.curves import save
from mlp_numpy.viz.style import End, color_of, label_ends, plain_axes


def draw_mean_std(axes: Axes, curves: Mapping[str, tuple[Sequence[float], Array]]) -> None:
    """Each setting's mean over its seeds, a band of one standard deviation up and down, and its name at the end.

    curves   name → (steps (T,), values (seeds, T)); the standard deviation is the sample's, with seeds − 1

    Raises ShapeError unless there is one value per step and seed.
    """
    ends = []
    for position, (name, (steps, values)) in enumerate(curves.items()):
        values, color = np.asarray(values), color_of(position)
        if values.ndim != 2 or values.shape[1:] != np.shape(steps) or values.size == 0:
            raise ShapeError(f"draw_mean_std: values of {name} must be (seeds, {len(steps)}), got {values.shape}.")
        mean = values.mean(axis=0)
        text = f"{name}  {mean[-1]:.3f}"
        if len(values) > 1:
            std = values.std(axis=0, ddof=1)
            axes.fill_between(steps, mean - std, mean + std, color=color, alpha=0.18, linewidth=0)
            text += f" ± {std[-1]:.3f}"
        axes.plot(steps, mean, color=color, linewidth=1.8, label=name)
        ends.append(End(text, steps[-1], mean[-1], color))
    plain_axes(axes)
    axes.margins(x=0.01)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    label_ends(axes, ends)


def save_mean_std(
    path: str | os.PathLike[str],
    curves: Mapping[str, tuple[Sequence[float], Array]],
    title: str,
    *,
    x_name: str = "step",
    y_name: str = "test accuracy",
    limits: tuple[float, float] | None = None,
) -> None:
    """Save the figure of ``draw_mean_std`` as PNG; ``limits`` of the vertical axis default to those of the data."""
    figure = Figure(figsize=(8.5, 4.4), layout="constrained")
    axes = figure.subplots()
    if limits is not None:
        axes.set_ylim(*limits)
    draw_mean_std(axes, curves)
    axes.set_xlabel(x_name)
    axes.set_ylabel(y_name)
    counts = sorted({len(values) for _, values in curves.values()})
    seeds = " to ".join(str(count) for count in dict.fromkeys((counts[0], counts[-1])))
    figure.suptitle(f"{title}\nmean ± standard deviation, {seeds} seeds" if counts[-1] > 1 else title)
    save(path, figure)
