"""Exercise 15: the chain, backwards through a network of three layers.

Forward     a = x W1ᵀ + b1     h = max(0, a)     out = h W2ᵀ + b2
Wanted      the gradients of all four parameters
Shapes      x (N, D)   w1 (H, D)   b1 (H,)   a, h (N, H)   w2 (M, H)   b2 (M,)   out, dout (N, M)
Think of    the last layer first: its gradients need dout and h. The gradient of its input, dh, is the dout of the layer
            before; da is that of the first layer.

{example}

Check       python -m mlp_numpy learn check mlp
"""

import numpy as np


def forward(x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray) -> np.ndarray:
    h = np.maximum(x @ w1.T + b1, 0)
    return h @ w2.T + b2


def backward(
    dout: np.ndarray, x: np.ndarray, w1: np.ndarray, b1: np.ndarray, w2: np.ndarray, b2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return dw1, db1, dw2 and db2."""
    raise NotImplementedError("write this backward")
