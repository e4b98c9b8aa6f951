"""Group normalization: the features of a sample are normalized in groups, each to mean 0 and variance 1."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, quiet_products, row_blocks
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.moments import Moments, scaled_moments, sums_within_range

_WIDTH: Final = 512
"""The number of values that several pixels side by side have, if one has fewer: longer loops are faster."""


class GroupNormalize(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r (x − μ)     r = 1/√(σ² + ε)     μ = Σₖ xₖ / K     σ² = Σₖ (xₖ − μ)² / K
    Backward    dx = r / K (K g − Σₖ gₖ − x̂ Σₖ gₖ x̂ₖ)     g = dout ⊙ γ     dγ = Σ dout ⊙ x̂     dβ = Σ dout
    Shapes      x, x̂, g, out, dout (N, C, …)   γ, β (C,), or none: out = x̂ and g = dout   μ, σ², r (N, G)
                k runs over the K values of one sample in one of the G groups of C/G channels, over all pixels; dγ and
                dβ sum over samples and pixels
    Caches      x and γ  (views, no copies), μ, r; where a group needs another origin and unit (see
                ``scaled_moments``) x, μ and r in these, as new arrays
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
        pixels = _pixels(x)
        by_group = pixels.reshape(*pixels.shape[:2], groups, -1)
        _, _, values, origin, r_unit, r = scaled_moments(by_group, (1, 3), _moments, eps)
        values, n_channels = values.reshape(pixels.shape), pixels.shape[2]
        origin, r_unit, r = (_to_channels(each, n_channels) for each in (origin, r_unit, r))
        context["values"], context["origin"], context["r_unit"], context["r"] = values, origin, r_unit, r
        context["groups"], context["gamma"] = groups, gamma
        scale = r_unit if gamma is None else r_unit * gamma
        out = np.empty(values.shape, scale.dtype)
        for part in row_blocks(values):
            block, into = _wide(values[part]), _wide(out[part])
            np.subtract(block, _beside(origin[part], block), out=into)
            into *= _beside(scale[part], block)
            if beta is not None:
                into += _beside(beta[np.newaxis], block)
        return images(out.reshape(-1, n_channels), x.shape)

    @staticmethod
    @quiet_products
    @sums_within_range
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        values, origin, r_unit, r = context["values"], context["origin"], context["r_unit"], context["r"]
        gamma, pixels = context["gamma"], _pixels(dout)
        sums, products = np.empty((2, *r.shape), np.result_type(pixels, values))
        for part in row_blocks(values):
            block, gradient = _wide(values[part]), _wide(pixels[part])
            distances = block - _beside(origin[part], block)
            distances *= gradient
            sums[part], products[part] = _sums(gradient, r.shape[1]), _sums(distances, r.shape[1])
        products *= r_unit
        shift, slope = (_group_means(each, gamma, context["groups"], values.shape[1]) for each in (sums, products))
        slope = slope * r_unit
        dx = np.empty(values.shape, np.result_type(sums, r))
        for part in row_blocks(values):
            block, gradient, into = _wide(values[part]), _wide(pixels[part]), _wide(dx[part])
            np.subtract(block, _beside(origin[part], block), out=into)
            into *= _beside(slope[part], block)
            into += _beside(shift[part], block)
            g = gradient if gamma is None else gradient * _beside(gamma[np.newaxis], block)
            np.subtract(g, into, out=into)
            into *= _beside(r[part], block)
        gradients = images(dx.reshape(-1, dx.shape[2]), dout.shape), products.sum(axis=0), sums.sum(axis=0)
        return gradients if gamma is not None else gradients[:1]


def _pixels(x: Array) -> Array:
    """(N, C, …) → (N, P, C) for P pixels: a view if the channels are contiguous, else a copy."""
    return pixel_rows(x).reshape(len(x), -1, x.shape[1])


def _wide(pixels: Array) -> Array:
    """(n, P, C) with so many pixels side by side as ``_WIDTH`` has room for, a view."""
    n, n_pixels, n_channels = pixels.shape
    most = min(n_pixels, max(1, _WIDTH // n_channels))
    side_by_side = next(count for count in range(most, 0, -1) if n_pixels % count == 0)
    return pixels.reshape(n, n_pixels // side_by_side, side_by_side * n_channels)


def _beside(features: Array, wide: Array) -> Array:
    """(n, C) for each of the pixels side by side: (n, 1, width)."""
    count = wide.shape[2] // features.shape[1]
    repeated: Array = np.tile(features, (1, count))[:, np.newaxis]
    return repeated


def _sums(wide: Array, n_channels: int) -> Array:
    """The sum of each channel over all pixels of each sample, (n, C)."""
    sums = np.matmul(np.ones(wide.shape[1], wide.dtype), wide)
    sums_of_channels: Array = sums.reshape(len(wide), -1, n_channels).sum(axis=1)
    return sums_of_channels


def _moments(by_group: Array) -> Moments:
    """The moments of the groups of (N, P, G, C/G), as (N, 1, G, 1)."""
    n, n_pixels, groups, in_group = by_group.shape
    pixels, n_channels, count = by_group.reshape(n, n_pixels, -1), groups * in_group, n_pixels * in_group

    def of_groups(sums: Array) -> Array:
        means: Array = sums.reshape(n, 1, groups, in_group).sum(axis=3, keepdims=True) / count
        return means

    mean, squares = of_groups(_sums(_wide(pixels), n_channels)), np.empty((n, n_channels), pixels.dtype)
    origin = _to_channels(mean, n_channels)
    for part in row_blocks(pixels):
        block = _wide(pixels[part])
        distances = block - _beside(origin[part], block)
        distances *= distances
        squares[part] = _sums(distances, n_channels)
    return mean, of_groups(squares), by_group, mean


def _to_channels(of_groups: Array, n_channels: int) -> Array:
    """(N, 1, G, 1) → (N, C)."""
    n, _, groups, _ = of_groups.shape
    return np.repeat(of_groups.reshape(n, groups), n_channels // groups, axis=1)


def _group_means(sums: Array, gamma: Array | None, groups: int, n_pixels: int) -> Array:
    """Σₖ / K of γ ⊙ ``sums`` (N, C), over all pixels, of the group of each channel: (N, C)."""
    n, n_channels = sums.shape
    weighted = (sums if gamma is None else sums * gamma).reshape(n, 1, groups, -1)
    means: Array = weighted.sum(axis=3, keepdims=True) / (n_channels // groups * n_pixels)
    return _to_channels(means, n_channels)


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
