"""Exercise 17: a residual block, where x takes two paths.

Forward     out = x + f(x)     f(x) = max(0, x Wᵀ)
Wanted      dx and dweight
Shapes      x, out, dout (N, D)   weight W (D, D)
Think of    exercise 2: what is used several times gets the sum of the gradients of all its uses

{example}

Check       python -m mlp_numpy learn check residual
"""

import numpy as np


def forward(x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return x + np.maximum(x @ weight.T, 0)


def backward(dout: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dx (N, D) and dweight (D, D)."""
    raise NotImplementedError("write this backward")
