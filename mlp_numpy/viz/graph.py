"""A graph of nodes as a figure: values in boxes, formulas in ovals, from top to bottom."""

from __future__ import annotations

import os
from collections.abc import Hashable
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from mlp_numpy.autodiff import Node, OpNode
from mlp_numpy.autodiff.explain import describe_node, gradient_of
from mlp_numpy.errors import OptionError
from mlp_numpy.viz.curves import TEST, TRAIN, save
from mlp_numpy.viz.layers import Layout, layout

# Inches: row height, gap between neighbors, margin, letter width and line height at 8 points.
_ROW, _GAP, _MARGIN, _LETTER, _LINE = 0.62, 0.3, 0.25, 0.068, 0.15
_FONT: Final = 8
MAX_NODES: Final = 120


def draw_graph(axes: Axes, root: Node) -> tuple[float, float]:
    """Draw the graph below ``root``: leaves with a gradient in a blue frame, constants in gray, computed values in
    black; a box shows name, shape, dtype and, after ``backward``, the gradient.

    The unit of the axes is the inch. Returns the width and height in inches at which the text has its true size.

    Raises OptionError for a graph of more than 120 nodes, which does not fit on a page.
    """
    users = _users(root)
    if len(users) > MAX_NODES:
        raise OptionError(
            f"draw_graph: the graph must have at most {MAX_NODES} nodes to be drawn, got {len(users):,}. "
            "Hint: explain prints a graph of any size."
        )
    labels = {node: _label(node) for node in users}
    widths = {node: _LETTER * max(map(len, lines)) + 0.24 for node, lines in labels.items()}
    found = layout(users, widths, _GAP)
    left = min(x - widths[node] / 2 for node, (x, _) in found.places.items())
    right = max(x + widths[node] / 2 for node, (x, _) in found.places.items())
    bends = [x for route in found.routes.values() for x, _ in route]
    left, right = min(left, *bends, right) - _MARGIN, max(right, *bends, left) + _MARGIN
    top = _ROW * max(row for _, row in found.places.values()) + _ROW / 2 + _MARGIN
    bottom = -_ROW / 2 - _MARGIN
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_aspect("equal")
    axes.set_axis_off()
    _draw_arrows(axes, found, labels)
    for node, (x, row) in found.places.items():
        _draw_node(axes, node, labels[node], widths[node], x, _ROW * row)
    return right - left, top - bottom


def save_graph(path: str | os.PathLike[str], root: Node, title: str = "") -> None:
    """The graph below ``root`` as PNG, in the size that its text needs. Raises the errors of ``draw_graph``."""
    figure = Figure(figsize=(1, 1))
    headline = 0.4 if title else 0.0
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    width, height = draw_graph(axes, root)
    width = max(width, 0.1 * len(title))
    figure.set_size_inches(width, height + headline)
    axes.set_position((0.0, 0.0, 1.0, height / (height + headline)))
    if title:
        figure.text(0.5, 1 - 0.5 * headline / (height + headline), title, ha="center", va="center", fontsize=11)
    save(path, figure)


def _users(root: Node) -> dict[Hashable, list[Hashable]]:
    """Every node and operation below ``root`` with its users, in topological order."""
    order: dict[Hashable, list[Hashable]] = {}
    users: dict[Hashable, list[Hashable]] = {root: []}
    # Depth first: at its second visit, a node's inputs are done.
    stack: list[tuple[Node | OpNode, bool]] = [(root, False)]
    while stack:
        part, done = stack.pop()
        if done:
            order.setdefault(part, users[part])
            continue
        stack.append((part, True))
        sources = _sources(part)
        for source in reversed(sources):
            if source not in users:
                users[source] = []
                stack.append((source, False))
            users[source].append(part)
    return order


def _sources(part: Node | OpNode) -> list[Node | OpNode]:
    if isinstance(part, OpNode):
        return list(part.inputs)
    return [] if part.source is None else [part.source]


def _label(part: Hashable) -> list[str]:
    if isinstance(part, OpNode):
        return [part.op.__name__]
    if not isinstance(part, Node):
        return [""]
    words = describe_node(part).rpartition(", ")[0]
    return [line for line in (words, gradient_of(part)) if line]


def _draw_node(axes: Axes, part: Hashable, lines: list[str], width: float, x: float, y: float) -> None:
    height = _LINE * len(lines) + 0.1
    color = "black"
    if isinstance(part, OpNode):
        axes.add_patch(Ellipse((x, y), width + 0.1, height + 0.06, facecolor="#f6e8d8", edgecolor=TEST, linewidth=0.8))
    elif isinstance(part, Node):
        learned = part.is_leaf and part.needs_grad
        edge, face = (TRAIN, "#e6f1f8") if learned else ("black", "white") if part.source else ("0.6", "0.95")
        corner, style = (x - width / 2, y - height / 2), "round,pad=0,rounding_size=0.04"
        box = FancyBboxPatch(corner, width, height, boxstyle=style, facecolor=face, edgecolor=edge, linewidth=0.8)
        axes.add_patch(box)
        color = "0.35" if edge == "0.6" else "black"
    axes.text(x, y, "\n".join(lines), ha="center", va="center", fontsize=_FONT, color=color, linespacing=1.25)


def _draw_arrows(axes: Axes, found: Layout, labels: dict[Hashable, list[str]]) -> None:
    for (_, end), route in found.routes.items():
        points = [(x, _ROW * row) for x, row in route]
        for start, stop in zip(points[:-2], points[1:-1], strict=True):
            axes.plot(*zip(start, stop, strict=True), color="0.45", linewidth=0.8, zorder=0.5)
        x, y = points[-1]
        tip = (x, y + (_LINE * len(labels[end]) + 0.13) / 2)
        arrow = FancyArrowPatch(points[-2], tip, arrowstyle="-|>", mutation_scale=7, shrinkA=0, shrinkB=0)
        arrow.set(color="0.45", linewidth=0.8, zorder=0.5)
        axes.add_patch(arrow)
