"""The process in which a milestone trains a learner's network; it sees no label of what it is judged by.

    python -m mlp_numpy.learn.training_worker FILE

FILE is a JSON file of ``Training``. Beside it lies data.npz with x, y (one-hot rows) and test_x; there trained.npz gets
the scores of test_x, and the hidden units of x with what the learner's ``dead_units`` says of them, if there is one.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.optim import SGD, FlatParameters


def train_from(file: Path) -> None:
    """Train as ``file`` says."""
    settings: dict[str, Any] = json.loads(file.read_bytes())
    sys.path.insert(0, settings["folder"])
    with np.load(file.with_name("data.npz"), allow_pickle=False) as stored:
        x, y, test_x = stored["x"], stored["y"], stored["test_x"]
    answers: Any = importlib.import_module("dead_relu") if settings["cure"] else None
    scale, summed = settings["scale"], settings["summed"]
    if settings["cure"] == "theirs":
        scale, summed = float(answers.PIXELS), {"sum": True, "mean": False}[answers.LOSS]
    found = _trained(settings, x * scale, y, test_x * scale, summed)
    if answers is not None:
        found["dead"] = np.asarray(answers.dead_units(found["hidden"].copy()), bool)
    np.savez(file.with_name("trained.npz"), **found)


def _trained(settings: dict[str, Any], x: Any, y: Any, test_x: Any, summed: bool) -> dict[str, Any]:
    """Train the network that ``own_net.build`` makes by the learner's loss; returns scores and hidden units."""
    build: Any = importlib.import_module("own_net").build
    loss: Any = importlib.import_module("softmax_cross_entropy")
    rng = np.random.default_rng(settings["seed"])
    net = build((1, 1, x.shape[1]), y.shape[1], rng)
    optimizer = SGD(FlatParameters(net), lr=settings["lr"], momentum=settings["momentum"])
    for _ in range(settings["steps"]):
        rows = rng.integers(len(x), size=settings["batch"])
        scores = net.forward(x[rows])
        net.backward(loss.backward(float(len(rows)) if summed else 1.0, scores, y[rows]))
        optimizer.step()
    layers = [layer for _, layer in net.leaves()]
    return {"scores": net.forward(test_x), "hidden": layers[1].forward(layers[0].forward(x))}


if __name__ == "__main__":
    train_from(Path(sys.argv[1]))
