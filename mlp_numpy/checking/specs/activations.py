"""The rows of activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from mlp_numpy.checking.reference import activations as composed
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Spec
from mlp_numpy.checking.torch_reference import layers as twins
from mlp_numpy.modules import (
    ELUModule,
    GELUModule,
    IdentityModule,
    LeakyReLUModule,
    LogSoftMaxModule,
    Module,
    PReLUModule,
    ReLUModule,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
)

_SERIES_REACHES: Final = 4.5


def _on_any_shape(make: Callable[[Sampler, str], Module], kinked: bool = False, within: float = np.inf) -> Draw:
    """A module that acts on each number by itself."""

    def draw(draws: Sampler, variant: str) -> Sample:
        x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
        module = draws.filled(make(draws, variant))
        return Sample(module, np.clip(x, -within, within), kinked=kinked and draws.tied)

    return draw


def _slope(draws: Sampler, variant: str) -> Module:
    return LeakyReLUModule(_setting(draws, 0.0, 0.02, 0.25, 1.0, -0.5, 2.0))


def _relu(draws: Sampler, variant: str) -> Module:
    return ReLUModule(_setting(draws, 5.0, -0.5, 0.25)) if variant else ReLUModule()


def _prelu(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(3)), most=3)
    module = draws.filled(PReLUModule(shape[1] if variant else 1))
    return Sample(module, draws.numbers(*shape), kinked=draws.tied)


def _rows_of_scores(make: Callable[[], Module]) -> Draw:
    return lambda draws, variant: Sample(make(), draws.numbers(*draws.shape(2)))


def _setting(draws: Sampler, *values: float) -> float:
    """One of the values, as float32 knows it."""
    return float(np.float32(draws.rng.choice(values)))


def _elu(draws: Sampler, variant: str) -> Module:
    return ELUModule(_setting(draws, 0.25, 0.5, 1.0, -0.5, 2.0))


def _gelu(draws: Sampler, variant: str) -> Module:
    return GELUModule("tanh" if variant == "tanh" else "none")


def _softplus(draws: Sampler, variant: str) -> Module:
    return SoftplusModule(_setting(draws, 0.5, 1.0, 3.0))


ACTIVATIONS: Final = (
    Spec(
        "leaky relu",
        LeakyReLUModule,
        _on_any_shape(_slope, kinked=True),
        composed.leaky_relu,
        twins.functional("leaky_relu", lambda module: {"negative_slope": module.neg_slope}),
    ),
    Spec("relu", ReLUModule, _on_any_shape(_relu, kinked=True), composed.relu, twins.relu, ("", "scaled")),
    Spec("prelu", PReLUModule, _prelu, composed.prelu, twins.functional("prelu"), ("", "a slope a feature")),
    Spec(
        "elu",
        ELUModule,
        _on_any_shape(_elu, kinked=True),
        composed.elu,
        twins.functional("elu", lambda module: {"alpha": module.alpha}),
    ),
    Spec(
        "selu",
        SELUModule,
        _on_any_shape(lambda draws, variant: SELUModule(), kinked=True),
        composed.selu,
        twins.functional("selu"),
    ),
    Spec(
        "gelu",
        GELUModule,
        _on_any_shape(_gelu, within=_SERIES_REACHES),
        composed.gelu,
        twins.functional("gelu", lambda module: {"approximate": module.approximate}),
        ("exact", "tanh"),
    ),
    Spec(
        "silu", SiLUModule, _on_any_shape(lambda draws, variant: SiLUModule()), composed.silu, twins.functional("silu")
    ),
    Spec(
        "softplus",
        SoftplusModule,
        _on_any_shape(_softplus),
        composed.softplus,
        twins.functional("softplus", lambda module: {"beta": module.beta, "threshold": 1000}),
    ),
    Spec(
        "sigmoid",
        SigmoidModule,
        _on_any_shape(lambda draws, variant: SigmoidModule()),
        composed.sigmoid,
        twins.functional("sigmoid"),
    ),
    Spec(
        "tanh", TanhModule, _on_any_shape(lambda draws, variant: TanhModule()), composed.tanh, twins.functional("tanh")
    ),
    Spec(
        "identity",
        IdentityModule,
        _on_any_shape(lambda draws, variant: IdentityModule()),
        composed.identity,
        twins.identity,
    ),
    Spec(
        "softmax",
        SoftMaxModule,
        _rows_of_scores(SoftMaxModule),
        composed.softmax,
        twins.functional("softmax", lambda module: {"dim": 1}),
    ),
    Spec(
        "log-softmax",
        LogSoftMaxModule,
        _rows_of_scores(LogSoftMaxModule),
        composed.log_softmax,
        twins.functional("log_softmax", lambda module: {"dim": 1}),
    ),
)
