"""What a training step costs: times that grow with a size, and times of contestants in several states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.style import color_of, format_value, plain_axes

_GROUP = 0.8
"""The total width of a contestant's bars; 1 would leave no gap between contestants."""
_STYLES = ("-", "--", ":", "-.")


def draw_growth(axes: Axes, values: Sequence[float], times: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Times over the ``values`` of a size, both on logarithmic scales: a line of double length is a doubling.

    times   group → contestant → times (n,); a group has a color, a contestant a line style

    A faint line through the first point of each group shows growth in proportion to the size, if the times grow.
    Raises ShapeError unless there is one time per value.
    """
    for position, (group, curves) in enumerate(times.items()):
        for style, (name, found) in zip(_STYLES, curves.items(), strict=False):
            if np.shape(found) != np.shape(values):
                raise ShapeError(f"draw_growth: {group}, {name} must be ({len(values)},), got {np.shape(found)}.")
            label = f"{group}, {name}"
            axes.plot(values, found, style, color=color_of(position), linewidth=1.6, marker="o", ms=3, label=label)
        first = next(iter(curves.values()))
        if first[-1] > first[0]:
            in_proportion = first[0] * np.asarray(values) / values[0]
            axes.plot(values, in_proportion, color=color_of(position), alpha=0.25, linewidth=1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(values), [format_value(value) for value in values])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda time, _: format_value(time)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    plain_axes(axes)


def draw_states(axes: Axes, times: Mapping[str, Mapping[str, float]]) -> None:
    """One group of bars per contestant, one bar per state, with its time above: state → contestant → time.

    Raises ShapeError unless all states have the same contestants.
    """
    names = list(next(iter(times.values()), {}))
    width = _GROUP / max(len(times), 1)
    places = np.arange(len(names))
    for position, (state, found) in enumerate(times.items()):
        if list(found) != names:
            raise ShapeError(f"draw_states: {state} must have {', '.join(names)}, got {', '.join(found)}.")
        left = places - _GROUP / 2 + (position + 0.5) * width
        bars = axes.bar(left, list(found.values()), 0.92 * width, color=color_of(position), label=state)
        axes.bar_label(bars, [format_value(time) for time in found.values()], fontsize=7, padding=1)
    axes.set_xticks(places, names)
    axes.tick_params(axis="x", length=0)
    axes.margins(y=0.1)
    plain_axes(axes)
    axes.grid(visible=False, axis="x")
