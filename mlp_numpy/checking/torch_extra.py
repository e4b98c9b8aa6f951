"""Imports PyTorch, an optional extra, as a reference for the audit and parity."""

from __future__ import annotations

from typing import Any

from mlp_numpy.errors import ExtraMissingError


def pytorch(who: str) -> Any:
    """Import the package ``torch``; ``who`` names the caller in errors.

    Raises ExtraMissingError if it is absent or cannot be imported.
    """
    try:
        # an optional extra of several hundred megabytes
        import torch
    except Exception as error:  # a damaged installation can raise errors other than ImportError
        raise ExtraMissingError(
            f"{who}: PyTorch must be installed, got {type(error).__name__}: {error}. Hint: pip install -e '.[parity]'."
        ) from error
    return torch
