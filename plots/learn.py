"""Draws the figures of the chapters in ``docs/learn``.

python plots/learn.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mlp_numpy import BatchNorm, LinearModule, normal
from mlp_numpy.viz import TEST, TRAIN, save
from mlp_numpy.viz.style import COLORS, End, label_ends, plain_axes

HERE = Path(__file__).parent


def slope(axes: Axes) -> None:
    """Chapter 1: the loss of one neuron by its weight, and its tangent at 0.5."""
    x, y, b, w = 2.0, 3.0, -1.0, 0.5
    weights = np.linspace(-0.4, 3.2, 200)
    axes.plot(weights, (weights * x + b - y) ** 2, color=TRAIN, linewidth=2)
    loss, dw = (w * x + b - y) ** 2, 2 * (w * x + b - y) * x
    near = np.array([w - 0.45, w + 0.62])
    axes.plot(near, loss + dw * (near - w), color=TEST, linewidth=2)
    axes.plot([w], [loss], "o", color=TEST)
    axes.annotate("w = 0.5: loss 9, slope −12", (w, loss), (12, 4), textcoords="offset points", color=TEST)
    axes.annotate("L = (w x + b − y)²", (2.75, 2.25), (-46, 44), textcoords="offset points", color=TRAIN, ha="center")
    axes.set_xlabel("weight w")
    axes.set_ylabel("loss L")
    axes.set_ylim(-0.5, 15)
    plain_axes(axes)


def checks(axes: Axes) -> None:
    """Chapter 6: the relative error of three numeric derivatives by their step."""

    def f(v: complex) -> complex:
        return complex(np.exp(v) / (np.sin(v) ** 3 + np.cos(v) ** 3))

    v, steps = 1.5, 10.0 ** np.arange(-20, 0.01, 0.25)
    s, c = np.sin(v), np.cos(v)
    right = f(v).real * (1 - 3 * (s**2 * c - c**2 * s) / (s**3 + c**3))
    estimates: dict[str, Callable[[float], float]] = {
        "forward difference": lambda h: (f(v + h) - f(v)).real / h,
        "central difference": lambda h: (f(v + h) - f(v - h)).real / (2 * h),
        "complex step": lambda h: f(v + 1j * h).imag / h,
    }
    places = ((4e-12, 3e-4, "left"), (2e-8, 3e-11, "right"), (1e-12, 3e-15, "center"))
    for (name, estimate), color, (x, y, side) in zip(
        estimates.items(), COLORS[1::-1] + COLORS[2:], places, strict=False
    ):
        axes.loglog(steps, [max(abs(estimate(h) / right - 1), 1e-17) for h in steps], color=color, linewidth=1.8)
        axes.text(x, y, name, color=color, ha=side)
    axes.set_xlim(steps[0], steps[-1])
    axes.set_ylim(1e-18, 3)
    axes.set_xlabel("step h")
    axes.set_ylabel("relative error")
    plain_axes(axes)


def batch_norm(axes: Axes) -> None:
    """Chapter 7: the standard deviation of ten layers' outputs, for three scales of the initial weights."""
    ends, depth, width = [], 10, 100
    for with_norm, color in ((False, TEST), (True, TRAIN)):
        for scale in (0.5, 1.0, 2.0):
            rng = np.random.default_rng(0)
            out, found = rng.normal(size=(500, width)), []
            for _ in range(depth):
                out = LinearModule(width, width, init=normal(scale / np.sqrt(width)), rng=rng).forward(out)
                found.append(float(out.std()))
                if with_norm:
                    out = BatchNorm(width).forward(out)
            axes.plot(range(1, depth + 1), found, color=color, marker="o", markersize=3.5)
            if not with_norm:
                ends.append(End(f"weights × {scale:g}", depth, found[-1], color))
    axes.set_yscale("log")
    axes.plot([], [], color=TEST, label="linear layers")
    axes.plot([], [], color=TRAIN, label="with batch norm between them")
    axes.legend(frameon=False, loc="upper left")
    axes.set_xlabel("layer")
    axes.set_ylabel("std of the layer's output")
    plain_axes(axes)
    label_ends(axes, ends)


def windows(figure: Figure) -> None:
    """Chapter 8: a 4 × 4 image, and its four 3 × 3 windows as the rows of a matrix."""
    left, right = figure.subplots(1, 2, width_ratios=(1, 2.1))
    image = np.arange(16).reshape(4, 4)
    _cells(left, image)
    for number, (i, j) in enumerate(np.ndindex(2, 2)):
        shift = 0.06 * number - 0.09
        left.add_patch(Rectangle((j + shift, i + shift), 3, 3, fill=False, edgecolor=COLORS[number], linewidth=2.5))
    left.set_title("image, four windows", fontsize=11)
    rows = np.array([image[i : i + 3, j : j + 3].ravel() for i, j in np.ndindex(2, 2)])
    _cells(right, rows)
    for number in range(4):
        right.add_patch(Rectangle((0.05, number + 0.05), 8.9, 0.9, fill=False, edgecolor=COLORS[number], linewidth=2.5))
    right.set_title("X: a row for each window, out = X Wᵀ", fontsize=11)


def _cells(axes: Axes, numbers: np.ndarray) -> None:
    for (i, j), number in np.ndenumerate(numbers):
        axes.add_patch(Rectangle((j, i), 1, 1, facecolor="white", edgecolor="0.8"))
        axes.text(j + 0.5, i + 0.5, f"x{number}", ha="center", va="center", fontsize=10, color="0.2")
    axes.set_xlim(-0.2, numbers.shape[1] + 0.2)
    axes.set_ylim(numbers.shape[0] + 0.2, -0.2)
    axes.set_aspect("equal")
    axes.set_axis_off()


def main() -> None:
    """Draw."""
    for name, draw in (("slope", slope), ("checks", checks), ("batch_norm", batch_norm)):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        draw(figure.subplots())
        save(HERE / f"learn_{name}.png", figure)
    figure = Figure(figsize=(8, 2.9), layout="constrained")
    windows(figure)
    save(HERE / "learn_windows.png", figure)


if __name__ == "__main__":
    main()
