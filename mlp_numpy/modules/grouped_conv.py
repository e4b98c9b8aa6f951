"""Convolution in groups of channels."""

from __future__ import annotations

import math

import numpy as np

from mlp_numpy.arrays import Array, quiet_products
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.conv import Conv2d, add_windows, image_blocks, no_pixels, window_rows
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.windows import Windows


class GroupedConv2d(Op):
    """
    Forward     out_ngmij = b_gm + Σ_cuv W_gmcuv x_ngchw      h = i s + u δ − p, w = j s + v δ − p, 0 where x has
                no such pixel; as one product per group  out_g = X_g W_gᵀ + b_g,  X_g,nij,uvc = x_ngchw
    Backward    dX_g = dout_g W_g      dW_g = Σ dout_gᵀ X_g over blocks of images      db = Σ_nij dout
                dx_ngchw = Σ_ijuv dX_g,nij,uvc over all i, j, u, v with i s + u δ − p = h and j s + v δ − p = w
    Shapes      x (N, C, H, W)   W (M, C/G, KH, KW)   b (M,), or none   out, dout (N, M, H′, W′)
                G groups g of C/G input channels c and M/G output channels m   X (G, n·H′·W′, KH·KW·C/G) of n images
    Caches      x, W  (no copy); X is made again
    Kinks       none
    Reference   Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification with Deep Convolutional Neural
                Networks", section 3.5; each group is a Conv2d of its channels
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows, groups: int) -> None:
        Conv2d.check_weight("GroupedConv2d", weight, bias, over)
        if len(weight) % groups:
            raise ShapeError(f"GroupedConv2d.do_forward: M must be a multiple of {groups} groups, got {weight.shape}.")
        over.check("GroupedConv2d.do_forward", x, groups * weight.shape[1])

    @staticmethod
    @quiet_products
    def forward(
        context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows, groups: int
    ) -> Array:
        out = np.empty((len(x), math.prod(over.out_size(*x.shape[2:])), len(weight)), np.result_type(x, weight))
        matrices = _matrices(weight, groups)
        for part in image_blocks(x, over):
            rows = out[part].reshape(-1, len(weight))
            np.matmul(window_rows(x[part], over, groups), matrices.transpose(0, 2, 1), out=_by_group(rows, groups))
        if bias is not None:
            out += bias
        context["x"], context["weight"], context["over"], context["groups"] = x, weight, over, groups
        context["biased"] = bias is not None
        return images(out.reshape(-1, len(weight)), (len(x), len(weight), *over.out_size(*x.shape[2:])))

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x, weight, groups, over = context["x"], context["weight"], context["groups"], context["over"]
        n_kernels, n_channels, kh, kw = weight.shape
        rows, matrices = pixel_rows(dout).reshape(len(x), -1, n_kernels), _matrices(weight, groups)
        dx = no_pixels(x, np.result_type(dout, weight)) if context.wants(0) else None
        dmatrices = np.zeros(matrices.shape, np.result_type(dout, x))
        for part in image_blocks(x, over):
            by_group = _by_group(rows[part].reshape(-1, n_kernels), groups)
            dmatrices += by_group.transpose(0, 2, 1) @ window_rows(x[part], over, groups)
            if dx is not None:
                dx_rows = (by_group @ matrices).reshape(groups, -1, kh * kw, n_channels)
                add_windows(dx[part], dx_rows.transpose(1, 2, 0, 3), over)
        dweight = dmatrices.reshape(n_kernels, kh, kw, n_channels).transpose(0, 3, 1, 2)
        gradients = None if dx is None else dx.transpose(0, 3, 1, 2), dweight
        return (*gradients, rows.sum(axis=(0, 1))) if context["biased"] else gradients


def _matrices(weight: Array, groups: int) -> Array:
    """(M, C/G, KH, KW) → (G, M/G, KH·KW·C/G): a view of a weight stored as in Conv2dModule, else a copy."""
    return weight.transpose(0, 2, 3, 1).reshape(groups, len(weight) // groups, -1)


def _by_group(rows: Array, groups: int) -> Array:
    """(N·H′·W′, M) → (G, N·H′·W′, M/G), a view."""
    return rows.reshape(len(rows), groups, -1).transpose(1, 0, 2)
