"""Exercise 16: dropout, with its mask given.

Forward     out = x / (1 − p) where the mask is 1, and 0 where it is 0
Wanted      dx
Shapes      x, mask, out, dout, dx (N, D)   p: a number, the probability of a 0
Think of    the mask and p are constants; x is multiplied by something

{example}

Check       python -m mlp_numpy learn check dropout
"""

import numpy as np


def forward(x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    return x * mask / (1 - p)


def backward(dout: np.ndarray, x: np.ndarray, mask: np.ndarray, p: float) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
