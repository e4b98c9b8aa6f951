"""The specs of activations with straight pieces: sampler, forward from elementary formulas, PyTorch's version."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Params, Shapes, Spec, Tensor, functional
from mlp_numpy.modules import (
    HardswishModule,
    HardtanhModule,
    LeakyReLUModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
)


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


def _hardswish_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """x (6 − max(0, 6 − max(0, x + 3))) / 6"""
    return x * (6 - (6 - (x + 3).relu()).relu()) / 6


def _hardtanh_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """a for x ≤ a, b for x ≥ b, x between"""
    below = where(x.value.real <= module.min_val, module.min_val, x)
    return where(x.value.real >= module.max_val, module.max_val, below)


def _relu_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """c max(0, x)"""
    return module.scale * torch.nn.functional.relu(x)


def on_any_shape(make: Callable[[Sampler, str], Module], kinked: bool = False, within: float = np.inf) -> Draw:
    """The spec of an elementwise module."""

    def draw(draws: Sampler, variant: str) -> Sample:
        x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
        module = draws.filled(make(draws, variant))
        return Sample(module, np.clip(x, -within, within), kinked=kinked and draws.tied)

    return draw


def setting(draws: Sampler, *values: float) -> float:
    """One of the values, rounded to float32."""
    return float(np.float32(draws.rng.choice(values)))


def _slope(draws: Sampler, variant: str) -> Module:
    return LeakyReLUModule(setting(draws, 0.0, 0.02, 0.25, 1.0, -0.5, 2.0))


def _relu(draws: Sampler, variant: str) -> Module:
    return ReLUModule(setting(draws, 5.0, -0.5, 0.25)) if variant else ReLUModule()


def _prelu(draws: Sampler, variant: str) -> Sample:
    shape = draws.shape(2 + int(draws.rng.integers(3)), most=3)
    module = draws.filled(PReLUModule(shape[1] if variant else 1))
    return Sample(module, draws.numbers(*shape), kinked=draws.tied)


def _no_features_of(n: int) -> Shapes:
    """What has not a slope for each of its features; one slope is for all of them."""
    return [(n,), (2, n + 1), (2, n + 1, 2)] if n > 1 else []


def _clipped(make: Callable[[Sampler], Module], ends: Callable[[Any], tuple[float, float]]) -> Draw:
    """The spec of a module with two kinks, the ends of its middle piece."""

    def draw(draws: Sampler, variant: str) -> Sample:
        module = make(draws)
        low, high = ends(module)
        x = 2 * draws.numbers(*draws.shape(int(draws.rng.integers(1, 4, endpoint=True)), most=3))
        x = np.where(x == 0, draws.rng.choice([low, high], x.shape), x) if draws.tied else x
        return Sample(module, x, kinked=bool((np.minimum(abs(x - low), abs(x - high)) < 0.01).any()))

    return draw


def _hardtanh(draws: Sampler) -> Module:
    return HardtanhModule(setting(draws, -1.0, -2.5, 0.25), setting(draws, 1.0, 0.5, 3.0))


def _bounds(module: Any) -> tuple[float, float]:
    return module.min_val, module.max_val


_HARDSWISH: Final = _clipped(lambda draws: HardswishModule(), lambda module: (-3.0, 3.0))
_hardtanh_in_torch: Final = functional(
    "hardtanh", lambda module: {"min_val": module.min_val, "max_val": module.max_val}
)

RECTIFIERS: Final = (
    Spec(
        "leaky relu",
        LeakyReLUModule,
        on_any_shape(_slope, kinked=True),
        _leaky_relu_reference,
        functional("leaky_relu", lambda module: {"negative_slope": module.neg_slope}),
    ),
    Spec("relu", ReLUModule, on_any_shape(_relu, kinked=True), _relu_reference, _relu_in_torch, ("", "scaled")),
    Spec(
        "prelu",
        PReLUModule,
        _prelu,
        _prelu_reference,
        functional("prelu"),
        ("", "a slope a feature"),
        wrong_shapes=lambda module: _no_features_of(module.params["slope"].size),
    ),
    Spec("hardswish", HardswishModule, _HARDSWISH, _hardswish_reference, functional("hardswish")),
    Spec("hardtanh", HardtanhModule, _clipped(_hardtanh, _bounds), _hardtanh_reference, _hardtanh_in_torch),
    Spec(
        "relu6", ReLU6Module, _clipped(lambda draws: ReLU6Module(), _bounds), _hardtanh_reference, functional("relu6")
    ),
)
