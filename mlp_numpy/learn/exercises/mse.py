"""Exercise 14: the mean squared error.

Forward     L = Σ_nd (x_nd − y_nd)² / (N D)
Wanted      dx; y is constant
Shapes      x, y, dx (N, D)   L, dout: numbers
Think of    exercise 1, and what the sum is divided by

{example}

Check       python -m mlp_numpy learn check mse
"""

import numpy as np


def forward(x: np.ndarray, y: np.ndarray) -> np.floating:
    return np.mean((x - y) ** 2)


def backward(dout: float, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
