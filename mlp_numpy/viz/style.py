"""Common style of the figures: colors, plain axes, and labels at the ends of curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap

from mlp_numpy.arrays import Array

# Okabe and Ito's colors: safe for color blindness and in print.
COLORS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_LINE: Final = 1.25
"""The height of a line of text, in units of the font size."""


@dataclass(frozen=True)
class End:
    """A curve's last point, in data coordinates, and its label."""

    text: str
    x: float
    y: float
    color: str


def color_of(position: int) -> str:
    """The color at a position in the cycle."""
    return COLORS[position % len(COLORS)]


def plain_axes(axes: Axes) -> None:
    """A faint grid, and axes on the left and bottom only."""
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def label_ends(axes: Axes, ends: Sequence[End], *, fontsize: float = 9) -> None:
    """Write the label of each curve to the right of the axes, at the height of its end, spread where labels would
    overlap.

    To be called after the limits and the scale of the axes are final.
    """
    axes.autoscale_view()
    to_fraction = axes.transData + axes.transAxes.inverted()
    heights = np.array([to_fraction.transform((end.x, end.y))[1] for end in ends])
    points = axes.bbox.height / axes.figure.dpi * 72
    gap = _LINE * fontsize / points
    for end, height in zip(ends, beside(spread_labels(heights, gap), gap), strict=True):
        axes.annotate(
            end.text,
            (1, height),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=end.color,
            fontsize=fontsize,
            annotation_clip=False,
        )


def spread_labels(heights: Array, gap: float) -> Array:
    """Heights (n,) moved as little as possible so that neighbors are ``gap`` apart; the order is preserved.

    Heights that are too close form a block around their mean, and overlapping blocks are merged.
    """
    blocks: list[list[float]] = []
    order = np.argsort(heights, kind="stable")
    for height in heights[order]:
        blocks.append([float(height)])
        while len(blocks) > 1 and _top(blocks[-2], gap) + gap > _bottom(blocks[-1], gap):
            blocks[-2:] = [blocks[-2] + blocks[-1]]
    placed = [_bottom(block, gap) + place * gap for block in blocks for place in range(len(block))]
    out = np.empty(len(heights))
    out[order] = placed
    return out


def beside(heights: Array, gap: float) -> Array:
    """Heights (n,) that are ``gap`` apart, moved into [0, 1] at the same distances; unchanged if there is no room."""
    order = np.argsort(heights, kind="stable")
    below = gap * np.arange(len(heights))
    if not len(heights) or below[-1] > 1:
        return heights
    out = np.empty(len(heights))
    out[order] = np.clip(heights[order], below, 1 - below[::-1])
    return out


def contrast_color(colormap: Colormap, share: float) -> str:
    """Black or white, whichever has the better contrast with a colormap's color at the fraction ``share`` of its
    range."""
    red, green, blue, _ = colormap(share)
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.55 else "black"


def format_value(value: float) -> str:
    """A number formatted for an axis, to three digits: 1e-3, 8.83e-4, 0.25, 200."""
    if 0 < abs(value) < 0.01:
        digits, power = f"{value:.2e}".split("e")
        return f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _bottom(block: list[float], gap: float) -> float:
    return sum(block) / len(block) - gap * (len(block) - 1) / 2


def _top(block: list[float], gap: float) -> float:
    return _bottom(block, gap) + gap * (len(block) - 1)
