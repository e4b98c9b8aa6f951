"""Group normalization: the features of a sample are normalized in groups, each to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.layer_norm import standardized, standardized_backward
from mlp_numpy.modules.moments import sums_within_range


class GroupNormalize(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σₖ xₖ / K     σ² = Σₖ (xₖ − μ)² / K
    Backward    dx = r / K (K g − Σₖ gₖ − x̂ Σₖ gₖ x̂ₖ)     g = dout ⊙ γ     dγ = Σ dout ⊙ x̂     dβ = Σ dout
    Shapes      x, x̂, g, out, dout (N, C, …)   γ, β (C,), or none: out = x̂ and g = dout   μ, σ², r (N, G)
                k runs over the K values of one sample in one of the G groups of C/G channels, over all pixels; dγ and
                dβ sum over samples and pixels
    Caches      x̂ as (N, G, K), r, γ  (a view, no copy)
    Kinks       none
    Reference   Wu and He 2018, "Group Normalization", eq. 1, 2, 6 and 7; a layer normalization of rows (N, G, K)
    """

    @staticmethod
    def check_inputs(
        x: Array, gamma: Array | None = None, beta: Array | None = None, *, groups: int, eps: float
    ) -> None:
        shapes = [None if array is None else array.shape for array in (gamma, beta)]
        fits = x.ndim >= 2 and x.size > 0 and x.shape[1] % groups == 0
        if not fits or shapes[0] != shapes[1] or shapes[0] not in (None, x.shape[1:2]):
            raise ShapeError(
                f"GroupNormalize.do_forward: x must be (N, C, …) with C a multiple of {groups}, γ and β (C,), got "
                f"{x.shape}, {shapes[0]} and {shapes[1]}."
            )

    @staticmethod
    def forward(
        context: Context, x: Array, gamma: Array | None = None, beta: Array | None = None, *, groups: int, eps: float
    ) -> Array:
        x_hat, r = standardized(x.reshape(len(x), groups, -1), eps)
        context["x_hat"], context["r"], context["gamma"] = x_hat, r, gamma
        out = np.empty_like(x, np.result_type(x_hat, *([] if gamma is None else [gamma])))
        if gamma is None or beta is None:
            out[...] = x_hat.reshape(x.shape)
            return out
        np.multiply(x_hat.reshape(x.shape), _along_channels(gamma, x), out=out)
        out += _along_channels(beta, x)
        return out

    @staticmethod
    @sums_within_range
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        x_hat, r, gamma = context["x_hat"], context["r"], context["gamma"]
        g = dout.copy(order="C") if gamma is None else np.multiply(dout, _along_channels(gamma, dout), order="C")
        dx = np.empty_like(dout, g.dtype)
        dx[...] = standardized_backward(g.reshape(x_hat.shape), x_hat, r).reshape(dout.shape)
        if gamma is None:
            return (dx,)
        rows, n_channels = dout.reshape(len(dout), len(gamma), -1), len(gamma)
        dgamma = np.einsum("ncs,ncs->c", rows, x_hat.reshape(len(dout), n_channels, -1))
        return dx, dgamma, np.einsum("ncs->c", rows)


def _along_channels(array: Array, x: Array) -> Array:
    """(C,), shaped to broadcast along axis 1 of ``x``."""
    return array.reshape(-1, *(1,) * (x.ndim - 2))


class GroupNorm(Module):
    """Normalizes the ``n_features`` = C channels of (N, C, …) in ``n_groups`` groups of C / n_groups, each over all its
    pixels; ``params`` "gamma" and "beta" (C,).

    eps      added to the variance, to avoid a division by zero for constant groups
    affine   False: no γ and β, ``params`` is empty

    One group is a layer normalization over channels and pixels, a group per channel an instance normalization. Training
    and evaluation are the same, and samples are independent. Without eps a constant group is normalized to 0.

    Raises OptionError for sizes below 1, an n_features that is no multiple of n_groups, or eps < 0; ShapeError in
    ``forward`` for an ``x`` of another shape.
    """

    op = GroupNormalize

    def __init__(
        self, n_groups: int, n_features: int, eps: float = 1e-5, *, affine: bool = True, dtype: Any = np.float64
    ) -> None:
        n_groups = whole_number("GroupNorm", "n_groups", n_groups)
        (n_features,) = allocatable("GroupNorm", (whole_number("GroupNorm", "n_features", n_features),))
        if n_features % n_groups:
            raise OptionError(f"GroupNorm: n_features must be a multiple of n_groups, got {n_features} and {n_groups}.")
        eps, affine = number("GroupNorm", "eps", eps, NOT_NEGATIVE), flag("GroupNorm", "affine", affine)
        dtype = float_dtype("GroupNorm", dtype)
        super().__init__(**gamma_and_beta(n_features, dtype) if affine else {})
        self.n_groups, self.n_features, self.eps, self.affine = n_groups, n_features, eps, affine

    def _op_kwargs(self) -> dict[str, Any]:
        return {"groups": self.n_groups, "eps": self.eps}

    def _repr_args(self) -> str:
        return f"{self.n_groups}, {self.n_features}, eps={self.eps:g}{'' if self.affine else ', affine=False'}"

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[1] != self.n_features or x.size == 0:
            n = self.n_features
            raise ShapeError(f"GroupNorm({self.n_groups}, {n}).forward: x must be (N, {n}, …), got {x.shape}.")
