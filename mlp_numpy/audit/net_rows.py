"""The rows of modules that are made of modules."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.audit.draws import Draws, Sample
from mlp_numpy.audit.row import Row
from mlp_numpy.models import MLP, ResidualMLP, TwoLayerNet
from mlp_numpy.modules import (
    LeakyReLUModule,
    LinearModule,
    Module,
    ReLUModule,
    Residual,
    Sequential,
    SigmoidModule,
    TanhModule,
)


def _sequential(draws: Draws, variant: str) -> Sample:
    n, d, h, m = draws.shape(4)
    net = Sequential(LinearModule(d, h), ReLUModule(), LinearModule(h, m))
    return _beside_kinks(draws, net, n, d)


def _residual(draws: Draws, variant: str) -> Sample:
    n, d, h = draws.shape(3)
    return _beside_kinks(draws, Residual(LinearModule(d, h), ReLUModule(), LinearModule(h, d)), n, d)


def _mlp(draws: Draws, variant: str) -> Sample:
    n, d, c = draws.shape(3)
    hidden = [] if draws.case == 0 else list(draws.shape(int(draws.rng.integers(3))))
    return _beside_kinks(draws, MLP(d, hidden, c, 0.1), n, d)


def _residual_mlp(draws: Draws, variant: str) -> Sample:
    n, d, h, c = draws.shape(4, most=3)
    return _beside_kinks(draws, ResidualMLP(d, c, h, draws.size(2)), n, d)


def _two_layer_net(draws: Draws, variant: str) -> Sample:
    n, d, h, m = draws.shape(4)
    return _beside_kinks(draws, TwoLayerNet(d, h, m, TanhModule(), SigmoidModule()), n, d)


def _beside_kinks(draws: Draws, net: Module, n: int, d: int) -> Sample:
    """A net with weights and a batch that bring no hidden unit near the kink of its activation."""
    while True:
        draws.filled(net)
        x = draws.numbers(n, d)
        if _through(net, x)[1] > 1e-3:
            return Sample(net, x)


def _through(module: Module, x: Array) -> tuple[Array, float]:
    """The output for ``x``, and how near a number comes to a kink on the way."""
    if isinstance(module, LeakyReLUModule | ReLUModule):
        return module.forward(x), float(abs(x).min())
    if not module.children():
        return module.forward(x), np.inf
    out, margin = x, np.inf
    for child in module.children().values():
        out, found = _through(child, out)
        margin = min(margin, found)
    return x + out if isinstance(module, Residual) else out, margin


NETS: Final = (
    Row("sequential", Sequential, _sequential),
    Row("residual", Residual, _residual),
    Row("mlp", MLP, _mlp),
    Row("residual mlp", ResidualMLP, _residual_mlp),
    Row("two-layer net", TwoLayerNet, _two_layer_net),
)
