"""Graphs as pictures: nothing overlaps, every arrow points down, and the picture says what the text says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from PIL import Image

from mlp_numpy.autodiff import Linear, TensorNode, logceloss, logsoftmax, sigmoid
from mlp_numpy.errors import OptionError
from mlp_numpy.viz import draw_graph, save_graph
from mlp_numpy.viz.layers import layout


def loss() -> TensorNode:
    x = TensorNode(np.ones((4, 3)), name="x", needs_grad=False)
    node = logceloss(logsoftmax(Linear(5, 2, rng=1)(sigmoid(Linear(3, 5, rng=0)(x)))), np.array([0, 1, 1, 0]))
    node.backward()
    return node


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, list[int]], dict[int, float]]:
    """A graph in which every node but the last is used by some later ones."""
    n = draw(st.integers(1, 15))
    users = {
        i: draw(st.lists(st.integers(i + 1, n - 1), min_size=1, max_size=3)) if i < n - 1 else [] for i in range(n)
    }
    return users, {i: draw(st.floats(0.1, 3)) for i in range(n)}


@settings(max_examples=60, deadline=None)
@given(graphs())
@pytest.mark.slow
def test_nothing_overlaps_and_every_arrow_points_down(graph: tuple[dict[int, list[int]], dict[int, float]]) -> None:
    users, widths = graph
    found = layout(dict(users), dict(widths), 0.2)
    assert found.places.keys() == users.keys()
    for node, others in users.items():
        for user in others:
            route = found.routes[node, user]
            assert route[0] == found.places[node]
            assert route[-1] == found.places[user]
            assert all(lower[1] == upper[1] - 1 for upper, lower in pairwise(route))
    rows: dict[int, list[tuple[float, float]]] = {}
    for node, (x, row) in found.places.items():
        rows.setdefault(row, []).append((x - widths[node] / 2, x + widths[node] / 2))
    for spans in rows.values():
        assert all(right + 0.2 <= left + 1e-9 for (_, right), (left, _) in pairwise(sorted(spans)))


def test_the_picture_has_a_box_a_node_and_an_oval_an_operation() -> None:
    axes = Figure().add_subplot()
    width, height = draw_graph(axes, loss())
    texts = [text.get_text() for text in axes.texts]
    assert sum(text == "BatchMM" for text in texts) == 2
    assert any(text.startswith("w (5, 3) float64\ngrad norm ") for text in texts)
    assert "x (4, 3) float64" in texts
    assert any(text.startswith("() float64 = ") and text.endswith("grad 1") for text in texts)
    assert 2 < width < 8
    assert height > width


@pytest.mark.slow
def test_a_saved_graph_is_a_picture_of_its_size(tmp_path: Path) -> None:
    x = TensorNode(np.ones((2, 2)), name="x")
    save_graph(tmp_path / "small.png", x + x, "a sum")
    save_graph(tmp_path / "large.png", loss())
    with Image.open(tmp_path / "small.png") as small, Image.open(tmp_path / "large.png") as large:
        assert small.height < large.height
        assert small.getextrema() != [(255, 255)] * 4


def test_a_graph_that_no_page_holds_is_refused() -> None:
    y = TensorNode(1.0)
    for _ in range(100):
        y = sigmoid(y)
    with pytest.raises(OptionError, match="at most 120 nodes to be drawn, got 201. Hint: explain prints"):
        draw_graph(Figure().add_subplot(), y)
