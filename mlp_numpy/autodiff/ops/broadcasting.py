"""Gradients of broadcasting, used by every formula that broadcasts its inputs."""

from __future__ import annotations

from mlp_numpy.arrays import Array


def unbroadcast(gradient: Array, shape: tuple[int, ...]) -> Array:
    """
    Forward     yᵢⱼ = xᵢ: a number of x of shape ``shape`` stands in every place it was repeated to
    Backward    dxᵢ = Σⱼ dyᵢⱼ: the sum over all those places
    Shapes      gradient: what ``shape`` broadcast to; the result has ``shape``
    Reference   "Assignment 2" (Vannucci), question 4: X∇ = Y∇ 1₁₆, there for a vector repeated 16 times
    """
    if gradient.shape == shape:
        return gradient
    n_new = gradient.ndim - len(shape)
    repeated = [n_new + axis for axis, size in enumerate(shape) if size == 1 and gradient.shape[n_new + axis] != 1]
    total: Array = gradient.sum(axis=(*range(n_new), *repeated), keepdims=True)
    return total.reshape(shape)
