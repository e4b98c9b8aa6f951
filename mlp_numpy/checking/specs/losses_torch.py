"""The losses of each value or example by PyTorch's own functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mlp_numpy.checking.specs.spec import Tensor

TorchLosses: TypeAlias = Callable[[Any, Any, Tensor, Tensor, str], Tensor]
"""(torch, module, x, y, reduction) → the losses reduced by PyTorch."""


def reduces(module: Any, y: Tensor) -> bool:
    """True if PyTorch's own reduction is that of the module: of log-probabilities for plain class labels alone, and not
    of the hinge loss, whose mean divides by N for any weights."""
    if type(module).__name__ in ("NLLModule", "CrossEntropyModule"):
        return not y.is_floating_point() and not module.label_smoothing
    return type(module).__name__ != "HingeModule"


def elementwise(name: str, *options: str) -> TorchLosses:
    """A loss of ``torch.nn.functional`` with options of the module's names."""

    def losses(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
        keywords = {option: getattr(module, option) for option in options}
        return getattr(torch.nn.functional, name)(x, y, reduction=reduction, **keywords)

    return losses


def cross_entropy_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """− Σᵢ yᵢ log xᵢ; PyTorch has it of logarithms"""
    return nll_in_torch(torch, module, x.log(), y, reduction)


def of_softmax_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    omega, ignored = _class_weight(torch, module), _ignored(module)
    options = {"weight": omega, "label_smoothing": module.label_smoothing, "ignore_index": ignored}
    return torch.nn.functional.cross_entropy(x, y, reduction=reduction, **options)


def nll_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """− Σᵢ yᵢ xᵢ; PyTorch has it for whole labels without smoothing, and unreduced it is put together for others"""
    omega, smoothing, ignored = _class_weight(torch, module), module.label_smoothing, _ignored(module)
    plain = torch.nn.functional.nll_loss
    if reduction != "none":
        return plain(x, y, omega, ignore_index=ignored, reduction=reduction)
    flat = torch.ones(x.shape[1], dtype=x.dtype) if omega is None else omega
    along = flat.reshape(-1, *(1,) * (x.ndim - 2))
    if y.ndim == x.ndim:
        return -(along * ((1 - smoothing) * y + smoothing / x.shape[1]) * x).sum(dim=1)
    right = plain(x, y, omega, ignore_index=ignored, reduction="none")
    return (1 - smoothing) * right - smoothing * (along * x).mean(dim=1) * (y != ignored)


def hinge_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """Σ_{i ≠ y} max(0, xᵢ − x_y + Δ), unreduced; PyTorch divides it by C, and ignores no label"""
    present = y != _ignored(module)
    options = {"margin": module.margin, "weight": _class_weight(torch, module), "reduction": reduction}
    losses = torch.nn.functional.multi_margin_loss(x, torch.where(present, y, 0), **options)
    return losses * x.shape[1] * present


def kl_divergence_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """Σᵢ yᵢ (log yᵢ − xᵢ)"""
    losses = torch.nn.functional.kl_div(x, y, reduction={"mean": "batchmean"}.get(reduction, reduction))
    return losses.sum(dim=1) if reduction == "none" else losses


def bce_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """− ρ y log x − (1 − y) log(1 − x); PyTorch has ρ for scores alone"""
    loss = torch.nn.functional.binary_cross_entropy
    if module.pos_weight is None:
        return loss(x, y, reduction=reduction)
    losses = _pos_weight(torch, module) * y * loss(x, torch.ones_like(y), reduction="none")
    losses = losses + (1 - y) * loss(x, torch.zeros_like(y), reduction="none")
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def bce_with_logits_in_torch(torch: Any, module: Any, x: Tensor, y: Tensor, reduction: str) -> Tensor:
    """− ρ y log σ(x) − (1 − y) log σ(−x)"""
    rho = _pos_weight(torch, module)
    return torch.nn.functional.binary_cross_entropy_with_logits(x, y, pos_weight=rho, reduction=reduction)


def _pos_weight(torch: Any, module: Any) -> Tensor | None:
    return None if module.pos_weight is None else torch.tensor(module.pos_weight)


def _class_weight(torch: Any, module: Any) -> Tensor | None:
    return None if module.class_weight is None else torch.tensor(module.class_weight)


def _ignored(module: Any) -> int:
    return -100 if module.ignore_index is None else int(module.ignore_index)
