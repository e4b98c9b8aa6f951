"""Exercise 8: the leaky rectified linear unit.

Forward     out = x where x > 0, else α x
Wanted      dx; at the kink x = 0 the slope is α by convention
Shapes      x, out, dout, dx: all the same   alpha α: a number
Think of    the slope on either side of the kink

{example}

Check       python -m mlp_numpy learn check leaky_relu
"""

import numpy as np


def forward(x: np.ndarray, alpha: float) -> np.ndarray:
    return np.where(x > 0, x, alpha * x)


def backward(dout: np.ndarray, x: np.ndarray, alpha: float) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
