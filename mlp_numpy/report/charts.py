"""Charts in HTML: curves as SVG that fills its box, axes as text beside it, so that both are legible at every width.

Curves are drawn in units of the frame, 0 … 1000 from left to right and from top to bottom. ``page.js`` zooms by another
``viewBox``, and reads the frame's limits from the attributes ``data-x`` and ``data-y``; those of a logarithmic axis are
exponents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, Literal

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.viz.curves import moving_average

MOST_POINTS: Final = 2000
"""Points of a curve; a longer one is drawn by the smallest and the largest value of each of half as many pieces."""
_SIDE: Final = 1000
_TICKS: Final = 5
_LOG_SPAN: Final = 30.0
"""A ratio of the largest to the smallest positive value from which a loss has a logarithmic axis."""


@dataclass(frozen=True)
class Series:
    """A curve: x, y of one length, and its name in the legend; NaN and infinity are gaps.

    style   "line"; "faint", a thin line behind the others; "dotted", a line with a dot at each point; "dots" only
    color   a CSS color
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    color: str
    style: Literal["line", "faint", "dotted", "dots"] = "line"


@dataclass(frozen=True)
class Chart:
    """Curves in one frame.

    log      a logarithmic vertical axis; values ≤ 0 are gaps
    limits   vertical limits; by default those of the values, with a margin
    square   the same limits, and the same length, on both axes
    """

    title: str
    x_name: str
    y_name: str
    series: Sequence[Series]
    log: bool = False
    limits: tuple[float, float] | None = None
    square: bool = False


def chart_html(chart: Chart) -> str:
    """A chart as HTML; without a finite value, a sentence in its place."""
    curves = [(series, *_finite(series, log=chart.log)) for series in chart.series]
    xs, ys = (np.concatenate([np.empty(0), *(curve[axis] for curve in curves)]) for axis in (1, 2))
    xs, ys = xs[np.isfinite(ys)], ys[np.isfinite(ys)]
    if not len(ys):
        return f'<figure class="chart"><figcaption>{escape(chart.title)}</figcaption><p>No finite value.</p></figure>'
    across, up = _limits(xs, 0.01), _limits(ys, 0.06) if chart.limits is None else chart.limits
    if chart.square:
        across = up = _limits(np.concatenate([xs, ys]), 0.04)
    paths = "".join(_path(series, x, y, across, up) for series, x, y in curves)
    told = f"{chart.y_name} by {chart.x_name}: " + "; ".join(_told(series, y, chart.log) for series, _, y in curves)
    legend = "".join(
        f'<li style="--c:{series.color}" class="{series.style}">{escape(series.name)}</li>' for series in chart.series
    )
    return f"""<figure class="chart{" square" if chart.square else ""}">
<figcaption>{escape(chart.title)}</figcaption>
<div class="frame" tabindex="0" data-x="{across[0]!r} {across[1]!r}" data-y="{up[0]!r} {up[1]!r}"\
 data-log="{int(chart.log)}" data-names="{escape(chart.x_name)}">
<svg viewBox="0 0 {_SIDE} {_SIDE}" preserveAspectRatio="none" role="img"><title>{escape(chart.title)}</title>\
<desc>{escape(told)}</desc>{paths}</svg>
<div class="ticks across" aria-hidden="true">{_ticks_html(across, log=False, side="left")}</div>
<div class="ticks up" aria-hidden="true">{_ticks_html(up, log=chart.log, side="bottom")}</div>
<output></output>
</div>
<p class="under">{escape(chart.x_name)}</p>
<ul class="legend">{legend}</ul>
</figure>"""


def training_series(steps: Sequence[float], values: Sequence[float], width: int) -> list[Series]:
    """The values of every training batch, and their running mean over ``width`` steps."""
    name, color = "train, each batch", "var(--s1)"
    if width == 1:
        return [Series(name, steps, values, color)]
    smooth = moving_average(values, width).tolist()
    return [
        Series(name, steps, values, color, "faint"),
        Series(f"train, mean of {width} batches", steps, smooth, color),
    ]


def spans_decades(values: Sequence[float]) -> bool:
    """True if positive values span so much that they need a logarithmic axis."""
    positive = [value for value in values if 0 < value < math.inf]
    return len(positive) > 1 and max(positive) > _LOG_SPAN * min(positive)


def layer_color(position: int, n: int) -> str:
    """The color of a layer: violet for the first, by way of green, to orange for the last."""
    return f"hsl({270 - 240 * position / max(n - 1, 1):.0f} 65% 47%)"


def ticks(low: float, high: float, *, log: bool = False) -> list[tuple[float, float]]:
    """Round values in an interval, and the fraction of the interval below each.

    With ``log``, ``low`` and ``high`` are exponents of ten: ticks are at powers of ten, over two decades also at twice
    and five times these, and over less than one at round values.
    """
    if log and high - low > 1:
        step = max(1, math.ceil((high - low) / _TICKS))
        exponents = [each for each in range(math.floor(low), math.floor(high) + 1) if each % step == 0]
        values = [factor * 10.0**each for each in exponents for factor in ((1, 2, 5) if high - low < 2 else (1,))]
        places = [(value, (math.log10(value) - low) / (high - low)) for value in values]
        return [(value, place) for value, place in places if 0 <= place <= 1]
    first, last = (10**low, 10**high) if log else (low, high)
    rough = (last - first) / _TICKS
    power = 10 ** math.floor(math.log10(rough))
    step_size = power * next(each for each in (1, 2, 5, 10) if each * power >= 0.999 * rough)
    values = [place * step_size for place in range(math.ceil(first / step_size), math.floor(last / step_size) + 1)]
    return [(value, ((math.log10(value) if log else value) - low) / (high - low)) for value in values]


def _ticks_html(limits: tuple[float, float], *, log: bool, side: str) -> str:
    spans = (
        f'<span style="{side}:{100 * place:.2f}%"><b>{tick_text(value)}</b></span>'
        for value, place in ticks(*limits, log=log)
    )
    return "".join(spans)


def tick_text(value: float) -> str:
    """A value on an axis, short."""
    if value and not 1e-3 <= abs(value) < 1e5:
        mantissa, power = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(power)}"
    return f"{round(value, 10):g}" if abs(value) < 1000 else f"{value:,.0f}"


def _finite(series: Series, *, log: bool) -> tuple[Array, Array]:
    """x and y as drawn: in float64, exponents on a logarithmic axis, NaN in gaps, thinned."""
    x, y = np.asarray(series.x, np.float64), np.asarray(series.y, np.float64)
    y = np.where(np.isfinite(y) & ((y > 0) if log else True), y, np.nan)
    if log:
        y = np.log10(y)
    if len(x) > MOST_POINTS and series.style != "dots":
        x, y = _thinned(x, y)
    return x, y


def _thinned(x: Array, y: Array) -> tuple[Array, Array]:
    """The places of the smallest and the largest value of each piece, in order, so that no peak is lost."""
    kept = []
    for piece in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        known = piece[np.isfinite(y[piece])]
        kept += sorted({known[y[known].argmin()], known[y[known].argmax()]}) if len(known) else [piece[0]]
    return x[kept], y[kept]


def _limits(values: Array, margin: float) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = margin * (high - low) or 0.5 * max(abs(high), 1e-6)
    return low - room, high + room


def _path(series: Series, x: Array, y: Array, across: tuple[float, float], up: tuple[float, float]) -> str:
    places_x = _SIDE * (x - across[0]) / (across[1] - across[0])
    places_y = _SIDE * (up[1] - y) / (up[1] - up[0])
    drawn, dots, pen_down = [], [], False
    for px, py in zip(places_x.tolist(), places_y.tolist(), strict=True):
        if math.isnan(py):
            pen_down = False
            continue
        drawn.append(f"{'L' if pen_down else 'M'}{px:.2f} {py:.2f}")
        dots.append(f"M{px:.2f} {py:.2f}h0")
        pen_down = True
    name = escape(series.name)
    parts = []
    if series.style != "dots":
        kind = "faint" if series.style == "faint" else "line"
        parts.append(f'<path class="{kind}" data-name="{name}" style="--c:{series.color}" d="{"".join(drawn)}"/>')
    if series.style in ("dotted", "dots") or len(dots) == 1:
        parts.append(f'<path class="dots" data-name="{name}" style="--c:{series.color}" d="{"".join(dots)}"/>')
    return "".join(parts)


def _told(series: Series, y: Array, log: bool) -> str:
    """A curve in words, for those who cannot see it."""
    known = y[np.isfinite(y)]
    if not len(known):
        return f"{series.name}: no finite value"
    first, last, low, high = (10**each if log else each for each in (known[0], known[-1], known.min(), known.max()))
    return f"{series.name}: from {first:.4g} to {last:.4g}, lowest {low:.4g}, highest {high:.4g}"
