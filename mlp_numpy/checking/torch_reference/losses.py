"""Losses. PyTorch knows no weights of rows, nor every option in each loss: what it lacks is written out on tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlp_numpy.checking.torch_reference.twin import Tensor, TorchReference


def of_numbers(name: str, arguments: Callable[[Any], dict[str, Any]] | None = None) -> TorchReference:
    """A loss of ``torch.nn.functional`` of each number."""

    def twin(
        torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        keywords = {} if arguments is None else arguments(module)
        loss = getattr(torch.nn.functional, name)
        if weight is None:
            return loss(x, y, reduction=module.reduction, **keywords)
        return _reduced(torch, module, loss(x, y, reduction="none", **keywords), weight)

    return twin


def cross_entropy(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ log xᵢ; PyTorch has it of logarithms"""
    return nll(torch, module, params, x.log(), y, weight)


def softmax_cross_entropy(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    options = {"weight": _class_weight(torch, module), "label_smoothing": module.label_smoothing}
    options |= {"ignore_index": _ignored(module)}
    if weight is None:
        return torch.nn.functional.cross_entropy(x, y, reduction=module.reduction, **options)
    losses = torch.nn.functional.cross_entropy(x, y, reduction="none", **options)
    return _reduced(torch, module, losses, weight, _counts(torch, module, x, y))


def nll(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ xᵢ; PyTorch has it for whole labels without smoothing"""
    omega, smoothing = _class_weight(torch, module), module.label_smoothing
    plain = torch.nn.functional.nll_loss
    if weight is None and y.ndim == 1 and not smoothing:
        return plain(x, y, omega, ignore_index=_ignored(module), reduction=module.reduction)
    omega = torch.ones(x.shape[1], dtype=x.dtype) if omega is None else omega
    if y.ndim == 2:
        losses = -(omega * ((1 - smoothing) * y + smoothing / x.shape[1]) * x).sum(dim=1)
    else:
        right = plain(x, y, omega, ignore_index=_ignored(module), reduction="none")
        even = -(omega * x).mean(dim=1) * (y != _ignored(module))
        losses = (1 - smoothing) * right + smoothing * even
    return _reduced(torch, module, losses, weight, _counts(torch, module, x, y))


def hinge(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Σ_{i ≠ y} max(0, xᵢ − x_y + Δ); PyTorch divides it by C, its mean by N whatever the weights, and ignores none"""
    omega = _class_weight(torch, module)
    present = y != _ignored(module)
    losses = torch.nn.functional.multi_margin_loss(
        x, torch.where(present, y, 0), margin=module.margin, weight=omega, reduction="none"
    )
    return _reduced(torch, module, losses * x.shape[1] * present, weight, _counts(torch, module, x, y))


def kl_divergence(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Σᵢ yᵢ (log yᵢ − xᵢ)"""
    loss = torch.nn.functional.kl_div
    if weight is None and module.reduction != "none":
        return loss(x, y, reduction={"mean": "batchmean"}.get(module.reduction, module.reduction))
    return _reduced(torch, module, loss(x, y, reduction="none").sum(dim=1), weight)


def _class_weight(torch: Any, module: Any) -> Tensor | None:
    return None if module.class_weight is None else torch.tensor(module.class_weight)


def _ignored(module: Any) -> int:
    return -100 if module.ignore_index is None else module.ignore_index


def _counts(torch: Any, module: Any, x: Tensor, y: Tensor) -> Tensor:
    """How often each row counts in the mean."""
    if y.ndim == 2:
        return torch.ones(len(y), dtype=x.dtype)
    omega = _class_weight(torch, module)
    omega = torch.ones(x.shape[1], dtype=x.dtype) if omega is None else omega
    present = y != _ignored(module)
    return omega[torch.where(present, y, 0)] * present


def _reduced(torch: Any, module: Any, losses: Tensor, weight: Tensor | None, counts: Tensor | None = None) -> Tensor:
    v = torch.ones(len(losses), dtype=losses.dtype) if weight is None else weight
    v = v.reshape(-1, *(1,) * (losses.ndim - 1))
    weighed = v * losses
    if module.reduction == "none":
        return weighed
    total = float((v * (torch.ones_like(losses) if counts is None else counts)).sum())
    return weighed.sum() / (total or torch.inf) if module.reduction == "mean" else weighed.sum()
