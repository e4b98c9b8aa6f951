"""Exercise 11: the softmax, where every output depends on every input of its row.

Forward     S_ni = exp x_ni / Σ_j exp x_nj
Wanted      dx
Shapes      x, S, dout, dx (N, C)
Think of    the Jacobian of a row, ∂S_i/∂x_j = S_i ([i = j] − S_j), times dout. No C × C matrix is needed: the sum over
            i can be written out, and taken once for each row.

{example}

Check       python -m mlp_numpy learn check softmax
"""

import numpy as np


def forward(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
