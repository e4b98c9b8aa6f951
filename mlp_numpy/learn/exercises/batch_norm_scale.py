"""Exercise 18: batch normalization, the gradients of its scale and shift.

Forward     out = γ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σₙ xₙ / N     σ² = Σₙ (xₙ − μ)² / N
Wanted      dgamma and dbeta
Shapes      x, out, dout (N, D)   gamma γ, beta β, μ, σ², r (D,)   eps ε: a number
Think of    given x̂, out is a product and a sum, both broadcast over the batch

{example}

Check       python -m mlp_numpy learn check batch_norm_scale
"""

import numpy as np


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x_hat = (x - mean) / np.sqrt(variance + eps)
    return gamma * x_hat + beta


def backward(
    dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return dgamma (D,) and dbeta (D,)."""
    raise NotImplementedError("write this backward")
