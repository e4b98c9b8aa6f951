"""Exercise 1: a square, and the chain rule.

Forward     out = x²
Wanted      dx = ∂L/∂x, for a loss L of which dout = ∂L/∂out is known
Shapes      x, out, dout, dx: all the same
Think of    L changes by dout for each unit of out, and out by its slope for each unit of x: multiply the two.

{example}

Check       python -m mlp_numpy learn check square
"""

import numpy as np


def forward(x: np.ndarray) -> np.ndarray:
    return x**2


def backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
