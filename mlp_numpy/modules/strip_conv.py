"""Convolution whose backward pass neither copies nor sums whole windows: they slide along strips of dout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite, column_sums, quiet_products
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.blas import add_product
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.conv import Conv2d, few_in
from mlp_numpy.modules.layout import pixel_rows
from mlp_numpy.modules.windows import Pair, Windows

_ROWS: Final = 256
"""The least number of rows of a product: fewer make it slower."""
_FEW_CHANNELS: Final = 8
_CHANNELS: Final = 100
"""The largest M·C / (M + C) for which the copies of whole windows are a large part of the time."""
_STRIPS: Final = 3
"""The largest M / C for which strips of dout are faster than windows of x."""
_WINDOWS: Final = 36
"""The least number of windows in an image for which the saved copies outweigh the order of the kernels."""


class StripConv2d(Op):
    """
    Forward     out = Conv2d(x, W, b) for stride 1 and no dilation, computed by it
    Backward    dx is the convolution of dout with the turned kernels  W*_c,vum = W_mc,KH−1−u,KW−1−v  and the padding
                p* = K − 1 − p. A strip for each row h of x has, for every column, the KH pixels of dout beneath each
                other that its windows see:  S_nh,jum = dout_nm,h+u−p*,j−p*  or 0 beside dout, j = 0 … W + KW − 2.
                The windows of column w are the columns w … w + KW − 1 of all strips, a part of S without a copy:
                dx_nh,wc = Σ_vum S_nh,(w+v)um W*_c,vum      dW*_c,vum = Σ_nhw x_nh,wc S_nh,(w+v)um
                db = Σ_nij dout             two products of matrices for each column w
    Shapes      x (N, C, H, W)   W (M, C, KH, KW)   b (M,), or none   out, dout (N, M, H′, W′)
                S (n·H, (W + KW − 1)·KH·M) of a block of n images
                p padding, p* too, in each direction its own; p* may be negative
    Caches      x, W  (no copy)
    Kinks       none. 0 beside dout times ∞ or NaN is NaN: if W, dout or dW is not finite, the gradients are those of
                Conv2d
    Reference   Cho and Brand 2017, "MEC: Memory-efficient Convolution for Deep Neural Network", for strips and their
                products, there of x in the forward pass, with rows and columns exchanged
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> None:
        if not slides(over):
            raise OptionError(f"StripConv2d.do_forward: windows must have stride 1 and dilation 1, got {over}.")
        Conv2d.check_weight("StripConv2d", weight, bias, over)
        over.check("StripConv2d.do_forward", x, weight.shape[1])

    @staticmethod
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> Array:
        return Conv2d.forward(context, x, weight, bias, over=over)

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x, weight, over = context["x"], context["weight"], context["over"]
        (kh, kw), (n, channels, high, wide) = over.kernel, x.shape
        if not (all_finite(weight) and all_finite(dout)):
            return Conv2d.backward(context, dout)
        turned = np.ascontiguousarray(weight[:, :, ::-1, ::-1].transpose(1, 3, 2, 0)).reshape(channels, -1)
        dturned = np.zeros(turned.shape, np.result_type(x, dout)) if context.wants(1) else None
        dx = np.empty((n, high, wide, channels), np.result_type(dout, weight)) if context.wants(0) else None
        around = kh - 1 - over.padding[0], kw - 1 - over.padding[1]
        for part, strips in _strips(dout, (high, wide), over.kernel, around):
            if dturned is not None:
                columns = _columns(np.ascontiguousarray(x[part].transpose(0, 2, 3, 1)))
                for windows, pixels in zip(_windows(strips, turned), columns, strict=True):
                    add_product(pixels.T, windows, dturned)
            if dx is not None:
                for windows, pixels in zip(_windows(strips, turned), _columns(dx[part]), strict=True):
                    np.matmul(windows, turned.T, out=pixels)
        dweight, into = None, context.target(1)
        if dturned is not None:
            if not all_finite(dturned):
                return Conv2d.backward(context, dout)
            dweight = dturned.reshape(channels, kw, kh, -1)[:, ::-1, ::-1].transpose(3, 0, 2, 1)
            if into is not None:
                into[...] = dweight
                dweight = into
        gradients = None if dx is None else dx.transpose(0, 3, 1, 2), dweight
        if not context["biased"]:
            return gradients
        return *gradients, column_sums(pixel_rows(dout))


def _strips(images: Array, size: Pair, kernel: Pair, padding: Pair) -> Iterator[tuple[slice, Array]]:
    """Slices of the ``images`` (N, M, H′, W′) and their strips (n, H, W + KW − 1, KH, M), in the same memory, for
    windows H, W = ``size``; less than no padding leaves out pixels."""
    n_blocks = -(-len(images) * size[0] // _ROWS)
    at_once = -(-len(images) // n_blocks) if n_blocks < len(images) else 1
    columns = size[1] + kernel[1] - 1
    # Every block fills the same places, so the zeros beside the images remain.
    memory = np.zeros((at_once, size[0], columns, kernel[0], images.shape[1]), images.dtype)
    across = _overlap(columns, images.shape[3], padding[1])
    down = [_overlap(size[0], images.shape[2], padding[0] - u) for u in range(kernel[0])]
    for start in range(0, len(images), at_once):
        pixels = images[start : start + at_once].transpose(0, 2, 3, 1)
        strips = memory[: len(pixels)]
        for u, (places, lines) in enumerate(down):
            strips[:, places, across[0], u] = pixels[:, lines, across[1]]
        yield slice(start, start + at_once), strips


def _overlap(n_places: int, n_pixels: int, before: int) -> tuple[slice, slice]:
    """The places on a row of pixels that begins at place ``before``, and their pixels."""
    first, last = max(0, before), max(0, before, min(n_places, n_pixels + before))
    return slice(first, last), slice(first - before, last - before)


def _windows(strips: Array, kernels: Array) -> Iterator[Array]:
    """The windows (n·H, KW·KH·M) of each column of windows; as long as a row of ``kernels``."""
    step, matrix = strips.shape[3] * strips.shape[4], strips.reshape(strips.shape[0] * strips.shape[1], -1)
    size = kernels.shape[1]
    return (matrix[:, at : at + size] for at in range(0, matrix.shape[1] - size + 1, step))


def _columns(pixels: Array) -> Iterator[Array]:
    """Each column of contiguous pixels (n, H, W, C) as a matrix (n·H, C)."""
    lines = pixels.reshape(-1, *pixels.shape[2:])
    return (lines[:, w] for w in range(lines.shape[1]))


def slides(over: Windows) -> bool:
    """True if windows are one pixel apart, without dilation."""
    return over.stride == over.dilation == (1, 1)


def strips_pay(n_out: int, n_in: int, over: Windows, size: Pair) -> bool:
    """True where StripConv2d is faster than Conv2d: for M kernels of C channels and H′, W′ = ``size``.

    The copies and sums of whole windows that it saves cost as much as M + C channels, the products as much as M·C; the
    order of the kernels, which it changes, costs the same for any number of images. Few channels are copied column by
    column in Conv2d, or its windows are wider.
    """
    if not slides(over) or min(over.kernel) == 1 or n_in < _FEW_CHANNELS or few_in(n_in, over.kernel[1], size[1]):
        return False
    if n_out > _STRIPS * n_in:  # strips of M channels are then longer than whole windows of C
        return False
    return n_out * n_in <= _CHANNELS * (n_out + n_in) and size[0] * size[1] >= _WINDOWS
