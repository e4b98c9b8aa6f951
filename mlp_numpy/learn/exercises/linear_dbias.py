"""Exercise 6: the fully connected layer, the gradient of its bias.

Forward     out = x Wᵀ + b: out_nm = Σ_d x_nd W_md + b_m
Wanted      dbias
Shapes      x (N, D)   weight W (M, D)   bias b (M,)   out, dout (N, M)
Think of    exercise 2: b is broadcast over the batch

{example}

Check       python -m mlp_numpy learn check linear_dbias
"""

import numpy as np


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return x @ weight.T + bias


def backward(dout: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return dbias (M,)."""
    raise NotImplementedError("write this backward")
