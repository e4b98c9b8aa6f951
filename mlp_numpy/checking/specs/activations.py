"""The specs of activations: sampler, forward from elementary formulas, and PyTorch's version of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any, Final

import numpy as np

from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Params, Shapes, Spec, Tensor, functional
from mlp_numpy.modules import (
    ELUModule,
    GELUModule,
    HardswishModule,
    IdentityModule,
    LeakyReLUModule,
    LogSoftMaxModule,
    MishModule,
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


def _leaky_relu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x) − α max(0, −x), at 0 with the slope α of the second branch"""
    return where(x.value.real > 0, x, module.neg_slope * x)


def _relu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """c max(0, x)"""
    return where(x.value.real > 0, module.scale * x, 0.0)


def _prelu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """max(0, x) + a min(0, x), at 0 with the slope a; one a per feature along axis 1, or a single one"""
    (slope,) = params
    if slope.shape != (1,):
        slope = slope.reshape(-1, *(1,) * (len(x.shape) - 2))
    return where(x.value.real > 0, x, slope * x)


def _elu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x above 0, α (exp x − 1) below"""
    return _elu_on_nodes(module.alpha, x)


def _selu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """λ ELU(x)"""
    return 1.0507009873554804934 * _elu_on_nodes(1.6732632423543772848, x)


def _gelu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x Φ(x), Φ as its series; or ½ x (1 + tanh u)"""
    if module.approximate == "tanh":
        return x / 2 * (1 + (sqrt(2 / pi) * (x + 0.044715 * x**3)).tanh())
    # Φ(x) = ½ + φ(x) Σ x^(2k+1) / (1·3·5···(2k+1)), which converges for every x; 80 terms do up to |x| = 5.
    term = total = x
    for k in range(1, 80):
        term = term * x * x / (2 * k + 1)
        total = total + term
    return x * (0.5 + (-x * x / 2).exp() / sqrt(2 * pi) * total)


def _silu_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x / (1 + exp(−x))"""
    return x / (1 + (-x).exp())


def _softplus_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """log(1 + exp βx) / β"""
    out: TensorNode = (1 + (module.beta * x).exp()).log() / module.beta
    return out


def _mish_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x tanh(log(1 + exp x))"""
    return x * (1 + x.exp()).log().tanh()


def _hardswish_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x (6 − max(0, 6 − max(0, x + 3))) / 6"""
    return x * (6 - (6 - (x + 3).relu()).relu()) / 6


def _sigmoid_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """1 / (1 + exp(−x))"""
    return 1 / (1 + (-x).exp())


def _tanh_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """(exp x − exp(−x)) / (exp x + exp(−x))"""
    return (x.exp() - (-x).exp()) / (x.exp() + (-x).exp())


def _identity_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x"""
    return 1 * x


def softmax_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """exp xᵢ / Σⱼ exp xⱼ along the module's axis; for a loss, that of the classes"""
    return x.exp() / x.exp().sum(axis=getattr(module, "axis", 1), keepdims=True)


def _log_softmax_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """log softmax(x)ᵢ"""
    return softmax_reference(module, params, x).log()


def _elu_on_nodes(alpha: float, x: TensorNode) -> TensorNode:
    return where(x.value.real > 0, x, alpha * (x.exp() - 1))


def _relu_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """c max(0, x)"""
    return module.scale * torch.nn.functional.relu(x)


def _identity_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """x"""
    return torch.nn.Identity()(x) * 1


def _on_any_shape(make: Callable[[Sampler, str], Module], kinked: bool = False, within: float = np.inf) -> Draw:
    """The spec of an elementwise module."""

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


def _no_features_of(n: int) -> Shapes:
    """What has not a slope for each of its features; one slope is for all of them."""
    return [(n,), (2, n + 1), (2, n + 1, 2)] if n > 1 else []


def _of_scores(make: Callable[[int], Module]) -> Draw:
    """Scores (N, C), in every second case with more axes and another one for the classes."""

    def draw(draws: Sampler, variant: str) -> Sample:
        if draws.case % 2 == 0:
            return Sample(make(1), draws.numbers(*draws.shape(2)))
        return Sample(make(int(draws.rng.choice([1, 2, -1, -2]))), draws.numbers(*draws.shape(3, most=3)))

    return draw


def _no_scores(module: Any) -> Shapes:
    """Shapes without a value, or without the axis after that of the batch."""
    return [(3,), (2, 0), (2, 0, 3), *([(2, 2)] if module.axis == 2 else [])]


def _setting(draws: Sampler, *values: float) -> float:
    """One of the values, rounded to float32."""
    return float(np.float32(draws.rng.choice(values)))


def _elu(draws: Sampler, variant: str) -> Module:
    return ELUModule(_setting(draws, 0.25, 0.5, 1.0, -0.5, 2.0))


def _gelu(draws: Sampler, variant: str) -> Module:
    return GELUModule("tanh" if variant == "tanh" else "none")


def _hardswish(draws: Sampler, variant: str) -> Sample:
    # Replace zeros by the kinks, both ends of the curved piece.
    x = 2 * draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
    x = np.where(x == 0, draws.rng.choice([-3.0, 3.0], x.shape), x) if draws.tied else x
    return Sample(HardswishModule(), x, kinked=bool((abs(abs(x) - 3) < 0.01).any()))


def _softplus(draws: Sampler, variant: str) -> Module:
    return SoftplusModule(_setting(draws, 0.5, 1.0, 3.0))


ACTIVATIONS: Final = (
    Spec(
        "leaky relu",
        LeakyReLUModule,
        _on_any_shape(_slope, kinked=True),
        _leaky_relu_reference,
        functional("leaky_relu", lambda module: {"negative_slope": module.neg_slope}),
    ),
    Spec("relu", ReLUModule, _on_any_shape(_relu, kinked=True), _relu_reference, _relu_in_torch, ("", "scaled")),
    Spec(
        "prelu",
        PReLUModule,
        _prelu,
        _prelu_reference,
        functional("prelu"),
        ("", "a slope a feature"),
        wrong_shapes=lambda module: _no_features_of(module.params["slope"].size),
    ),
    Spec(
        "elu",
        ELUModule,
        _on_any_shape(_elu, kinked=True),
        _elu_reference,
        functional("elu", lambda module: {"alpha": module.alpha}),
    ),
    Spec(
        "selu",
        SELUModule,
        _on_any_shape(lambda draws, variant: SELUModule(), kinked=True),
        _selu_reference,
        functional("selu"),
    ),
    Spec(
        "gelu",
        GELUModule,
        _on_any_shape(_gelu, within=_SERIES_REACHES),
        _gelu_reference,
        functional("gelu", lambda module: {"approximate": module.approximate}),
        ("exact", "tanh"),
    ),
    Spec("mish", MishModule, _on_any_shape(lambda draws, variant: MishModule()), _mish_reference, functional("mish")),
    Spec("hardswish", HardswishModule, _hardswish, _hardswish_reference, functional("hardswish")),
    Spec("silu", SiLUModule, _on_any_shape(lambda draws, variant: SiLUModule()), _silu_reference, functional("silu")),
    Spec(
        "softplus",
        SoftplusModule,
        _on_any_shape(_softplus),
        _softplus_reference,
        functional("softplus", lambda module: {"beta": module.beta, "threshold": 1000}),
    ),
    Spec(
        "sigmoid",
        SigmoidModule,
        _on_any_shape(lambda draws, variant: SigmoidModule()),
        _sigmoid_reference,
        functional("sigmoid"),
    ),
    Spec("tanh", TanhModule, _on_any_shape(lambda draws, variant: TanhModule()), _tanh_reference, functional("tanh")),
    Spec(
        "identity",
        IdentityModule,
        _on_any_shape(lambda draws, variant: IdentityModule()),
        _identity_reference,
        _identity_in_torch,
    ),
    Spec(
        "softmax",
        SoftMaxModule,
        _of_scores(SoftMaxModule),
        softmax_reference,
        functional("softmax", lambda module: {"dim": module.axis}),
        wrong_shapes=_no_scores,
    ),
    Spec(
        "log-softmax",
        LogSoftMaxModule,
        _of_scores(LogSoftMaxModule),
        _log_softmax_reference,
        functional("log_softmax", lambda module: {"dim": module.axis}),
        wrong_shapes=_no_scores,
    ),
)
