"""Convolution with 3×3 kernels by Winograd's minimal filtering: 36 multiplications for 16 windows instead of 144."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, column_sums
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.conv import Conv2d
from mlp_numpy.modules.layout import pixel_rows
from mlp_numpy.modules.windows import Windows
from mlp_numpy.modules.winograd_tiles import TILE, Tiles, grid_of, kernels_to_places, parts_of

_CHANNELS: Final = 3.9
"""The least M·C / (M + 3C), times the square of the share of windows that belong to the image, for which Winograd's is
faster: measured on one thread of a processor with AVX-512."""
_USEFUL: Final = 0.5
"""The share of windows that belong to the image above which any number of channels can make it faster."""


class WinogradConv2d(Op):
    """
    Forward     out = Conv2d(x, W, b) for 3×3 kernels and stride 1, by tiles of m×m windows, m = 4. One row of a tile is
                y_i = Σ_u g_u d_i+u,  i < m.  The adjoint, Σ_i g_u y_i at the place i + u, is the product of the
                polynomials with the coefficients g and y, of degree m + 1, and one of that degree is given by its
                values in m + 1 points t_k and the coefficient of its highest power, "its value in ∞". With these
                values as matrices,  (A y)_k = Σ_i t_kⁱ y_i  and  (G g)_k = Σ_u t_kᵘ g_u,  and B for the coefficients
                from the values, the product is  B [(G g) ⊙ (A y)],  so that by its adjoint
                y = Aᵀ [(G g) ⊙ (Bᵀ d)].
                Row k of Bᵀ has the coefficients of the polynomial that is 1 in t_k and 0 in the other points; that of
                ∞ those of Π_k (t − t_k). Of rows of rows, with d the (m + 2)×(m + 2) pixels of tile t in channel c:
                V_tc = Bᵀ d_tc B      U_mc = G W_mc Gᵀ      P_tm = Σ_c U_mc ⊙ V_tc      out_tm = Aᵀ P_tm A + b_m
    Backward    dP_tm = A dout_tm Aᵀ      dV_tc = Σ_m U_mc ⊙ dP_tm      dU_mc = Σ_t dP_tm ⊙ V_tc
                dd_tc = B dV_tc Bᵀ      dx_nc = Σ_t dd_tc, where tiles overlap      dW_mc = Gᵀ dU_mc G
                db = Σ_nij dout
    Shapes      x (N, C, H, W)   W (M, C, 3, 3)   b (M,), or none   out, dout (N, M, H′, W′)
                V, P, U (m + 2)×(m + 2) each; for each of the 36 places k, P_k = V_k U_kᵀ is a product of matrices,
                (tiles, C) times (C, M); each transform of rows is one, too
    Caches      x, W  (views, no copy); V and U are computed again
    Kinks       none. Rounding: some 2.5 times the error of Conv2d, relative to the largest numbers of a tile instead of
                a window: where a window is 0, out may be 1e-7 of its neighbors. ∞ and NaN would spread over a tile, and
                sums of pixels may overflow: if a result is not finite, it is that of Conv2d
    Reference   Winograd 1980, "Arithmetic Complexity of Computations", section V; Lavin and Gray 2015, "Fast Algorithms
                for Convolutional Neural Networks", section 4; Barabasz et al. 2020, "Error Analysis and Improving the
                Accuracy of Winograd Convolution for Deep Neural Networks", for what the points do to the error
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> None:
        if not is_tiled(over):
            raise OptionError(f"WinogradConv2d.do_forward: windows must be 3 × 3 with stride 1, got {over}.")
        Conv2d.check_weight("WinogradConv2d", weight, bias, over)
        over.check("WinogradConv2d.do_forward", x, weight.shape[1])

    @staticmethod
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> Array:
        kind, tiles = np.result_type(x, weight), Tiles(over, *x.shape[2:])
        out = np.empty((len(x), *over.out_size(*x.shape[2:]), len(weight)), kind)
        with np.errstate(over="ignore", invalid="ignore"):
            for part, buffers in tiles.blocks(len(x), weight.shape[:2], kind):
                tiles.to_places(x[part].transpose(0, 2, 3, 1), buffers)
                for some in parts_of(len(weight)):
                    u = kernels_to_places(weight[some], kind)
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
        dx = np.empty((len(x), *x.shape[2:], x.shape[1]), np.result_type(dout, weight)) if context.wants(0) else None
        with np.errstate(over="ignore", invalid="ignore"):
            for part, buffers in tiles.blocks(len(x), weight.shape[:2], kind):
                tiles.spread(dout[part].transpose(0, 2, 3, 1), buffers)
                if dweight is not None:
                    tiles.to_places(x[part].transpose(0, 2, 3, 1), buffers)
                    buffers.kernels_gradient(dweight, add=part.start > 0)
                if dx is not None:
                    for some in parts_of(weight.shape[1]):
                        u = kernels_to_places(weight[:, some], kind)
                        np.matmul(buffers.p_rows, u, out=buffers.v_rows[:, :, some])
                    tiles.sum_to_pixels(buffers, dx[part])
            finite = all(np.isfinite(gradient.sum()) for gradient in (dweight, dx) if gradient is not None)
        if not finite:
            return Conv2d.backward(context, dout)
        gradients = None if dx is None else dx.transpose(0, 3, 1, 2), dweight
        if not context["biased"]:
            return gradients
        return *gradients, column_sums(pixel_rows(dout))


def is_tiled(over: Windows) -> bool:
    """True if windows are 3×3, one pixel apart, without dilation."""
    return (over.kernel, over.stride, over.dilation) == ((3, 3), (1, 1), (1, 1))


def winograd_pays(n_out: int, n_in: int, over: Windows, size: tuple[int, int]) -> bool:
    """True where WinogradConv2d is faster than Conv2d: for M kernels of C channels and H′, W′ = ``size``.

    The products save as much as M·C, the transforms of the tiles cost as much as M + 3C channels: V is made twice.
    Windows of a tile that are not windows of the image are computed in vain. The transforms of the kernels cost the
    same for any number of images; a few small images, which they slow down, are not what a training has.
    """
    if not is_tiled(over) or math.prod(size) < TILE**2:
        return False
    useful = math.prod(size) / (TILE**2 * math.prod(grid_of(size)))
    return useful > _USEFUL and n_out * n_in * useful**2 >= _CHANNELS * (n_out + 3 * n_in)
