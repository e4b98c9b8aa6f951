"""The specs of modules composed of other modules."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.activations import SERIES_REACHES
from mlp_numpy.checking.specs.spec import Shapes, Spec, no_rows_of
from mlp_numpy.models import MLP, ConvNet, Network, ResidualMLP, SmallConvNet, TwoLayerNet, WhitenedConvNet
from mlp_numpy.modules import (
    BatchNorm,
    Dropout,
    GELUModule,
    LeakyReLUModule,
    LinearModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    Residual,
    Sequential,
    SigmoidModule,
    TanhModule,
)

_DIRECTIONS: Final = 1


def _sequential(draws: Sampler, variant: str) -> Sample:
    """In every second case without a kink, and with what is not the same in every forward."""
    n, d, h, m = draws.shape(4)
    if draws.case % 2 == 0:
        return _beside_kinks(draws, Sequential(LinearModule(d, h), ReLUModule(), LinearModule(h, m)), n, d)
    net = Sequential(LinearModule(d, h), BatchNorm(h, 1 / 4), TanhModule(), Dropout(0.25, rng=draws.rng))
    return Sample(draws.filled(net), draws.numbers(n, d))


def _residual(draws: Sampler, variant: str) -> Sample:
    n, d, h = draws.shape(3)
    return _beside_kinks(draws, Residual(LinearModule(d, h), ReLUModule(), LinearModule(h, d)), n, d)


def _mlp(draws: Sampler, variant: str) -> Sample:
    n, d, c = draws.shape(3)
    hidden = [] if draws.case == 0 else list(draws.shape(int(draws.rng.integers(3))))
    return _beside_kinks(draws, MLP(d, hidden, c, 0.1), n, d)


def _residual_mlp(draws: Sampler, variant: str) -> Sample:
    n, d, h, c = draws.shape(4, most=3)
    return _beside_kinks(draws, ResidualMLP(d, c, h, draws.size(2)), n, d)


def _two_layer_net(draws: Sampler, variant: str) -> Sample:
    n, d, h, m = draws.shape(4)
    return _beside_kinks(draws, TwoLayerNet(d, h, m, TanhModule(), SigmoidModule()), n, d)


def _conv_net(draws: Sampler, variant: str) -> Sample:
    n, c, h, w, m = draws.shape(5)
    net = ConvNet((c, h, w), m, extra_norm=draws.case % 2 == 1, n_first=draws.size(2))
    for _, leaf in net.leaves():
        if isinstance(leaf, BatchNorm):
            leaf.eps = 1 / 4  # a small eps makes the curvature too large for central differences
    return _beside_kinks(draws, net, n, c * h * w, deep=True)


def _small_conv_net(draws: Sampler, variant: str) -> Sample:
    n, c, m = draws.shape(3, most=3)
    h, w = draws.size(18, least=16), draws.size(18, least=16)
    return _beside_kinks(draws, SmallConvNet((c, h, w), m), n, c * h * w, deep=True)


def _whitened_conv_net(draws: Sampler, variant: str) -> Sample:
    n, m = draws.shape(2, most=3)
    h, w = draws.size(11, least=9), draws.size(11, least=9)
    net = WhitenedConvNet((1, h, w), m, n_first=draws.size(2))
    for _, leaf in net.leaves():
        if isinstance(leaf, BatchNorm):
            leaf.eps = 4.0  # what a GELU is given stays where the series of its reference converges
    return _beside_kinks(draws, net, n, h * w, deep=True, scale=1 / 16)


def _beside_kinks(draws: Sampler, net: Module, n: int, d: int, *, deep: bool = False, scale: float = 1.0) -> Sample:
    """A net with weights and a batch for which no hidden unit is near the kink of its activation.

    deep    the net has many layers, so the weights preserve the scale, and is differentiated along directions
    scale   factor on the batch, a power of two
    """
    while True:
        (draws.tempered if deep else draws.filled)(net)
        x = draws.numbers(n, d) * scale
        margin = _through(net, x)[1]
        net.clear_cache()
        if margin > 1e-3:
            return Sample(net, x, directions=_DIRECTIONS if deep else 0)


def _through(module: Module, x: Array) -> tuple[Array, float]:
    """The output for ``x``, and the smallest distance of any activation to a kink."""
    if isinstance(module, LeakyReLUModule | ReLUModule):
        return module.forward(x), float(abs(x).min())
    if isinstance(module, MaxPool2dModule):
        return module.forward(x), _lead(module, x)
    if isinstance(module, GELUModule):
        return module.forward(x), SERIES_REACHES - float(abs(x).max())
    if not module.children():
        return module.forward(x), np.inf
    out, margin = x, np.inf
    for child in module.children().values():
        out, found = _through(child, out)
        margin = min(margin, found)
    return x + out if isinstance(module, Residual) else out, margin


def _lead(pool: MaxPool2dModule, x: Array) -> float:
    """The smallest lead of a window's maximum over the next value; ignores windows of zeros, from a ReLU."""
    (height, width), (down, right), (top, left) = pool.windows.kernel, pool.windows.stride, pool.windows.padding
    around = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)), constant_values=-np.inf)
    seen = np.lib.stride_tricks.sliding_window_view(around, (height, width), axis=(2, 3))[:, :, ::down, ::right]
    if height * width == 1:
        return np.inf
    ordered = np.sort(seen.reshape(-1, height * width))
    ordered = ordered[ordered[:, -1] != 0]
    return float(np.min(ordered[:, -1] - ordered[:, -2], initial=np.inf))


def _no_rows(module: Network) -> Shapes:
    return no_rows_of(module.n_inputs)


NETS: Final = (
    Spec("sequential", Sequential, _sequential),
    Spec("residual", Residual, _residual),
    Spec("mlp", MLP, _mlp, wrong_shapes=_no_rows),
    Spec("residual mlp", ResidualMLP, _residual_mlp, wrong_shapes=_no_rows),
    Spec("two-layer net", TwoLayerNet, _two_layer_net, wrong_shapes=_no_rows),
    Spec("conv net", ConvNet, _conv_net, wrong_shapes=_no_rows),
    Spec("small conv net", SmallConvNet, _small_conv_net, wrong_shapes=_no_rows),
    Spec("whitened conv net", WhitenedConvNet, _whitened_conv_net, wrong_shapes=_no_rows),
)
