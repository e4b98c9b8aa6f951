"""One row a module: how to make it, what it eats, and the composition of simple NumPy steps that it must equal.

A new layer is finished when it has its row here; ``test_laws.py`` holds every row to the same laws.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from case import Case, Rng
from cases_images import IMAGE_CASES
from cases_layers import LAYER_CASES
from cases_losses_activations import LOSSES_AND_ACTIVATIONS
from cases_nets import NET_CASES

from mlp_numpy import (
    MLP,
    CrossEntropyModule,
    LeakyReLUModule,
    LinearModule,
    Module,
    ReLUModule,
    Sequential,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    glorot,
    kaiming,
)
from mlp_numpy.arrays import Array, one_hot


def _normal(*shape: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.normal(size=(n, *shape))


def _probabilities(rng: Rng, n: int) -> Array:
    return rng.dirichlet(np.ones(4), size=n)


def _classes(rng: Rng, n: int) -> Array:
    return rng.integers(4, size=n)


def _one_hot(rng: Rng, n: int) -> Array:
    return one_hot(_classes(rng, n), 4)


def _slow_linear(module: Module, x: Array, y: Array | None) -> Array:
    weight, bias = module.params["weight"], module.params["bias"]
    out = np.zeros((len(x), len(bias)))
    for n, m in np.ndindex(*out.shape):
        out[n, m] = sum(x[n, d] * weight[m, d] for d in range(x.shape[1])) + bias[m]
    return out


def _slow_softmax(module: Module, x: Array, y: Array | None) -> Array:
    return np.array([[np.exp(value) / sum(np.exp(row)) for value in row] for row in x])


def _slow_leaky(slope: float) -> Callable[[Module, Array, Array | None], Array]:
    return lambda module, x, y: np.maximum(0, x) + slope * np.minimum(0, x)


def _rows_of_cross_entropy(p: Array, y: Array | None) -> Array:
    targets = y if y is not None and y.ndim == 2 else one_hot(y, p.shape[1])
    return np.array([-sum(t * np.log(q) for t, q in zip(*rows, strict=True)) for rows in zip(targets, p, strict=True)])


def _slow_cross_entropy(reduce: Callable[[Array], Array]) -> Callable[[Module, Array, Array | None], Array]:
    return lambda module, x, y: reduce(_rows_of_cross_entropy(x, y))


def _slow_fused(reduce: Callable[[Array], Array]) -> Callable[[Module, Array, Array | None], Array]:
    return lambda module, x, y: reduce(_rows_of_cross_entropy(_slow_softmax(module, x, y), y))


def _slow_sequential(module: Module, x: Array, y: Array | None) -> Array:
    slow = {LinearModule: _slow_linear, LeakyReLUModule: _slow_leaky(0.02), SoftMaxModule: _slow_softmax}
    for child in module.children().values():
        x = np.maximum(x, 0) if isinstance(child, ReLUModule) else slow[type(child)](child, x, None)
    return x


def _all(rows: Array) -> Array:
    return rows


_4, _2_by_4 = np.ones(4), np.ones((2, 4))

CASES = [
    Case("linear", lambda rng: LinearModule(5, 3, init=kaiming(), rng=rng), _normal(5), _slow_linear, wrong=_2_by_4),
    Case("linear 1 → 1", lambda rng: LinearModule(1, 1, init=glorot(), rng=rng), _normal(1), _slow_linear, wrong=_4),
    Case("leaky relu", lambda rng: LeakyReLUModule(0.02), _normal(4), _slow_leaky(0.02)),
    Case("leaky relu, slope 0", lambda rng: LeakyReLUModule(0), _normal(4), _slow_leaky(0)),
    Case("leaky relu, slope -2", lambda rng: LeakyReLUModule(-2), _normal(4), _slow_leaky(-2)),
    Case("leaky relu, slope 3, images", lambda rng: LeakyReLUModule(3), _normal(2, 3, 3), _slow_leaky(3)),
    Case("relu", lambda rng: ReLUModule(), _normal(4), _slow_leaky(0)),
    Case("softmax", lambda rng: SoftMaxModule(), _normal(4), _slow_softmax, wrong=np.ones((2, 2, 2))),
    Case("softmax, one class", lambda rng: SoftMaxModule(), _normal(1), _slow_softmax, wrong=np.ones(3)),
    Case(
        "sequential",
        lambda rng: Sequential(
            LinearModule(3, 4, init=kaiming(), rng=rng), ReLUModule(), LinearModule(4, 2, init=kaiming(), rng=rng)
        ),
        _normal(3),
        _slow_sequential,
        wrong=_2_by_4,
    ),
    Case("mlp", lambda rng: MLP(6, [5, 4], 3, init=kaiming(), rng=rng), _normal(6), _slow_sequential, wrong=_2_by_4),
    Case("mlp without hidden layers", lambda rng: MLP(6, [], 3, rng=rng), _normal(6), _slow_sequential, wrong=_4),
    *(
        Case(f"{name}, {kind}, {reduction}", make, sample, slow(reduce), labels, wrong=_4)
        for reduction, reduce in (("mean", np.mean), ("sum", np.sum), ("none", _all))
        for kind, labels in (("integers", _classes), ("one-hot", _one_hot), ("soft", _probabilities))
        for name, make, sample, slow in (
            ("cross-entropy", lambda rng, r=reduction: CrossEntropyModule(r), _probabilities, _slow_cross_entropy),
            ("softmax cross-entropy", lambda rng, r=reduction: SoftMaxCrossEntropyModule(r), _normal(4), _slow_fused),
        )
    ),
    *LOSSES_AND_ACTIVATIONS,
    *LAYER_CASES,
    *IMAGE_CASES,
    *NET_CASES,
]
