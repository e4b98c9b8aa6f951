"""PyTorch's own version of every module, as one call of its library on tensors. PyTorch comes with an extra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from mlp_numpy.errors import ExtraMissingError

Tensor: TypeAlias = Any
"""A ``torch.Tensor``; the type is not known without the extra."""

Twin: TypeAlias = Callable[..., Tensor]
"""(torch, module, params, x), for a loss (torch, module, params, x, y, **options) → out."""


def pytorch(who: str) -> Any:
    """The package ``torch``, for ``who``.

    Raises ExtraMissingError if it is absent or cannot be imported.
    """
    try:
        # an extra of several hundred megabytes, which most do without
        import torch
    except Exception as error:  # a damaged installation fails with other errors than ImportError
        raise ExtraMissingError(
            f"{who}: PyTorch must be installed, got {type(error).__name__}: {error}. Hint: pip install -e '.[parity]'."
        ) from error
    return torch


def linear(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """x Wᵀ + b"""
    return torch.nn.functional.linear(x, *params)


def leaky_relu(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """max(0, x) + α min(0, x)"""
    return torch.nn.functional.leaky_relu(x, module.neg_slope)


def relu(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """max(0, x)"""
    return torch.nn.functional.relu(x)


def softmax(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """exp xᵢ / Σⱼ exp xⱼ"""
    return torch.nn.functional.softmax(x, dim=1)


def cross_entropy(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """− Σᵢ yᵢ log xᵢ; PyTorch has it for whole labels alone, of logarithms"""
    if y.ndim == 1:
        return torch.nn.functional.nll_loss(x.log(), y, reduction=module.reduction)
    losses = -(y * x.log()).sum(dim=1)
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[module.reduction]


def softmax_cross_entropy(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    return torch.nn.functional.cross_entropy(x, y, reduction=module.reduction)
