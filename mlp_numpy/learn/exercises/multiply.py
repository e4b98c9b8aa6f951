"""Exercise 3: a product, elementwise.

Forward     out = x ⊙ w: out_nd = x_nd w_nd
Wanted      dx and dw
Shapes      all (N, D)
Think of    the slope of x w in x, and then in w

{example}

Check       python -m mlp_numpy learn check multiply
"""

import numpy as np


def forward(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    return x * w


def backward(dout: np.ndarray, x: np.ndarray, w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return dx and dw."""
    raise NotImplementedError("write this backward")
