"""Layer normalization: every row is normalized to mean 0 and variance 1 over its features, then scaled and shifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.moments import Moments, scaled_moments


class LayerNormalize(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σᵢ xᵢ / D     σ² = Σᵢ (xᵢ − μ)² / D
    Backward    dx = r / D (D g − Σᵢ gᵢ − x̂ Σᵢ gᵢ x̂ᵢ)     g = dout ⊙ γ     dγ = Σ dout ⊙ x̂     dβ = Σ dout
    Shapes      x, x̂, g, out, dout (…, D)   γ, β (D,)   μ, σ², r (…, 1)
                i runs over the D features of one row; dγ and dβ sum over all rows; without β out = γ ⊙ x̂, without
                both out = x̂ and g = dout
    Caches      x̂, r, γ  (a view, no copy)
    Kinks       none
    Reference   Ba, Kiros and Hinton 2016, "Layer Normalization", eq. 3; dx is batch normalization's with rows and
                columns exchanged, and γ inside the sums since it differs along them
    """

    @staticmethod
    def check_inputs(x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float) -> None:
        check_scaled_rows("LayerNormalize.do_forward", x, gamma, beta)

    @staticmethod
    def forward(
        context: Context, x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float
    ) -> Array:
        x_hat, r = standardized(x, eps)
        context["x_hat"], context["r"], context["gamma"], context["biased"] = x_hat, r, gamma, beta is not None
        if gamma is None:
            return x_hat.copy()  # out belongs to the caller
        out: Array = x_hat * gamma
        if beta is not None:
            out += beta
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        x_hat, r, gamma = context["x_hat"], context["r"], context["gamma"]
        if gamma is None:
            return (standardized_backward(dout.copy(), x_hat, r),)
        rows = dout.reshape(-1, len(gamma))
        dgamma = np.einsum("si,si->i", rows, x_hat.reshape(rows.shape))
        dx = standardized_backward(dout * gamma, x_hat, r)
        return (dx, dgamma, rows.sum(axis=0)) if context["biased"] else (dx, dgamma)


def standardized(x: Array, eps: float) -> tuple[Array, Array]:
    """x̂, a new array, and r of each row of (…, D)."""
    _, _, x_hat, r_unit, r = scaled_moments(x, -1, _moments, eps)
    x_hat *= r_unit
    return x_hat, r


def standardized_backward(g: Array, x_hat: Array, r: Array) -> Array:
    """The gradient of x from ``g`` = ∂L/∂x̂, which it overwrites."""
    along = np.einsum("...i,...i->...", g, x_hat)[..., np.newaxis] / g.shape[-1]
    g -= g.mean(axis=-1, keepdims=True)
    g -= x_hat * along
    g *= r
    return g


def check_scaled_rows(who: str, x: Array, gamma: Array | None, beta: Array | None = None) -> None:
    """Raise ShapeError unless ``x`` is (…, D), and γ and β are (D,), as far as they are there; β not without γ."""
    shapes = [None if array is None else array.shape for array in (gamma, beta)]
    alone = gamma is None and beta is not None
    if x.ndim < 1 or x.size == 0 or alone or any(shape not in (None, x.shape[-1:]) for shape in shapes):
        raise ShapeError(f"{who}: x must be (…, D), γ and β (D,), got {x.shape}, {shapes[0]} and {shapes[1]}.")


def _moments(x: Array) -> Moments:
    """μ, x − μ and σ² of each row."""
    mean = x.mean(axis=-1, keepdims=True)
    centered = x - mean
    return mean, centered, np.einsum("...i,...i->...", centered, centered)[..., np.newaxis] / x.shape[-1]


class LayerNorm(Module):
    """Normalizes each row of (N, …, D) over its last dimension, D = ``n_features``; ``params`` "gamma" and "beta" (D,).

    eps                  added to the variance, to avoid a division by zero for constant rows
    elementwise_affine   False: no γ and β, ``params`` is empty
    bias                 False: no β

    Training and evaluation are the same, and rows are independent. Without eps a constant row is normalized to 0.

    Raises OptionError for n_features below 1 or eps < 0, ShapeError in ``forward`` for an ``x`` of another shape.
    """

    op = LayerNormalize

    def __init__(
        self,
        n_features: int,
        eps: float = 1e-5,
        *,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        (n_features,) = allocatable("LayerNorm", (whole_number("LayerNorm", "n_features", n_features),))
        eps, dtype = number("LayerNorm", "eps", eps, NOT_NEGATIVE), float_dtype("LayerNorm", dtype)
        elementwise_affine = flag("LayerNorm", "elementwise_affine", elementwise_affine)
        bias = flag("LayerNorm", "bias", bias)
        super().__init__(**gamma_and_beta(n_features, dtype, bias=bias) if elementwise_affine else {})
        self.n_features, self.eps = n_features, eps
        self.elementwise_affine, self.bias = elementwise_affine, bias

    def _op_kwargs(self) -> dict[str, Any]:
        return {"eps": self.eps}

    def _repr_args(self) -> str:
        affine = "" if self.elementwise_affine else ", elementwise_affine=False"
        return f"{self.n_features}, eps={self.eps:g}{affine}{'' if self.bias else ', bias=False'}"

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[-1] != self.n_features or x.size == 0:
            n = self.n_features
            raise ShapeError(f"LayerNorm({n}).forward: x must be (N, …, {n}), got {x.shape}.")
