"""Random networks of every builder, with random weights and running statistics, and a batch for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_numpy import MLP, ConvNet, Module, ResidualMLP, SmallConvNet, TwoLayerNet, WhitenedConvNet, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.models import Network
from mlp_numpy.modules import GELUModule, IdentityModule, SigmoidModule, SiLUModule, SoftMaxModule, TanhModule


def _mlp(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    hidden = list(rng.integers(1, 20, size=rng.integers(0, 4)))
    norm, dropout = bool(rng.integers(2)), float(rng.choice([0, 0.3]))
    return MLP(int(rng.integers(1, 30)), hidden, int(rng.integers(1, 6)), batch_norm=norm, dropout=dropout, **options)


def _residual_mlp(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    return ResidualMLP(*map(int, rng.integers(1, 12, size=4)), **options)


def _two_layer_net(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    f = (TanhModule, SiLUModule, GELUModule)[rng.integers(3)]()
    g = (IdentityModule, SigmoidModule, SoftMaxModule)[rng.integers(3)]()
    return TwoLayerNet(*map(int, rng.integers(1, 20, size=3)), f, g, **options)


def _conv_net(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    shape = (int(rng.integers(1, 4)), *map(int, rng.integers(4, 17, size=2)))
    classes, norm = int(rng.integers(1, 6)), bool(rng.integers(2))
    return ConvNet(shape, classes, extra_norm=norm, n_first=int(rng.integers(1, 4)), **options)


def _small_conv_net(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    shape = (int(rng.integers(1, 4)), *map(int, rng.integers(16, 25, size=2)))
    return SmallConvNet(shape, int(rng.integers(1, 6)), **options)


def _whitened_conv_net(rng: np.random.Generator, options: dict[str, Any]) -> Network:
    shape = (int(rng.integers(1, 4)), *map(int, rng.integers(9, 20, size=2)))
    return WhitenedConvNet(shape, int(rng.integers(1, 6)), n_first=int(rng.integers(1, 4)), **options)


BUILDERS: dict[str, Callable[[np.random.Generator, dict[str, Any]], Network]] = {
    "MLP": _mlp,
    "ResidualMLP": _residual_mlp,
    "TwoLayerNet": _two_layer_net,
    "ConvNet": _conv_net,
    "SmallConvNet": _small_conv_net,
    "WhitenedConvNet": _whitened_conv_net,
}


def random_net(builder: str, seed: int, dtype: Any = np.float32) -> tuple[Network, Array]:
    """A network in evaluation mode and a batch of rows."""
    rng = np.random.default_rng([seed, *builder.encode()])
    net = BUILDERS[builder](rng, {"rng": rng, "init": kaiming(), "dtype": dtype})
    randomize(net, rng)
    return net.eval(), rng.normal(size=(3, net.n_inputs)).astype(dtype)


def randomize(net: Module, rng: np.random.Generator) -> None:
    """Random scales, shifts, biases and running statistics, which start equal."""
    state = net.state()
    for name, array in state.items():
        if array.ndim == 1 and array.dtype.kind == "f":
            state[name] = rng.uniform(0.5, 2, array.shape) if "variance" in name else rng.normal(size=array.shape) / 4
    net.load_state(state)
