"""The rows of layers, activations and nets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from mlp_numpy.audit import compositions, twins
from mlp_numpy.audit.draws import Draws, Sample
from mlp_numpy.audit.row import Draw, Row
from mlp_numpy.models import MLP
from mlp_numpy.modules import LeakyReLUModule, LinearModule, Module, ReLUModule, Sequential, SoftMaxModule


def _linear(draws: Draws, variant: str) -> Sample:
    n, d, m = draws.shape(3)
    layer = LinearModule(d, m, input_layer=variant == "input layer")
    return Sample(draws.filled(layer), draws.numbers(n, d))


def _on_any_shape(make: Callable[[Draws], Module], kinked: bool) -> Draw:
    """A module that acts on each number by itself."""

    def draw(draws: Draws, variant: str) -> Sample:
        x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
        return Sample(draws.filled(make(draws)), x, kinked=kinked and draws.tied)

    return draw


def _softmax(draws: Draws, variant: str) -> Sample:
    return Sample(SoftMaxModule(), draws.numbers(*draws.shape(2)))


def _sequential(draws: Draws, variant: str) -> Sample:
    n, d, h, m = draws.shape(4)
    net = Sequential(LinearModule(d, h), ReLUModule(), LinearModule(h, m))
    return _beside_kinks(draws, net, n, d)


def _mlp(draws: Draws, variant: str) -> Sample:
    n, d, c = draws.shape(3)
    hidden = [] if draws.case == 0 else list(draws.shape(int(draws.rng.integers(3))))
    return _beside_kinks(draws, MLP(d, hidden, c, 0.1), n, d)


def _beside_kinks(draws: Draws, net: Sequential, n: int, d: int) -> Sample:
    """A net with weights and a batch that bring no hidden unit near the kink of its activation."""
    while True:
        draws.filled(net)
        x = draws.numbers(n, d)
        out, margin = x, np.inf
        for module in net:
            if isinstance(module, LeakyReLUModule | ReLUModule):
                margin = min(margin, float(abs(out).min()))
            out = module.forward(out)
        if margin > 1e-3:
            return Sample(net, x)


def _slope(draws: Draws) -> Module:
    return LeakyReLUModule(float(np.float32(draws.rng.choice([0.0, 0.02, 0.25, 1.0, -0.5, 2.0]))))


LAYERS: Final = (
    Row("linear", LinearModule, _linear, compositions.linear, twins.linear, ("", "input layer")),
    Row("leaky relu", LeakyReLUModule, _on_any_shape(_slope, True), compositions.leaky_relu, twins.leaky_relu),
    Row("relu", ReLUModule, _on_any_shape(lambda draws: ReLUModule(), True), compositions.relu, twins.relu),
    Row("softmax", SoftMaxModule, _softmax, compositions.softmax, twins.softmax),
    Row("sequential", Sequential, _sequential),
    Row("mlp", MLP, _mlp),
)
