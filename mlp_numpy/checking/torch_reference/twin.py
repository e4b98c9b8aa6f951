"""What a twin is, and where its library comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from mlp_numpy.errors import ExtraMissingError

Tensor: TypeAlias = Any
"""A ``torch.Tensor``; the type is not known without the extra."""

TorchReference: TypeAlias = Callable[..., Tensor]
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
