"""Settings of a search that ends in a moment."""

from __future__ import annotations

from mlp_numpy.search import Space

BASE = {
    "dataset": "few-shapes",
    "validation": 100,
    "batch": 20,
    "steps": 6,
    "eval_every": 3,
    "preprocessing": "standardize",
    "init": "kaiming",
}


def grid() -> Space:
    return Space(BASE, {"lr": [1e-1, 1e-2], "weight_decay": [0.0, 1e-4], "hidden": [(4,), ()]})
