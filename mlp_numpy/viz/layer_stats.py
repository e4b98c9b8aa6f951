"""Layer statistics by training step: norms of gradients, sizes of updates, dead units."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Final

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.curves import moving_average, save
from mlp_numpy.viz.style import End, label_ends, plain_axes

DEAD_FRACTION: Final = "dead fraction"
"""The quantity that is a fraction of a layer's units."""


def draw_layer_stats(
    axes: Axes, name: str, layers: Mapping[str, Sequence[float]], steps: Sequence[float], *, width: int = 1
) -> None:
    """One quantity of every layer by step, as its mean over ``width`` steps, from the first layer, dark, to the last.

    A quantity whose name ends in "fraction" has an axis from 0 to 1, any other a logarithmic one with gaps at values
    ≤ 0.

    Raises ShapeError unless each layer has one value per step.
    """
    fraction = name.endswith("fraction")
    ends = []
    for position, (layer, values) in enumerate(layers.items()):
        if len(values) != len(steps) or not len(steps):
            raise ShapeError(
                f"draw_layer_stats: {name} of {layer} must be {len(steps)} numbers, ≥ 1, got {len(values)}."
            )
        means = moving_average(values, width)
        shown = means if fraction else np.where(means > 0, means, np.nan)
        color = to_hex(matplotlib.colormaps["viridis"](0.85 * position / max(len(layers) - 1, 1)))
        # A line needs two points.
        axes.plot(steps, shown, color=color, linewidth=1.2, label=layer, marker="o" if len(steps) == 1 else None)
        there = np.flatnonzero(np.isfinite(shown))
        if len(there):
            ends.append(End(layer, steps[there[-1]], shown[there[-1]], color))
    axes.set_title(name, fontsize=11)
    axes.set_xlabel("step")
    if fraction:
        axes.set_ylim(-0.02, 1.02)
    elif ends:
        axes.set_yscale("log")
    axes.margins(x=0.01)
    plain_axes(axes)
    label_ends(axes, ends)


def save_layer_stats(
    path: str | os.PathLike[str],
    columns: Mapping[str, Mapping[str, Sequence[float]]],
    title: str = "",
    *,
    steps: Sequence[float] | None = None,
    width: int = 1,
) -> None:
    """One panel per quantity, as PNG: {quantity: {layer: one value per step}}.

    steps   the steps of the values; 1, 2, … by default
    """
    most = max((len(layers) for layers in columns.values()), default=0)
    # The names of a deep network are stacked.
    height = max(3.6, 1.1 + 0.17 * most)
    figure = Figure(figsize=(min(13, 4.4 * len(columns)), height), layout="constrained")
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    for axes, (name, layers) in zip(panels, columns.items(), strict=True):
        n = max((len(values) for values in layers.values()), default=0)
        draw_layer_stats(axes, name, layers, range(1, n + 1) if steps is None else steps, width=width)
    figure.suptitle(f"{title}, means of {width} steps".lstrip(", ") if width > 1 else title)
    save(path, figure)
