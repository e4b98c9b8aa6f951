"""Exercise 24: convolution, the gradient of its images.

Forward     out_nmij = b_m + Σ_cuv W_mcuv x_nc,i+u,j+v
Wanted      dx
Shapes      x (N, C, H, W)   weight W (M, C, K, K)   bias b (M,)   out, dout (N, M, H − K + 1, W − K + 1)
Think of    the forward reads x[:, :, u : u + high, v : v + wide] once for each (u, v): add its gradient, that of
            exercise 4, to the same slice of dx. Pixels in several windows collect several gradients.

{example}

Check       python -m mlp_numpy learn check conv_dx
"""

import numpy as np


def forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    k, high, wide = weight.shape[2], x.shape[2] - weight.shape[2] + 1, x.shape[3] - weight.shape[3] + 1
    out = np.zeros((len(x), len(weight), high, wide), x.dtype) + bias[:, np.newaxis, np.newaxis]
    for u in range(k):
        for v in range(k):
            pixels = x[:, :, u : u + high, v : v + wide]
            out += np.einsum("nchw,mc->nmhw", pixels, weight[:, :, u, v])
    return out


def backward(dout: np.ndarray, x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Return dx (N, C, H, W)."""
    raise NotImplementedError("write this backward")
