"""Tables and figures of the results of a search."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.search.space import Range, Space, key_of
from mlp_numpy.search.trial import TrialResult
from mlp_numpy.training import greater_is_better
from mlp_numpy.viz import save_heat_map, save_parallel

_NAMES = {"lr": "learning rate", "weight_decay": "weight decay"}


@dataclass(frozen=True)
class Table:
    """Values of ``metric`` (R, C) by two settings, the others ``fixed``; NaN for diverged and unfinished trials."""

    fixed: dict[str, Any]
    row_name: str
    column_name: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Array
    metric: str = "accuracy"


def tables(space: Space, outcomes: Sequence[TrialResult]) -> list[Table]:
    """The values of a grid: rows are learning rates and columns weight decays, if these are varied.

    Otherwise the first two settings are used. A grid of more settings has one table per combination of the others; a
    random search, or a grid of one setting, has none.
    """
    axes = {name: list(values) for name, values in space.axes.items() if not isinstance(values, Range)}
    if space.trials is not None or len(axes) < 2:
        return []
    row, column, *others = sorted(axes, key=lambda name: [*_NAMES, name].index(name))
    found = {key_of(outcome.point): outcome.value for outcome in outcomes}
    metric = outcomes[0].monitor if outcomes else "accuracy"
    made = []
    for chosen in itertools.product(*(axes[name] for name in others)):
        fixed = dict(zip(others, chosen, strict=True))
        values = [[found.get(key_of(fixed | {row: r, column: c}), math.nan) for c in axes[column]] for r in axes[row]]
        names = (_NAMES.get(row, row), _NAMES.get(column, column))
        made.append(Table(fixed, *names, _texts(axes[row]), _texts(axes[column]), np.array(values), metric))
    return made


def table_text(table: Table) -> str:
    """A table as Markdown, with the best value in bold and dashes for missing values."""
    choose = np.nanmax if greater_is_better(table.metric) else np.nanmin
    best = choose(table.values) if np.isfinite(table.values).any() else math.nan
    lines = [f"| {table.row_name} \\ {table.column_name} | {' | '.join(table.columns)} |"]
    lines.append("|---" * (len(table.columns) + 1) + "|")
    for name, row in zip(table.rows, table.values, strict=True):
        lines.append(f"| {name} | {' | '.join(_cell(value, best) for value in row)} |")
    title = ", ".join(f"{name} {_text(value)}" for name, value in table.fixed.items())
    return "\n".join([*([f"{title}\n"] if title else []), *lines])


def draw_search(folder: Path, title: str, space: Space, outcomes: Sequence[TrialResult]) -> list[Path]:
    """Draw the tables as heat maps, and all trials with a result as parallel coordinates."""
    drawn = []
    for number, table in enumerate(tables(space, outcomes), 1):
        path = folder / f"heat-map-{number}.png"
        fixed = "".join(f", {name} {_text(value)}" for name, value in table.fixed.items())
        named: dict[str, Any] = {"row_name": table.row_name, "column_name": table.column_name}
        save_heat_map(path, table.values, table.rows, table.columns, title + fixed, **named)
        drawn.append(path)
    trials = [_shown(outcome) for outcome in outcomes if outcome.best is not None]
    if trials:
        names_of_axes = list(space.axes)
        log = [name for name in names_of_axes if _spans(space.axes[name])]
        metric = outcomes[0].monitor
        better: dict[str, Any] = {"log": log, "greater_is_better": greater_is_better(metric)}
        save_parallel(folder / "parallel.png", trials, names_of_axes, metric, title, **better)
        drawn.append(folder / "parallel.png")
    return drawn


def _cell(value: float, best: float) -> str:
    if math.isnan(value):
        return "–"
    return f"**{value:.4f}**" if value == best else f"{value:.4f}"


def _shown(outcome: TrialResult) -> dict[str, Any]:
    point = {name: _text(value) if isinstance(value, tuple) else value for name, value in outcome.point.items()}
    return point | {outcome.monitor: outcome.value}


def _spans(values: Sequence[Any] | Range) -> bool:
    """True if values span so many orders of magnitude that a logarithmic axis is needed."""
    if isinstance(values, Range):
        return values.log
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return len(numbers) == len(values) and min(numbers) > 0 and max(numbers) >= 10 * min(numbers)


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(_text(value) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
