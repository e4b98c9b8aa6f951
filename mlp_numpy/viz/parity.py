"""The difference of two trainings by step."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp_numpy.viz.curves import save
from mlp_numpy.viz.style import color_of, plain_axes


def draw_differences(axes: Axes, differences: Mapping[str, Sequence[float]], bound: float) -> None:
    """The largest difference so far on a logarithmic scale, one curve per network, and a line at the tolerance.

    A difference of 0 is drawn at 1e-18.
    """
    for position, (name, values) in enumerate(differences.items()):
        steps = range(1, len(values) + 1)
        largest = np.maximum(np.maximum.accumulate(values), 1e-18)
        axes.plot(steps, largest, color=color_of(position), linewidth=1.5, label=name)
    axes.axhline(bound, color="0.4", linestyle="--", linewidth=1.0, label=f"bound {bound:.0e}")
    axes.set_yscale("log")
    axes.set_xlabel("step")
    plain_axes(axes)


def save_parity(
    path: str | os.PathLike[str],
    losses: Mapping[str, Sequence[float]],
    weights: Mapping[str, Sequence[float]],
    bound: float,
) -> None:
    """Differences of the loss on the left, of the parameters on the right, as PNG."""
    figure = Figure(figsize=(11, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axes, differences, label in ((left, losses, "largest |Δloss| so far"), (right, weights, "largest |Δw| so far")):
        draw_differences(axes, differences, bound)
        axes.set_ylabel(label)
    right.legend(frameon=False, fontsize=8)
    figure.suptitle("The same nets trained here and in PyTorch, float64, same weights, same batches")
    save(path, figure)
