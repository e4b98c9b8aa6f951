"""Exercise 21: layer normalization, each row by its own mean and variance.

Forward     out = γ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σ_d x_d / D     σ² = Σ_d (x_d − μ)² / D
Wanted      dx
Shapes      x, out, dout (N, D)   gamma γ, beta β (D,)   μ, σ², r (N, 1)   eps ε: a number
Think of    exercise 19 along the other axis. γ_d now differs along the axis of the sums: begin with g = dout ⊙ γ.

{example}

Check       python -m mlp_numpy learn check layer_norm
"""

import numpy as np


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    x_hat = (x - mean) / np.sqrt(variance + eps)
    return gamma * x_hat + beta


def backward(dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    """Return dx (N, D)."""
    raise NotImplementedError("write this backward")
