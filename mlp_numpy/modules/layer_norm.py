"""Layer normalization: every row is normalized to mean 0 and variance 1 over its features, then scaled and shifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, quiet_products, row_blocks
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.moments import Moments, scaled_moments, sums_within_range


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
        rows = x.reshape(-1, x.shape[-1])
        x_hat, r = np.empty_like(rows), np.empty((len(rows), 1), rows.dtype)
        out = np.empty(rows.shape, rows.dtype if gamma is None else np.result_type(rows, gamma))
        for part in row_blocks(rows):
            x_hat[part], r[part] = standardized(rows[part], eps)
            np.multiply(x_hat[part], 1 if gamma is None else gamma, out=out[part])
            if beta is not None:
                out[part] += beta
        context["x_hat"], context["r"] = x_hat.reshape(x.shape), r.reshape(*x.shape[:-1], 1)
        context["gamma"], context["biased"] = gamma, beta is not None
        return out.reshape(x.shape)

    @staticmethod
    @sums_within_range
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        gamma, n_features = context["gamma"], dout.shape[-1]
        rows, x_hat, r = (array.reshape(-1, array.shape[-1]) for array in (dout, context["x_hat"], context["r"]))
        dx = np.empty(rows.shape, rows.dtype if gamma is None else np.result_type(rows, gamma))
        dgamma, dbeta = np.zeros((2, n_features), np.result_type(rows, x_hat))
        for part in row_blocks(rows):
            np.multiply(rows[part], 1 if gamma is None else gamma, out=dx[part])
            if gamma is not None:
                dgamma += np.einsum("si,si->i", rows[part], x_hat[part])
                dbeta += np.einsum("si->i", rows[part])
            standardized_backward(dx[part], x_hat[part], r[part])
        gradients = (dx.reshape(dout.shape), dgamma, dbeta)
        return gradients[: 1 if gamma is None else 3 if context["biased"] else 2]


def standardized(x: Array, eps: float) -> tuple[Array, Array]:
    """x̂, a new array, and r of each row of (…, D)."""
    _, _, x_hat, _, r_unit, r = scaled_moments(x, -1, _moments, eps)
    x_hat *= r_unit
    return x_hat, r


def standardized_backward(g: Array, x_hat: Array, r: Array) -> Array:
    """The gradient of x from ``g`` = ∂L/∂x̂, which it overwrites."""
    means = x_hat * (_row_products(g, x_hat) / g.shape[-1])
    means += np.einsum("...i->...", g)[..., np.newaxis] / g.shape[-1]
    g -= means
    g *= r
    return g


def check_scaled_rows(who: str, x: Array, gamma: Array | None, beta: Array | None = None) -> None:
    """Raise ShapeError unless ``x`` is (…, D), and γ and β are (D,), as far as they are there; β not without γ."""
    shapes = [None if array is None else array.shape for array in (gamma, beta)]
    alone = gamma is None and beta is not None
    if x.ndim < 1 or x.size == 0 or alone or any(shape not in (None, x.shape[-1:]) for shape in shapes):
        raise ShapeError(f"{who}: x must be (…, D), γ and β (D,), got {x.shape}, {shapes[0]} and {shapes[1]}.")


def _moments(x: Array) -> Moments:
    """The moments of each row, with v = x − μ and o = 0."""
    mean = np.einsum("...i->...", x)[..., np.newaxis] / x.shape[-1]
    centered = x - mean
    return mean, _row_products(centered, centered) / x.shape[-1], centered, np.zeros_like(mean)


@quiet_products
def _row_products(a: Array, b: Array) -> Array:
    """Σᵢ aᵢ bᵢ of each row, (…, D) → (…, 1), at least twice as fast as by einsum."""
    products: Array = np.matmul(a[..., np.newaxis, :], b[..., np.newaxis])[..., 0]
    return products


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
