"""Draws the graphs that ``docs/tape.md`` shows.

python plots/graphs.py
"""

from pathlib import Path

import numpy as np

import mlp_numpy.autodiff as vg
from mlp_numpy.viz import save_graph

HERE = Path(__file__).parent


def sum_of_squares() -> vg.TensorNode:
    """The loss of the page's first questions."""
    a = vg.TensorNode(np.array([[1.0, 2.0], [3.0, 4.0]]), name="a")
    b = vg.TensorNode(np.array([[0.5, 0.0], [0.0, 0.5]]), name="b")
    c = a + b
    c.name = "c"
    loss = (c * c).sum()
    loss.name = "loss"
    return loss


def mlp() -> vg.TensorNode:
    """The teaching engine's network: 784-64-10, sigmoid, logarithm of the softmax, summed cross-entropy."""
    rng = np.random.default_rng(0)
    layer1, layer2 = vg.Linear(784, 64, rng=rng), vg.Linear(64, 10, rng=rng)
    x = vg.TensorNode(rng.normal(size=(128, 784)), name="x", needs_grad=False)
    scores = layer2(vg.sigmoid(layer1(x)))
    loss = vg.logceloss(vg.logsoftmax(scores), rng.integers(10, size=128))
    scores.name, loss.name = "scores", "loss"
    return loss


def main() -> None:
    """Differentiate and draw."""
    for name, loss in (("graph_sum_of_squares", sum_of_squares()), ("graph_mlp", mlp())):
        loss.backward()
        save_graph(HERE / f"{name}.png", loss)


if __name__ == "__main__":
    main()
