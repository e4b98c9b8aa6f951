"""PyTorch's own versions of activations and losses, by the names of ours."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
functional = torch.nn.functional


def _weights(module: Any) -> Any:
    return None if module.class_weight is None else torch.tensor(module.class_weight)


def _ignored(module: Any) -> int:
    return -100 if module.ignore_index is None else module.ignore_index


def _reduced(module: Any, losses: Any, divisor: Any) -> Any:
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / divisor}[module.reduction]


def _likelihood(module: Any, logs: Any, y: Any) -> Any:
    """PyTorch has options in cross_entropy that nll_loss lacks; those are written out."""
    if y.ndim == 1 and not module.label_smoothing:
        return functional.nll_loss(logs, y, _weights(module), ignore_index=_ignored(module), reduction=module.reduction)
    omega = torch.ones(logs.shape[1], dtype=logs.dtype) if module.class_weight is None else _weights(module)
    smoothing = module.label_smoothing
    if y.ndim == 2:
        mixed = (1 - smoothing) * y + smoothing / logs.shape[1]
        return _reduced(module, -(omega * mixed * logs).sum(dim=1), len(y))
    plain = functional.nll_loss(logs, y, omega, ignore_index=_ignored(module), reduction="none")
    even = -(omega * logs).mean(dim=1) * (y != _ignored(module))
    kept = y[y != _ignored(module)]
    return _reduced(module, (1 - smoothing) * plain + smoothing * even, omega[kept].sum())


def _cross_entropy(module: Any, x: Any, y: Any) -> Any:
    return functional.cross_entropy(
        x,
        y,
        _weights(module),
        ignore_index=_ignored(module),
        label_smoothing=module.label_smoothing,
        reduction=module.reduction,
    )


def _hinge(module: Any, x: Any, y: Any) -> Any:
    # PyTorch divides by the number of classes, and its mean by N whatever the weights.
    omega = torch.ones(x.shape[1], dtype=x.dtype) if module.class_weight is None else _weights(module)
    losses = functional.multi_margin_loss(x, y, margin=module.margin, weight=omega, reduction="none") * x.shape[1]
    return _reduced(module, losses, omega[y].sum())


def _divergence(module: Any, x: Any, y: Any) -> Any:
    if module.reduction == "none":
        return functional.kl_div(x, y, reduction="none").sum(dim=1)
    return functional.kl_div(x, y, reduction={"mean": "batchmean"}.get(module.reduction, module.reduction))


ACTIVATIONS = {
    "ELUModule": lambda module, x: functional.elu(x, module.alpha),
    "GELUModule": lambda module, x: functional.gelu(x, approximate=module.approximate),
    "IdentityModule": lambda module, x: torch.nn.Identity()(x) * 1,
    "LeakyReLUModule": lambda module, x: functional.leaky_relu(x, module.neg_slope),
    "LogSoftMaxModule": lambda module, x: functional.log_softmax(x, dim=1),
    "ReLUModule": lambda module, x: module.scale * functional.relu(x),
    "SELUModule": lambda module, x: functional.selu(x),
    "SiLUModule": lambda module, x: functional.silu(x),
    "SigmoidModule": lambda module, x: functional.sigmoid(x),
    "SoftMaxModule": lambda module, x: functional.softmax(x, dim=1),
    "SoftplusModule": lambda module, x: functional.softplus(x, beta=module.beta),
    "TanhModule": lambda module, x: functional.tanh(x),
}
LOSSES = {
    "BCEModule": lambda module, x, y: functional.binary_cross_entropy(x, y, reduction=module.reduction),
    "BCEWithLogitsModule": lambda module, x, y: functional.binary_cross_entropy_with_logits(
        x, y, reduction=module.reduction
    ),
    "CrossEntropyModule": lambda module, x, y: _likelihood(module, x.log(), y),
    "HingeModule": _hinge,
    "HuberModule": lambda module, x, y: functional.huber_loss(x, y, reduction=module.reduction, delta=module.delta),
    "KLDivergenceModule": _divergence,
    "L1Module": lambda module, x, y: functional.l1_loss(x, y, reduction=module.reduction),
    "MSEModule": lambda module, x, y: functional.mse_loss(x, y, reduction=module.reduction),
    "NLLModule": _likelihood,
    "SoftMaxCrossEntropyModule": _cross_entropy,
}
