"""A heat map of results by two settings."""

from __future__ import annotations

import os
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.curves import TEST, save
from mlp_numpy.viz.style import contrast_color


def draw_heat_map(axes: Axes, table: Array, rows: Sequence[str], columns: Sequence[str], *, digits: int = 3) -> None:
    """A table (R, C) of annotated cells, darker for larger values; the largest has a frame.

    A NaN, as of a diverged run, is a gray cell with a dash. Raises ShapeError if the names do not match the table.
    """
    table = np.asarray(table, np.float64)
    if table.shape != (len(rows), len(columns)) or table.size == 0:
        raise ShapeError(f"draw_heat_map: table must be ({len(rows)}, {len(columns)}), got {table.shape}.")
    known = np.isfinite(table)
    low, high = (table[known].min(), table[known].max()) if known.any() else (0.0, 1.0)
    colormap = matplotlib.colormaps["Blues"].with_extremes(bad="0.85")
    # The lightest twentieth of the colormap is skipped, so that the smallest value is visible too.
    spread = (high - low) or 1.0
    shares = 0.05 + 0.85 * (table - low) / spread
    axes.imshow(np.where(known, shares, np.nan), cmap=colormap, vmin=0, vmax=1, aspect="auto")
    for i, j in np.ndindex(*table.shape):
        text = f"{table[i, j]:.{digits}f}" if known[i, j] else "–"
        color = contrast_color(colormap, float(shares[i, j])) if known[i, j] else "black"
        axes.text(j, i, text, ha="center", va="center", fontsize=10, color=color)
    if known.any():
        i, j = np.unravel_index(np.nanargmax(np.where(known, table, -np.inf)), table.shape)
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=TEST, linewidth=2.5, clip_on=False))
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def save_heat_map(
    path: str | os.PathLike[str],
    table: Array,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    *,
    row_name: str = "learning rate",
    column_name: str = "weight decay",
    digits: int = 3,
) -> None:
    """Save the figure of ``draw_heat_map`` as PNG."""
    figure = Figure(figsize=(2.2 + 1.0 * len(columns), 1.4 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    draw_heat_map(axes, table, rows, columns, digits=digits)
    axes.set_ylabel(row_name)
    axes.set_xlabel(column_name)
    figure.suptitle(title, fontsize=10)
    save(path, figure)
