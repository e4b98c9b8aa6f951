"""Graphs as text."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.autodiff import Linear, TensorNode, concatenate, explain, relu, softmax
from mlp_numpy.errors import DTypeError, OptionError


def test_a_graph_with_a_shared_node_before_and_after_backward() -> None:
    x = TensorNode([[1.0, 2.0], [3.0, 4.0]], name="x")
    loss = (x * x).sum() * 2.0
    loss.name = "loss"
    assert explain(loss) == "\n".join(
        [
            "loss () float64 = 60, from Multiply",
            "├─ () float64 = 30, from Sum",
            "│  └─ (2, 2) float64, from Multiply",
            "│     ├─ #1 x (2, 2) float64, leaf",
            "│     └─ #1 again",
            "└─ () float64 = 2, constant",
        ]
    )
    loss.backward()
    # grad of x·x: 2 everywhere, length 4; of x: 2·2x = 4 (1 2; 3 4), length 4 √30 = 21.91
    assert explain(loss) == "\n".join(
        [
            "loss () float64 = 60, from Multiply   grad 1",
            "├─ () float64 = 30, from Sum          grad 2",
            "│  └─ (2, 2) float64, from Multiply   grad norm 4",
            "│     ├─ #1 x (2, 2) float64, leaf    grad norm 21.91",
            "│     └─ #1 again",
            "└─ () float64 = 2, constant",
        ]
    )
    loss.zero_grad()
    assert "grad" not in explain(loss)


def test_numbers_go_to_what_is_used_twice_in_the_order_of_the_tree() -> None:
    a, b = TensorNode([1.0], name="a"), TensorNode([2.0], name="b")
    c = a + b
    text = explain(c * b + c.exp())
    assert [line.strip("│├└─ ").split(", from")[0].split(", leaf")[0] for line in text.splitlines()] == [
        f"(1,) float64 = {3 * 2 + np.exp(3):.4g}",
        "(1,) float64 = 6",
        "#1 (1,) float64 = 3",
        "a (1,) float64 = 1",
        "#2 b (1,) float64 = 2",
        "#2 again",
        f"(1,) float64 = {np.exp(3):.4g}",
        "#1 again",
    ]


def test_explaining_changes_no_gradient() -> None:
    x = TensorNode([1.0, 2.0])
    for _ in range(2):
        loss = (x * x).sum()
        loss.backward()
        explain(loss)
    np.testing.assert_array_equal(x.grad, [4, 8])


def test_a_large_graph_is_cut_and_a_deep_one_is_no_trouble() -> None:
    x = TensorNode(np.ones(2))
    y = x
    for _ in range(5000):
        y = relu(y)
    text = explain(y, max_lines=10)
    assert len(text.splitlines()) == 11
    assert text.endswith("…")
    with pytest.raises(OptionError, match="max_lines must be ≥ 1, got 0"):
        explain(y, max_lines=0)


def test_a_layer_shows_its_parameters() -> None:
    text = explain(Linear(3, 2, rng=0)(TensorNode(np.ones((4, 3)), name="x", needs_grad=False)))
    assert "w (2, 3) float64, leaf" in text
    assert "b (1, 2) float64, leaf" in text
    assert "x (4, 3) float64, constant" in text


@pytest.mark.parametrize("wrong", [None, [], 1.0])
def test_only_nodes_have_a_graph(wrong: Any) -> None:
    with pytest.raises(OptionError, match="explain: node must be a node of a graph, got"):
        explain(wrong)
    with pytest.raises(DTypeError, match="softmax: x must be a TensorNode, got"):
        softmax(wrong)
    with pytest.raises(OptionError, match="concatenate: nodes must be a list of TensorNodes"):
        concatenate(wrong)
