"""Exercise 5: the fully connected layer, the gradient of its weight.

Forward     out = x Wᵀ + b: out_nm = Σ_d x_nd W_md + b_m
Wanted      dweight
Shapes      x (N, D)   weight W (M, D)   bias b (M,)   out, dout (N, M)
Think of    W_md reaches out_nm of every example n: sum over n. The 1/N of a mean is not here, but in the loss.

{example}

Check       python -m mlp_numpy learn check linear_dweight
"""

import numpy as np


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return x @ weight.T + bias


def backward(dout: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return dweight (M, D)."""
    raise NotImplementedError("write this backward")
