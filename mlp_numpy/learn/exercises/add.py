"""Exercise 2: a sum, and broadcasting.

Forward     out = x + b: out_nd = x_nd + b_d
Wanted      dx and db
Shapes      x, out, dout (N, D)   b (D,)
Think of    b_d is added to all N rows. What is used several times gets the sum of the gradients of all its uses.

{example}

Check       python -m mlp_numpy learn check add
"""

import numpy as np


def forward(x: np.ndarray, b: np.ndarray) -> np.ndarray:
    return x + b


def backward(dout: np.ndarray, x: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dx (N, D) and db (D,)."""
    raise NotImplementedError("write this backward")
