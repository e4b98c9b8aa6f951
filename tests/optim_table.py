"""Every optimizer with every kind of setting, as this library and as PyTorch call it, and a small problem for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_numpy import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    FlatParameters,
    LinearModule,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from mlp_numpy.arrays import Array
from mlp_numpy.optim import Optimizer

CLASSES: tuple[type[Optimizer], ...] = (
    SGD,
    Adagrad,
    RMSprop,
    Adam,
    AdamW,
    NAdam,
    Adamax,
    RAdam,
    Adadelta,
    Muon,
)
DECAYS: tuple[dict[str, Any], ...] = (
    {"weight_decay": 0.0},
    {"weight_decay": 0.02},
    {"weight_decay": 0.02, "decay": "weights"},
)
VARIANTS: dict[type[Optimizer], list[dict[str, Any]]] = {
    SGD: [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
        {"maximize": True},
        {"momentum": 0.9, "maximize": True},
    ],
    Adagrad: [{}, {"lr_decay": 1e-2}, {"initial_accumulator_value": 0.5, "eps": 1e-6}, {"maximize": True}],
    RMSprop: [
        {},
        {"momentum": 0.9},
        {"centered": True},
        {"centered": True, "momentum": 0.9, "alpha": 0.95},
        {"maximize": True},
    ],
    Adam: [{}, {"amsgrad": True}, {"beta1": 0.8, "beta2": 0.95, "eps": 1e-6}, {"maximize": True}],
    AdamW: [{}, {"amsgrad": True}, {"maximize": True}],
    NAdam: [{}, {"momentum_decay": 0.02, "beta1": 0.8}, {"decoupled_weight_decay": True}, {"maximize": True}],
    Adamax: [{}, {"beta1": 0.8, "beta2": 0.95, "eps": 1e-6}, {"maximize": True}],
    RAdam: [{}, {"beta1": 0.8, "beta2": 0.95}, {"decoupled_weight_decay": True}, {"maximize": True}],
    Adadelta: [{}, {"rho": 0.95, "eps": 1e-4}, {"maximize": True}],
    Muon: [{}, {"nesterov": False, "scale": "match_rms_adamw", "adamw_lr_factor": 1.0}, {"maximize": True}],
}
LR = {
    SGD: 0.02,
    Adagrad: 0.05,
    RMSprop: 0.002,
    Adam: 0.01,
    AdamW: 0.01,
    NAdam: 0.01,
    Adamax: 0.01,
    RAdam: 0.01,
    Adadelta: 1.0,
    Muon: 0.02,
}
N_IN = N_OUT = 6
_SIZE = N_OUT * (N_IN + 1)


@dataclass(frozen=True)
class Variant:
    """One optimizer with its settings."""

    kind: type[Optimizer]
    options: dict[str, Any]

    def __str__(self) -> str:
        options = [f"{name}={value}" for name, value in self.options.items() if value]
        return f"{self.kind.__name__}({', '.join(options)})"

    def make(self, parameters: FlatParameters) -> Optimizer:
        """The optimizer of this library."""
        return self.kind(parameters, LR[self.kind], **self.options)

    def make_pytorch(self, torch: Any, weight: Any, bias: Any) -> Any:
        """PyTorch's optimizer; what does not decay is a group of its own."""
        options = dict(self.options)
        if self.kind is Muon:
            return MuonAndAdamW(torch, weight, bias, options)
        if options.pop("decay", "all") == "weights":
            groups = [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}]
        else:
            groups = [{"params": [weight, bias]}]
        if issubclass(self.kind, Adam | NAdam | Adamax | RAdam):
            options["betas"] = (options.pop("beta1", 0.9), options.pop("beta2", 0.999))
        return getattr(torch.optim, self.kind.__name__)(groups, lr=LR[self.kind], foreach=False, **options)


class MuonAndAdamW:
    """PyTorch's Muon for the weight, in the dtype of the weight instead of bfloat16, and its AdamW for the bias."""

    def __init__(self, torch: Any, weight: Any, bias: Any, options: dict[str, Any]) -> None:
        self.torch = torch
        factor, scale = options.pop("adamw_lr_factor", 0.015), options.pop("scale", "original")
        decay, wd = options.pop("decay", "all"), options.pop("weight_decay", 0.0)
        lr, maximize = LR[Muon], options.pop("maximize", False)
        self.sign = -1 if maximize else 1
        self.weight = weight
        self.muon = torch.optim.Muon([weight], lr=lr, weight_decay=wd, adjust_lr_fn=scale, **options)
        self.adamw = torch.optim.AdamW(
            [bias], lr=lr * factor, weight_decay=wd if decay == "all" else 0.0, maximize=maximize, foreach=False
        )

    def step(self) -> None:
        self.weight.grad = self.sign * self.weight.grad  # torch.optim.Muon cannot maximize
        single, self.torch.Tensor.bfloat16 = self.torch.Tensor.bfloat16, self.torch.Tensor.clone
        try:
            self.muon.step()
        finally:
            self.torch.Tensor.bfloat16 = single
        self.adamw.step()


TABLE = [
    Variant(kind, {**variant, **decay})
    for kind in CLASSES
    for variant in VARIANTS[kind]
    for decay in DECAYS
    if decay["weight_decay"] or not variant.get("decoupled_weight_decay")
]


def start() -> tuple[Array, Array]:
    """Where the problem starts: weight (6, 6) and bias (6,), float64."""
    values = np.arange(_SIZE) * 11 % 23 / 8 - 1.25
    return values[:-N_OUT].reshape(N_OUT, N_IN), values[-N_OUT:]


def gradient(values: Array, step: int) -> Array:
    """The gradient of ½ Σ k (w − c)² for a target c that jumps as a new batch does, in quarters: weight, then bias."""
    number = np.arange(_SIZE)
    curvature = 0.25 * 2.0 ** (number % 5)
    target = (number * 7 + step * (number % 4 + 1)) % 13 / 4 - 1.5
    return curvature * (values - target)


def follow(make: Callable[[FlatParameters], Optimizer], steps: int) -> dict[int, Array]:
    """The weights and biases, (42,), after each of the steps that this library makes."""
    layer = LinearModule(N_IN, N_OUT)
    flat = FlatParameters(layer)
    layer.params["weight"], layer.params["bias"] = start()
    optimizer = make(flat)
    found: dict[int, Array] = {}
    values = np.concatenate([array.ravel() for array in layer.params.values()])
    for step in range(1, steps + 1):
        gradients = gradient(values, step)
        layer.grads["weight"] = gradients[:-N_OUT].reshape(N_OUT, N_IN)
        layer.grads["bias"] = gradients[-N_OUT:]
        optimizer.step()
        values = np.concatenate([array.ravel() for array in layer.params.values()])
        found[step] = values
    return found


def follow_pytorch(torch: Any, variant: Variant, steps: int) -> dict[int, Array]:
    """The same as PyTorch makes them, with its default type set to float64, in which NAdam then keeps its product."""
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return _follow_pytorch(torch, variant, steps)
    finally:
        torch.set_default_dtype(default)


def _follow_pytorch(torch: Any, variant: Variant, steps: int) -> dict[int, Array]:
    weight, bias = (torch.tensor(array, requires_grad=True) for array in start())
    optimizer = variant.make_pytorch(torch, weight, bias)
    found: dict[int, Array] = {}
    values = np.concatenate([array.ravel() for array in start()])
    for step in range(1, steps + 1):
        gradients = torch.tensor(gradient(values, step))
        weight.grad, bias.grad = gradients[:-N_OUT].reshape(N_OUT, N_IN), gradients[-N_OUT:]
        optimizer.step()
        values = np.concatenate([part.detach().numpy().ravel() for part in (weight, bias)])
        found[step] = values
    return found
