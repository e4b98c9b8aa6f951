"""Activation functions and their derivatives, computed by the library's modules."""

from __future__ import annotations

import os
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp_numpy.arrays import Array
from mlp_numpy.modules import Module
from mlp_numpy.viz.curves import TEST, TRAIN, save
from mlp_numpy.viz.style import plain_axes

_REACH: Final = 3.0
_POINTS: Final = 1201
_JUMP: Final = 0.1
"""A larger change of the derivative between neighbors is a kink; a smooth derivative changes by at most 0.005."""


def draw_function(axes: Axes, module: Module, name: str) -> None:
    """An elementwise function and its derivative over −3 … 3, with a dot where the derivative jumps.

    The function is the module's forward, the derivative its backward of ones; the dot is the value of backward at a
    kink.
    """
    x = np.linspace(-_REACH, _REACH, _POINTS)
    out = module.forward(x)
    slope = module.backward(np.ones_like(out))
    slope = np.zeros_like(out) if slope is None else slope
    axes.axhline(0, color="0.75", linewidth=0.8)
    axes.axvline(0, color="0.75", linewidth=0.8)
    axes.plot(x, out, color=TRAIN, linewidth=2)
    axes.plot(*_broken(x, slope), color=TEST, linewidth=2)
    kinks = np.flatnonzero(np.abs(np.diff(slope)) > _JUMP)
    axes.plot(x[kinks], slope[kinks], "o", color=TEST, markersize=5)
    axes.set_title(name, fontsize=11)
    axes.set_xlim(-_REACH, _REACH)
    axes.set_ylim(-0.5, _REACH)
    axes.set_aspect("equal")
    axes.set_xticks([-2, 0, 2])
    axes.set_yticks(range(4))
    axes.set_xlabel("x")
    plain_axes(axes)


def save_functions(path: str | os.PathLike[str], functions: dict[str, Module], title: str = "") -> None:
    """Functions by name, side by side, as PNG."""
    figure = Figure(figsize=(2.75 * len(functions), 2.3), layout="constrained")
    axes = figure.subplots(1, len(functions), sharey=True, squeeze=False)[0]
    for each, (name, module) in zip(axes, functions.items(), strict=True):
        draw_function(each, module, name)
    for place, text, color in (((1.9, 2.3), "f(x)", TRAIN), ((2.3, 0.62), "f′(x)", TEST)):
        axes[0].text(*place, text, color=color, ha="right" if color == TRAIN else "center", fontsize=11)
    if title:
        figure.suptitle(title)
    save(path, figure)


def _broken(x: Array, values: Array) -> tuple[Array, Array]:
    """The points of a curve with a gap in it wherever it jumps."""
    jumps = np.flatnonzero(np.abs(np.diff(values)) > _JUMP) + 1
    return np.insert(x, jumps, np.nan), np.insert(values, jumps, np.nan)
