"""Per-class accuracies of several settings, as grouped bars."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.curves import save
from mlp_numpy.viz.style import color_of, plain_axes

_GROUP = 0.8
"""The total width of a class's bars; 1 would leave no gap between classes."""


def draw_class_bars(axes: Axes, settings: Mapping[str, Array], names: Sequence[str]) -> None:
    """One group of bars per class, one bar per setting: name → accuracies (C,); the legend shows their mean.

    Raises ShapeError unless each setting has one value per class.
    """
    width = _GROUP / max(len(settings), 1)
    places = np.arange(len(names))
    for position, (name, shares) in enumerate(settings.items()):
        if np.shape(shares) != (len(names),):
            raise ShapeError(f"draw_class_bars: {name} must be ({len(names)},), one per class, got {np.shape(shares)}.")
        left = places - _GROUP / 2 + (position + 0.5) * width
        label = f"{name}, mean {np.mean(shares):.3f}"
        axes.bar(left, shares, 0.92 * width, color=color_of(position), label=label)
    axes.set_xticks(places, names)
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel("accuracy on the class")
    axes.set_xlim(-0.55, len(names) - 0.45)
    axes.set_ylim(0, 1)
    plain_axes(axes)
    axes.grid(visible=False, axis="x")
    axes.legend(frameon=False, fontsize=9, ncols=len(settings), loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)


def save_class_bars(
    path: str | os.PathLike[str], settings: Mapping[str, Array], names: Sequence[str], title: str
) -> None:
    """Save the figure of ``draw_class_bars`` as PNG."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    draw_class_bars(figure.subplots(), settings, names)
    figure.suptitle(title)
    save(path, figure)
