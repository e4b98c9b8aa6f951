"""The softmax: scores in, probabilities out, row by row."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module


class SoftMax(Op):
    """
    Forward     out = S,  Sₙᵢ = exp(xₙᵢ − mₙ) / Σⱼ exp(xₙⱼ − mₙ)      mₙ = maxⱼ xₙⱼ
    Backward    dx = S ⊙ (dout − Σⱼ dout ⊙ S)
    Shapes      x, out, dout (N, C)
    Caches      S, apart from what is returned, which may be edited
    Kinks       none: S does not depend on m, which only keeps exp in range
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 18 and 36, ∂S/∂x = diag(S) − S Sᵀ,
                multiplied out so that the C × C matrix of each sample is never formed
    """

    @staticmethod
    def forward(context: Context, x: Array) -> Array:
        out: Array = x - x.real.max(axis=1, keepdims=True)
        np.exp(out, out=out)
        out /= out.sum(axis=1, keepdims=True)
        context["out"] = out
        return out.copy()

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        out = context["out"]
        dx: Array = out * (dout - (dout * out).sum(axis=1, keepdims=True))
        return dx


class SoftMaxModule(Module):
    """Probabilities (N, C) from scores (N, C): positive, each row summing to 1; the scores are never modified."""

    op = SoftMax

    def _check_input(self, x: Array) -> None:
        if x.ndim != 2 or x.shape[1] == 0:
            raise ShapeError(f"SoftMaxModule.forward: x must be (N, C), got {x.shape}.")
