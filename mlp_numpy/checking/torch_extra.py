"""PyTorch, where it is installed: an extra that the audit and parity compare with."""

from __future__ import annotations

from typing import Any

from mlp_numpy.errors import ExtraMissingError


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
