"""What a training step costs: times that grow with a size, and times of contestants in several states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.style import color_of, format_value, plain_axes

_GROUP: Final = 0.8
"""The total width of a contestant's bars; 1 would leave no gap between contestants."""
_STYLES: Final = ("-", "--", ":", "-.")


def draw_growth(
    axes: Axes,
    values: Sequence[float],
    times: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    power: float | None = 1,
    first_color: int = 0,
) -> None:
    """Times over the ``values`` of a size, both on logarithmic scales.

    times         group → contestant → times (n,); a group has a color, a contestant a line style
    power         a faint line through the first point of each group shows times in proportion to valuesᵖ; None: no line
    first_color   position of the first group's color in the cycle

    Raises ShapeError unless there is one time per value.
    """
    for position, (group, curves) in enumerate(times.items(), first_color):
        color = color_of(position)
        for number, (name, found) in enumerate(curves.items()):
            if np.shape(found) != np.shape(values):
                raise ShapeError(f"draw_growth: {group}, {name} must be ({len(values)},), got {np.shape(found)}.")
            style: dict[str, Any] = {"linestyle": _STYLES[number % len(_STYLES)], "marker": "o", "markersize": 3}
            axes.plot(values, found, color=color, linewidth=1.6, label=f"{group}, {name}", **style)
            if power is not None and number == 0:
                guide = found[0] * (np.asarray(values) / values[0]) ** power
                axes.plot(values, guide, color=color, alpha=0.3, linewidth=1.0)
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
