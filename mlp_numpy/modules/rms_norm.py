"""RMS normalization: every row is divided by its root mean square, then scaled."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.layer_norm import check_scaled_rows
from mlp_numpy.modules.moments import scaled_squares, sums_within_range


class RMSNormalize(Op):
    """
    Forward     out = γ ⊙ x̂     x̂ = r x     r = 1/√(Σᵢ xᵢ² / D + ε)
    Backward    dx = r / D (D g − x̂ Σᵢ gᵢ x̂ᵢ)     g = dout ⊙ γ     dγ = Σ dout ⊙ x̂
    Shapes      x, x̂, g, out, dout (…, D)   γ (D,), or none: out = x̂ and g = dout   r (…, 1)
                i runs over the D features of one row; dγ sums over all rows
    Caches      x̂, r, γ  (a view, no copy)
    Kinks       none
    Reference   Zhang and Sennrich 2019, "Root Mean Square Layer Normalization", eq. 4; dx is layer normalization's
                without the term of the mean
    """

    @staticmethod
    def check_inputs(x: Array, gamma: Array | None = None, *, eps: float) -> None:
        check_scaled_rows("RMSNormalize.do_forward", x, gamma)

    @staticmethod
    def forward(context: Context, x: Array, gamma: Array | None = None, *, eps: float) -> Array:
        scaled, r_unit, r = scaled_squares(x, eps)
        x_hat = scaled * r_unit
        context["x_hat"], context["r"], context["gamma"] = x_hat, r, gamma
        out: Array = x_hat.copy() if gamma is None else x_hat * gamma  # out belongs to the caller
        return out

    @staticmethod
    @sums_within_range
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        x_hat, r, gamma = context["x_hat"], context["r"], context["gamma"]
        g = dout.copy() if gamma is None else dout * gamma
        g -= x_hat * (np.einsum("...i,...i->...", g, x_hat)[..., np.newaxis] / g.shape[-1])
        g *= r
        if gamma is None:
            return (g,)
        rows = dout.reshape(-1, len(gamma))
        return g, np.einsum("si,si->i", rows, x_hat.reshape(rows.shape))


class RMSNorm(Module):
    """Divides each row of (N, …, D) by its root mean square, D = ``n_features``; ``params`` "gamma" (D,).

    eps                  added to the mean square, to avoid a division by zero for rows of zeros
    elementwise_affine   False: no γ, ``params`` is empty

    A layer normalization without the mean. Training and evaluation are the same, and rows are independent. Without eps
    a row of zeros stays one. PyTorch's default eps is the spacing of the dtype at 1.

    Raises OptionError for n_features below 1 or eps < 0, ShapeError in ``forward`` for an ``x`` of another shape.
    """

    op = RMSNormalize

    def __init__(
        self, n_features: int, eps: float = 1e-5, *, elementwise_affine: bool = True, dtype: Any = np.float64
    ) -> None:
        (n_features,) = allocatable("RMSNorm", (whole_number("RMSNorm", "n_features", n_features),))
        eps, dtype = number("RMSNorm", "eps", eps, NOT_NEGATIVE), float_dtype("RMSNorm", dtype)
        elementwise_affine = flag("RMSNorm", "elementwise_affine", elementwise_affine)
        super().__init__(**gamma_and_beta(n_features, dtype, bias=False) if elementwise_affine else {})
        self.n_features, self.eps, self.elementwise_affine = n_features, eps, elementwise_affine

    def _op_kwargs(self) -> dict[str, Any]:
        return {"eps": self.eps}

    def _repr_args(self) -> str:
        affine = "" if self.elementwise_affine else ", elementwise_affine=False"
        return f"{self.n_features}, eps={self.eps:g}{affine}"

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[-1] != self.n_features or x.size == 0:
            n = self.n_features
            raise ShapeError(f"RMSNorm({n}).forward: x must be (N, …, {n}), got {x.shape}.")
