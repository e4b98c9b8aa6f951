"""The rows of the fully connected layer, normalization and dropout."""

from __future__ import annotations

from typing import Final

from mlp_numpy.checking.reference import layers as composed
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Spec
from mlp_numpy.checking.torch_reference import layers as twins
from mlp_numpy.modules import BatchNorm, Dropout, LayerNorm, LinearModule

# A constant feature makes the normalizations bend as ε^(-3/2): a small ε is for the complex step alone.
_EPS: Final = (1 / 16, 1 / 4, 1.0)


def _linear(draws: Sampler, variant: str) -> Sample:
    n, d, m = draws.shape(3)
    layer = LinearModule(d, m, input_layer=variant == "input layer")
    return Sample(draws.filled(layer), draws.numbers(n, d))


def _batch_norm(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    size = draws.shape(2, most=3) if variant == "images" else ()
    eps = float(draws.rng.choice(_EPS))
    layer = draws.filled(BatchNorm(c, eps, 0.25, running=variant != "always the batch"))
    if layer.buffers:
        layer.buffers["running_mean"][...] = draws.numbers(c)
        layer.buffers["running_variance"][...] = 1 / 4 + draws.numbers(c) ** 2
    return Sample(layer, draws.numbers(n, c, *size))


def _layer_norm(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(2)))
    layer = draws.filled(LayerNorm(shape[-1], float(draws.rng.choice(_EPS))))
    return Sample(layer, draws.numbers(*shape))


def _dropout(draws: Sampler, variant: str) -> Sample:
    x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
    p = float(draws.rng.choice([0.0, 0.25, 0.5, 0.75]))
    return Sample(Dropout(p, rng=draws.rng), x)


_BOTH: Final = ("train", "eval")

LAYERS: Final = (
    Spec("linear", LinearModule, _linear, composed.linear, twins.functional("linear"), ("", "input layer")),
    Spec(
        "batch norm",
        BatchNorm,
        _batch_norm,
        composed.batch_norm,
        twins.batch_norm,
        ("rows", "images", "always the batch"),
        _BOTH,
    ),
    Spec("layer norm", LayerNorm, _layer_norm, composed.layer_norm, twins.layer_norm),
    Spec("dropout", Dropout, _dropout, composed.dropout, twins.dropout, modes=_BOTH),
)
