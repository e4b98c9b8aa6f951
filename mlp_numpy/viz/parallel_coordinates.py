"""Parallel coordinates of a random search: one line per trial, one axis per setting."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError
from mlp_numpy.viz.curves import TEST, save
from mlp_numpy.viz.style import format_value


@dataclass(frozen=True)
class Scale:
    """The positions of the values of one setting, from 0 to 1, and the tick labels."""

    places: Array
    marks: tuple[tuple[float, str], ...]


def scale(name: str, values: Sequence[Any], *, log: bool) -> Scale:
    """Numbers on a linear or logarithmic axis; other values at one level each, in order of first appearance.

    Raises OptionError for numbers that are not finite, or not above 0 on a logarithmic axis.
    """
    if not all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        levels = list(dict.fromkeys(str(value) for value in values))
        heights = np.linspace(0, 1, len(levels)) if len(levels) > 1 else np.array([0.5])
        places = np.array([heights[levels.index(str(value))] for value in values])
        return Scale(places, tuple(zip(heights.tolist(), levels, strict=True)))
    numbers = np.array(values, np.float64)
    if not np.isfinite(numbers).all() or (log and numbers.min() <= 0):
        wanted = "finite and above 0 on a logarithmic axis" if log else "finite"
        raise OptionError(f"parallel.scale: values of {name} must be {wanted}, got {min(values)!r} to {max(values)!r}.")
    low, high = numbers.min(), numbers.max()
    if low == high:
        return Scale(np.full(len(numbers), 0.5), ((0.5, format_value(low)),))
    whole = all(isinstance(value, int | np.integer) for value in values)
    straight = MaxNLocator(5, integer=whole)
    locator = LogLocator(subs=(1.0,) if high / low >= 100 else (1.0, 2.0, 5.0)) if log else straight
    ticks = [tick for tick in locator.tick_values(low, high) if low <= tick <= high]

    def place(value: Any) -> Any:
        return np.log(value / low) / np.log(high / low) if log else (value - low) / (high - low)

    return Scale(place(numbers), tuple((float(place(tick)), format_value(tick)) for tick in ticks))


def draw_parallel(
    axes: Axes,
    trials: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    score: str,
    *,
    log: Collection[str] = (),
    greater_is_better: bool = True,
) -> None:
    """One line per trial through its settings ``names`` to its ``score``, darker for better ones; the best is
    highlighted.

    In case of ties the first is the best; settings in ``log`` have logarithmic axes; ``greater_is_better`` is False for
    a score that is an error. Raises OptionError for no trials, for a trial without one of these names, and for values
    outside the domain of an axis.
    """
    columns = [*names, score]
    if not trials:
        raise OptionError("draw_parallel: there must be at least one trial, got none.")
    for position, trial in enumerate(trials):
        missing = [name for name in columns if name not in trial]
        if missing:
            raise OptionError(f"draw_parallel: trial {position} must have {', '.join(columns)}, lacks {missing[0]}.")
    scales = [scale(name, [trial[name] for trial in trials], log=name in log) for name in columns]
    places = np.stack([each.places for each in scales], axis=1)
    rank = places[:, -1] if greater_is_better else 1 - places[:, -1]
    first = int(rank.argmax())
    for line in (each for each in np.argsort(rank, kind="stable") if each != first):
        color = matplotlib.colormaps["Blues"](0.2 + 0.75 * rank[line])
        axes.plot(places[line], color=color, linewidth=1.1)
    best = trials[first]
    axes.plot(places[first], color=TEST, linewidth=2.6, zorder=3)
    for column, (name, each) in enumerate(zip(columns, scales, strict=True)):
        axes.plot([column, column], [0, 1], color="0.3", linewidth=1, zorder=2.5)
        for height, text in each.marks:
            box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1}
            axes.text(column - 0.02, height, text, ha="right", va="center", fontsize=8.5, bbox=box, zorder=4)
        value = format_value(best[name]) if isinstance(best[name], float) else str(best[name])
        axes.text(column, 1.07, name, ha="center", fontsize=10)
        axes.text(column, -0.09, value, ha="center", va="center", fontsize=10, color=TEST)
    axes.set_xlim(-0.35, len(columns) - 0.85)
    axes.set_ylim(-0.13, 1.13)
    axes.set_axis_off()


def save_parallel(
    path: str | os.PathLike[str],
    trials: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    score: str,
    title: str,
    *,
    log: Collection[str] = (),
    greater_is_better: bool = True,
) -> None:
    """Save the figure of ``draw_parallel`` as PNG."""
    figure = Figure(figsize=(min(11, 2.2 * (len(names) + 1)), 4.4), layout="constrained")
    draw_parallel(figure.subplots(), trials, names, score, log=log, greater_is_better=greater_is_better)
    figure.suptitle(f"{title}\n{len(trials)} trials, darker is better; in orange the best", fontsize=10)
    save(path, figure)
