"""Depthwise convolution: every channel has kernels of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.conv import Conv2d
from mlp_numpy.modules.layout import images
from mlp_numpy.modules.windows import Windows

_BLOCK_BYTES: Final = 1 << 19
"""The size of a block of images that stays in the cache while the kernel's places pass over it."""


class DepthwiseConv2d(Op):
    """
    Forward     out_ncqij = b_cq + Σ_uv W_cquv x_nchw      h = i s + u δ − p, w = j s + v δ − p, 0 where x has no such
                pixel; summed place by place of the kernel, without a matrix of windows
    Backward    dx_nchw = Σ_qijuv W_cquv dout_ncqij over all i, j, u, v with i s + u δ − p = h and j s + v δ − p = w
                dW_cquv = Σ_nij dout_ncqij x_nchw      db = Σ_nij dout
    Shapes      x (N, C, H, W)   W (M, 1, KH, KW)   b (M,), or none   out, dout (N, M, H′, W′)
                c channel, q one of its M/C kernels
    Caches      x with the channels innermost, a view if it is stored so; W  (a view, no copy)
    Kinks       none
    Reference   Sifre 2014, "Rigid-Motion Scattering for Image Classification", section 6.2; a GroupedConv2d with C
                groups, whose products of matrices would be as narrow as their kernels are few
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> None:
        Conv2d.check_weight("DepthwiseConv2d", weight, bias, over)
        over.check("DepthwiseConv2d.do_forward", x)
        if weight.shape[1] != 1 or len(weight) % x.shape[1]:
            raise ShapeError(
                f"DepthwiseConv2d.do_forward: W must be (M, 1, KH, KW) with M a multiple of C, got {weight.shape} and "
                f"{x.shape}."
            )

    @staticmethod
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> Array:
        pixels, kernels = np.ascontiguousarray(x.transpose(0, 2, 3, 1)), _by_place(weight, x.shape[1])
        n, height, width, n_channels = pixels.shape
        out = np.zeros((n, *over.out_size(height, width), *kernels.shape[2:]), np.result_type(x, weight))
        if bias is not None:
            out += bias.reshape(n_channels, -1)
        for part in _blocks(pixels):
            for (u, v), seen, at in over.offsets(height, width):
                out[part, at[2], at[3]] += pixels[part, seen[2], seen[3], :, np.newaxis] * kernels[u, v]
        context["pixels"], context["weight"], context["over"] = pixels, weight, over
        context["biased"] = bias is not None
        return images(out.reshape(-1, len(weight)), (n, len(weight), *out.shape[1:3]))

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        pixels, weight, over = context["pixels"], context["weight"], context["over"]
        n, height, width, n_channels = pixels.shape
        kernels = _by_place(weight, n_channels)
        by_channel = np.ascontiguousarray(dout.transpose(0, 2, 3, 1)).reshape(*(n, *dout.shape[2:]), n_channels, -1)
        dx = np.zeros(pixels.shape, np.result_type(dout, weight)) if context.wants(0) else None
        dkernels = np.zeros(kernels.shape, np.result_type(dout, pixels))
        for part in _blocks(pixels):
            for (u, v), seen, at in over.offsets(height, width):
                on_image, part_of_dout = (part, *seen[2:]), by_channel[part, at[2], at[3]]
                for q in range(kernels.shape[3]):
                    one = part_of_dout[..., q]
                    if dx is not None:
                        dx[on_image] += one * kernels[u, v, :, q]
                    dkernels[u, v, :, q] += np.einsum("nijc,nijc->c", one, pixels[on_image])
        dweight = dkernels.transpose(2, 3, 0, 1).reshape(weight.shape)
        gradients = None if dx is None else dx.transpose(0, 3, 1, 2), dweight
        return (*gradients, by_channel.sum(axis=(0, 1, 2)).reshape(-1)) if context["biased"] else gradients


def _by_place(weight: Array, n_channels: int) -> Array:
    """(M, 1, KH, KW) → (KH, KW, C, M/C), a copy: the kernels' values at one place are contiguous."""
    kernels = weight.reshape(n_channels, -1, *weight.shape[2:])
    return np.ascontiguousarray(kernels.transpose(2, 3, 0, 1))


def _blocks(pixels: Array) -> Iterator[slice]:
    size = max(1, _BLOCK_BYTES // (pixels[0].size * pixels.itemsize))
    return (slice(start, start + size) for start in range(0, len(pixels), size))
