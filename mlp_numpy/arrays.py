"""Arrays: their type, and the few questions about them that every room asks."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and kind of number; docstrings say which."""


def one_hot(labels: Array, n_classes: int, dtype: Any = np.float64) -> Array:
    """Rows of zeros with a one at each label: (N,) whole numbers → (N, n_classes)."""
    rows = np.zeros((len(labels), n_classes), dtype=dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows
