"""The specs of smooth activations: sampler, forward from elementary formulas, and PyTorch's version of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import pi, sqrt
from typing import Any, Final

from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.rectifiers import on_any_shape, setting
from mlp_numpy.checking.specs.spec import Draw, Params, Shapes, Spec, Tensor, functional
from mlp_numpy.modules import (
    ELUModule,
    GELUModule,
    IdentityModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    MishModule,
    Module,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
)

SERIES_REACHES: Final = 4.5
"""The largest |x| for which the reference of GELU, a series, has the digits that it is asked for."""


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


def _log_sigmoid_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """log(1 / (1 + exp(−x)))"""
    return (1 / (1 + (-x).exp())).log()


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


def _identity_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """x"""
    return torch.nn.Identity()(x) * 1


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


def _elu(draws: Sampler, variant: str) -> Module:
    return ELUModule(setting(draws, 0.25, 0.5, 1.0, -0.5, 2.0))


def _gelu(draws: Sampler, variant: str) -> Module:
    return GELUModule("tanh" if variant == "tanh" else "none")


def _softplus(draws: Sampler, variant: str) -> Module:
    return SoftplusModule(setting(draws, 0.5, 1.0, 3.0))


ACTIVATIONS: Final = (
    Spec(
        "elu",
        ELUModule,
        on_any_shape(_elu, kinked=True),
        _elu_reference,
        functional("elu", lambda module: {"alpha": module.alpha}),
    ),
    Spec(
        "selu",
        SELUModule,
        on_any_shape(lambda draws, variant: SELUModule(), kinked=True),
        _selu_reference,
        functional("selu"),
    ),
    Spec(
        "gelu",
        GELUModule,
        on_any_shape(_gelu, within=SERIES_REACHES),
        _gelu_reference,
        functional("gelu", lambda module: {"approximate": module.approximate}),
        ("exact", "tanh"),
    ),
    Spec("mish", MishModule, on_any_shape(lambda draws, variant: MishModule()), _mish_reference, functional("mish")),
    Spec(
        "log-sigmoid",
        LogSigmoidModule,
        on_any_shape(lambda draws, variant: LogSigmoidModule()),
        _log_sigmoid_reference,
        functional("logsigmoid"),
    ),
    Spec("silu", SiLUModule, on_any_shape(lambda draws, variant: SiLUModule()), _silu_reference, functional("silu")),
    Spec(
        "softplus",
        SoftplusModule,
        on_any_shape(_softplus),
        _softplus_reference,
        functional("softplus", lambda module: {"beta": module.beta, "threshold": 1000}),
    ),
    Spec(
        "sigmoid",
        SigmoidModule,
        on_any_shape(lambda draws, variant: SigmoidModule()),
        _sigmoid_reference,
        functional("sigmoid"),
    ),
    Spec("tanh", TanhModule, on_any_shape(lambda draws, variant: TanhModule()), _tanh_reference, functional("tanh")),
    Spec(
        "identity",
        IdentityModule,
        on_any_shape(lambda draws, variant: IdentityModule()),
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
