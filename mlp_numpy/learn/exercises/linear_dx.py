"""Exercise 4: the fully connected layer, the gradient of its input.

Forward     out = x Wᵀ + b: out_nm = Σ_d x_nd W_md + b_m
Wanted      dx
Shapes      x (N, D)   weight W (M, D)   bias b (M,)   out, dout (N, M)
Think of    which outputs does x_nd reach, and with which factor? Sum dout times the factor over these outputs; then
            write the sum as a product of matrices.

{example}

Check       python -m mlp_numpy learn check linear_dx
"""

import numpy as np


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return x @ weight.T + bias


def backward(dout: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return dx (N, D)."""
    raise NotImplementedError("write this backward")
