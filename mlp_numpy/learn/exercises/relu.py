"""Exercise 7: the rectified linear unit.

Forward     out = max(0, x)
Wanted      dx; at the kink x = 0 the slope is 0 by convention
Shapes      x, out, dout, dx: all the same
Think of    where x > 0 a small change passes unchanged, elsewhere none does

{example}

Check       python -m mlp_numpy learn check relu
"""

import numpy as np


def forward(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def backward(dout: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return dx."""
    raise NotImplementedError("write this backward")
