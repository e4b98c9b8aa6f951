"""How the losses of a batch become one number, and how that number's gradient is handed back to them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context

Reduction: TypeAlias = Literal["mean", "sum", "none"]


def reduce_losses(
    context: Context, losses: Array, reduction: Reduction, weight: Array | None = None, total: float | None = None
) -> Array:
    """
    Forward     out = Σₙ vₙ lossₙ / Z, Σₙ vₙ lossₙ, or all of vₙ lossₙ      Z = Σₙ vₙ, or ∞ where that is 0
    Shapes      losses (N, …)   weight v (N,), or None: every v is 1   out () or (N, …)
                Z counts every number of ``losses``; ``total`` replaces it where the weights are not all in v
    Caches      v, Z

    A row of weight 0 is absent: whatever its loss, NaN or infinite, it counts as 0.
    """
    context["reduction"], context["weight"] = reduction, weight
    if weight is None:
        n = losses.size if total is None else total
    else:
        weight = weight.reshape(-1, *(1,) * (losses.ndim - 1))
        context["weight"] = weight
        n = float(weight.sum()) * (losses.size // len(losses)) if total is None else total
        losses = np.multiply(weight, losses, out=np.zeros_like(losses), where=weight != 0)
    context["total"] = n
    if reduction == "none":
        return losses
    out: Array = np.add.reduce(losses, axis=None)
    return out / (n or np.inf) if reduction == "mean" else out


def weigh(context: Context, dout: Array, slopes: Array) -> Array:
    """
    Backward    dxₙᵢ = wₙ ∂lossₙ/∂xₙᵢ      wₙ = dout vₙ/Z, dout vₙ or doutₙ vₙ
    Shapes      dout () or (N, …)   slopes ∂loss/∂x (N, …), written over with the result

    A row of weight 0 is absent: its gradient is 0.
    """
    weight = context["weight"]
    w = dout / (context["total"] or np.inf) if context["reduction"] == "mean" else dout
    if weight is not None:
        w = w * weight
        slopes[weight.reshape(-1) == 0] = 0
    if w.ndim:
        w = w.reshape(w.shape + (1,) * (slopes.ndim - w.ndim))
    slopes *= w
    return slopes
