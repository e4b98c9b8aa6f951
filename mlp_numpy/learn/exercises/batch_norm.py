"""Exercise 19: batch normalization, the gradient of its input.

Forward     out = γ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σₙ xₙ / N     σ² = Σₙ (xₙ − μ)² / N
Wanted      dx
Shapes      x, out, dout (N, D)   gamma γ, beta β, μ, σ², r (D,)   eps ε: a number
Think of    x_n takes three paths to every output: directly, through μ, and through σ². The gradients of all three add
            up; with dγ and dβ of exercise 18 they are three terms in one bracket.

{example}

Check       python -m mlp_numpy learn check batch_norm
"""

import numpy as np


def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    mean, variance = x.mean(axis=0), x.var(axis=0)
    x_hat = (x - mean) / np.sqrt(variance + eps)
    return gamma * x_hat + beta


def backward(dout: np.ndarray, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, eps: float) -> np.ndarray:
    """Return dx (N, D)."""
    raise NotImplementedError("write this backward")
