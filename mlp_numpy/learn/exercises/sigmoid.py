"""Exercise 9: the sigmoid.

Forward     out = σ(x) = 1 / (1 + e⁻ˣ)
Wanted      dx
Shapes      x, out, dout, dx: all the same
Think of    the derivative of 1/u and of e⁻ˣ; then write the slope in terms of out, which is known already

{example}

Check       python -m mlp_numpy learn check sigmoid
"""

import numpy as np


def forward(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
