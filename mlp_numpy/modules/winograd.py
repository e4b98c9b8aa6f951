"""Convolution with 3×3 kernels by Winograd's minimal filtering: 16 multiplications for four windows instead of 36."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, column_sums
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.conv import Conv2d
from mlp_numpy.modules.layout import pixel_rows
from mlp_numpy.modules.windows import Windows
from mlp_numpy.modules.winograd_tiles import Tiles, kernels_to_places, parts_of

_CHANNELS: Final = 9.5
"""The least M·C / (M + 3C), times the square of the share of windows that belong to the image, for which Winograd's is
faster: measured on one thread of a processor with AVX-512."""
_TILES_OF_AN_IMAGE: Final = 4
"""The least number of tiles in an image for which the products save more than the transform of the kernels costs."""


class WinogradConv2d(Op):
    """
    Forward     out = Conv2d(x, W, b) for 3×3 kernels and stride 1, by tiles of 2×2 windows. For one row of a tile,
                y₀ = d₀ g₀ + d₁ g₁ + d₂ g₂   and   y₁ = d₁ g₀ + d₂ g₁ + d₃ g₂   are
                y₀ = p₀ + p₁ + p₂,   y₁ = p₁ − p₂ + p₃,   with  p₀ = (d₀ − d₂) g₀,   p₁ = (d₁ + d₂)(g₀ + g₁ + g₂)/2,
                p₂ = (d₂ − d₁)(g₀ − g₁ + g₂)/2,   p₃ = (d₃ − d₁) g₂;   as matrices  y = Aᵀ [(G g) ⊙ (Bᵀ d)].
                Of rows of rows, with d the 4×4 pixels of tile t in channel c:
                V_tc = Bᵀ d_tc B      U_mc = G W_mc Gᵀ      P_tm = Σ_c U_mc ⊙ V_tc      out_tm = Aᵀ P_tm A + b_m
    Backward    dP_tm = A dout_tm Aᵀ      dV_tc = Σ_m U_mc ⊙ dP_tm      dU_mc = Σ_t dP_tm ⊙ V_tc
                dd_tc = B dV_tc Bᵀ      dx_nc = Σ_t dd_tc, where tiles overlap      dW_mc = Gᵀ dU_mc G
                db = Σ_nij dout
    Shapes      x (N, C, H, W)   W (M, C, 3, 3)   b (M,), or none   out, dout (N, M, H′, W′)
                V, P, U 4×4 each; for each of the 16 places k, P_k = V_k U_kᵀ is a product of matrices, (tiles, C)
                times (C, M)
    Caches      x, W  (views, no copy); V and U are computed again
    Kinks       none. Rounding: 1 to 3 times the error of Conv2d. ∞ and NaN would spread over a tile, and differences of
                pixels may overflow: if a result is not finite, it is that of Conv2d
    Reference   Winograd 1980, "Arithmetic Complexity of Computations", section V; Lavin and Gray 2015, "Fast Algorithms
                for Convolutional Neural Networks", section 4.1. The signs of p₃ and of the last rows of Bᵀ and Aᵀ are
                opposite here
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> None:
        if (over.kernel, over.stride, over.dilation) != ((3, 3), (1, 1), (1, 1)):
            raise OptionError(f"WinogradConv2d.do_forward: windows must be 3 × 3 with stride 1, got {over}.")
        Conv2d.check_weight("WinogradConv2d", weight, bias, over)
        over.check("WinogradConv2d.do_forward", x, weight.shape[1])

    @staticmethod
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> Array:
        kind, tiles = np.result_type(x, weight), Tiles(over, *x.shape[2:])
        out = np.empty((len(x), *tiles.out_size, len(weight)), kind)
        with np.errstate(over="ignore", invalid="ignore"):
            for part, buffers in tiles.blocks(len(x), weight.shape[:2], kind):
                tiles.to_places(x[part].transpose(0, 2, 3, 1), buffers)
                for some in parts_of(len(weight)):
                    u = kernels_to_places(weight[some])
                    np.matmul(buffers.v_rows, u.transpose(0, 2, 1), out=buffers.p_rows[:, :, some])
                tiles.from_places(buffers, out[part])
                if bias is not None:
                    out[part] += bias
            finite = np.isfinite(out.sum())
        context["x"], context["weight"], context["over"], context["biased"] = x, weight, over, bias is not None
        context["tiles"] = tiles if finite else None
        return out.transpose(0, 3, 1, 2) if finite else Conv2d.forward(context, x, weight, bias, over=over)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x, weight, tiles = context["x"], context["weight"], context["tiles"]
        if tiles is None:
            return Conv2d.backward(context, dout)
        kind = np.result_type(x, weight, dout)
        into, dweight = context.target(1), None
        if context.wants(1):
            dweight = np.empty_like(weight, kind) if into is None else into
        dx = np.empty((len(x), *x.shape[2:], x.shape[1]), kind) if context.wants(0) else None
        with np.errstate(over="ignore", invalid="ignore"):
            for part, buffers in tiles.blocks(len(x), weight.shape[:2], kind):
                tiles.spread(dout[part].transpose(0, 2, 3, 1), buffers)
                if dweight is not None:
                    tiles.to_places(x[part].transpose(0, 2, 3, 1), buffers)
                    buffers.kernels_gradient(dweight, add=part.start > 0)
                if dx is not None:
                    for some in parts_of(weight.shape[1]):
                        np.matmul(buffers.p_rows, kernels_to_places(weight[:, some]), out=buffers.v_rows[:, :, some])
                    tiles.sum_to_pixels(buffers, dx[part])
            finite = all(np.isfinite(gradient.sum()) for gradient in (dweight, dx) if gradient is not None)
        if not finite:
            return Conv2d.backward(context, dout)
        gradients = None if dx is None else dx.transpose(0, 3, 1, 2), dweight
        if not context["biased"]:
            return gradients
        return *gradients, column_sums(pixel_rows(dout))


def winograd_pays(n_out: int, n_in: int, over: Windows, size: tuple[int, int]) -> bool:
    """True where WinogradConv2d is faster than Conv2d: for M kernels of C channels and H′, W′ = ``size``.

    The products save as much as M·C, the transforms of the tiles cost as much as M + 3C channels: V is made twice.
    Those of the kernels cost the same for any number of images, so that an image must have several tiles. Windows of a
    tile that are not windows of the image are computed in vain.
    """
    if (over.kernel, over.stride, over.dilation) != ((3, 3), (1, 1), (1, 1)):
        return False
    n_tiles = -(-size[0] // 2) * -(-size[1] // 2)
    useful = size[0] * size[1] / (4 * n_tiles) if n_tiles else 0.0
    return n_tiles >= _TILES_OF_AN_IMAGE and n_out * n_in * useful**2 >= _CHANNELS * (n_out + 3 * n_in)
