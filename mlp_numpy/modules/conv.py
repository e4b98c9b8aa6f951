"""Convolution as products of matrices, one for each block of images."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite, column_sums, quiet_products
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.conv_by_place import gradients_by_place, places_pay, products_by_place
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.widened_windows import Wide, one_by_one, widened
from mlp_numpy.modules.windows import Windows

_BLOCK_BYTES: Final = 1 << 20
"""The size of a block's window rows, which then stay in the cache."""
_BLOCK_ROWS: Final = 512
"""The least number of window rows in a block: fewer make a product slower."""

_FEW_CHANNELS: Final = 8


class Conv2d(Op):
    """
    Forward     out_nmij = b_m + Σ_cuv W_mcuv x_nchw      h = i s + u δ − p, w = j s + v δ − p, 0 where x has no such
                pixel
                as one product for a block of images  out = X Wᵀ + b,  X_nij,uvc = x_nchw
    Backward    dX = dout W      dW = Σ doutᵀ X over all blocks      db = Σ_nij dout
                dx_nchw = Σ_ijuv dX_nij,uvc over all i, j, u, v with i s + u δ − p = h and j s + v δ − p = w
                For few kernels, X, W and dW are those of wide windows, see ``widened``; for small images and many
                channels there is a product for each place u, v, see ``conv_by_place``
    Shapes      x (N, C, H, W)   W (M, C, KH, KW)   b (M,), or none   out, dout (N, M, H′, W′)
                X (n·H′·W′, KH·KW·C) of a block of n images   s stride, p padding, δ dilation, in each direction its own
    Caches      x, W  (no copy); X is made again
    Kinks       none
    Reference   Chellapilla, Puri and Simard 2006, "High Performance Convolutional Neural Networks for Document
                Processing", section 3.2, for the product; given X, dX, dW and db are those of the linear layer
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> None:
        Conv2d.check_weight("Conv2d", weight, bias, over)
        over.check("Conv2d.do_forward", x, weight.shape[1])

    @staticmethod
    def check_weight(who: str, weight: Array, bias: Array | None, over: Windows) -> None:
        """Raise ShapeError unless W is (M, C, KH, KW) for the kernel of ``over``, and b (M,) or None."""
        if weight.ndim != 4 or weight.shape[2:] != over.kernel or (bias is not None and bias.shape != weight.shape[:1]):
            raise ShapeError(
                f"{who}.do_forward: W and b must be (M, C, {over.kernel[0]}, {over.kernel[1]}) and (M,), got "
                f"{weight.shape} and {None if bias is None else bias.shape}."
            )

    @staticmethod
    @quiet_products
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None, *, over: Windows) -> Array:
        size = over.out_size(*x.shape[2:])
        out = products_by_place(x, weight, bias, over) if places_pay(weight, over, x.shape[2:]) else None
        if out is None:
            wide = widened(len(weight), over, size[1])
            out = _products(x, weight, bias, wide)
            if wide.times > 1 and not all_finite(out):
                out = _products(x, weight, bias, one_by_one(over))
        context["x"], context["weight"], context["over"], context["biased"] = x, weight, over, bias is not None
        return images(out.reshape(-1, len(weight)), (len(x), len(weight), *size))

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x, weight, over = context["x"], context["weight"], context["over"]
        if places_pay(weight, over, x.shape[2:]) and all_finite(dout):
            wants, into = (context.wants(0), context.wants(1)), context.target(1)
            gradients = gradients_by_place(x, weight, dout, over, wants=wants, into=into)
            return (*gradients, column_sums(pixel_rows(dout))) if context["biased"] else gradients
        wide = widened(len(weight), over, dout.shape[3])
        rows = pixel_rows(dout).reshape(len(x), -1, wide.times * len(weight))
        dx = dweight = dbias = None
        if context.wants(0):
            dx = no_pixels(x, np.result_type(dout, weight))
            spread = wide if wide.times == 1 or all_finite(rows) else one_by_one(over)
            matrix = spread.matrix(weight)
            for part in image_blocks(x, wide.windows):
                add_windows(dx[part], rows[part].reshape(-1, len(matrix)) @ matrix, spread.windows)
            dx = dx.transpose(0, 3, 1, 2)
        if context.wants(1):
            dweight, dbias = _gradients_of_kernels(x, rows, wide, weight.shape, context.target(1), context["biased"])
        if not context["biased"]:
            return dx, dweight
        if dbias is None:
            dbias = column_sums(rows.reshape(-1, rows.shape[2]))
        return dx, dweight, dbias.reshape(wide.times, -1).sum(axis=0, out=context.target(2))


def _gradients_of_kernels(
    x: Array, rows: Array, wide: Wide, shape: tuple[int, ...], into: Array | None, biased: bool
) -> tuple[Array, Array | None]:
    """dW (M, C, KH, KW), in ``into`` if possible, from dout as ``rows`` (N, …, q·M); with few channels also the q·M
    sums of these, if ``biased``."""
    constant, dmatrix = biased and few_channels(x, wide.windows), np.empty((0,))
    for part in image_blocks(x, wide.windows):
        x_rows = window_rows(x[part], wide.windows, constant=constant)
        dout_rows = rows[part].reshape(-1, rows.shape[2])
        if not x_rows.flags.c_contiguous:
            product = (x_rows.T @ dout_rows).T
        else:
            product = np.matmul(dout_rows.T, x_rows, out=wide.view(into) if part.start == 0 else None)
        dmatrix = product if part.start == 0 else np.add(dmatrix, product, out=dmatrix)
    dbias = dmatrix[:, -1] if constant else None
    return wide.dweight(dmatrix[:, :-1] if constant else dmatrix, shape, into), dbias


def _products(x: Array, weight: Array, bias: Array | None, wide: Wide) -> Array:
    """X Wᵀ + b of all blocks of images: (N, H′, W′·M)."""
    matrix, (high, broad) = wide.matrix(weight), wide.windows.out_size(*x.shape[2:])
    out = np.empty((len(x), high, broad * len(matrix)), np.result_type(x, weight))
    constant = bias is not None and few_channels(x, wide.windows)
    if bias is not None and constant:
        matrix = np.concatenate([matrix, np.tile(bias, wide.times)[:, np.newaxis]], axis=1)
    biases = None if bias is None or constant else np.tile(bias, broad * wide.times)
    for part in image_blocks(x, wide.windows):
        rows = window_rows(x[part], wide.windows, constant=constant)
        np.matmul(rows, matrix.T, out=out[part].reshape(-1, len(matrix)))
        if biases is not None:
            out[part] += biases
    return out


def image_blocks(x: Array, over: Windows) -> Iterator[slice]:
    """Slices of the images ``x``, as equal as can be, whose window rows stay in the cache; one if these are views."""
    (high, wide), size = over.out_size(*x.shape[2:]), over.kernel[0] * over.kernel[1] * x.shape[1] * x.itemsize
    at_once = max(_BLOCK_BYTES // size, _BLOCK_ROWS) // (high * wide)
    n_blocks = 1 if over.pointwise else -(-len(x) // max(1, at_once))
    step = -(-len(x) // n_blocks)
    return (slice(start, start + step) for start in range(0, len(x), step))


def few_channels(x: Array, over: Windows) -> bool:
    """True if a row of windows is much longer than a row of a window: window rows are then made column by column."""
    return few_in(x.shape[1], over.kernel[1], over.out_size(*x.shape[2:])[1])


def few_in(n_channels: int, kernel_width: int, n_columns: int) -> bool:
    """The condition of ``few_channels``: 2·KW·C ≤ W′."""
    return 2 * kernel_width * n_channels <= n_columns


def window_rows(x: Array, over: Windows, groups: int = 1, *, constant: bool = False) -> Array:
    """im2col, (N, C, H, W) → (N·H′·W′, KH·KW·C): one row per window, with zeros for the padding.

    In several groups of channels (groups, N·H′·W′, KH·KW·C / groups). Stored row after row, or with few channels column
    after column, whichever has longer pieces of contiguous memory; a view of ``x`` if each window is a pixel.

    constant   for few channels: with a last column of ones, whose weight is the bias
    """
    channels, (kh, kw) = x.shape[1], over.kernel
    if groups == 1 and few_channels(x, over):
        seen = _windows(_padded(x, over, 2), over, 2).transpose(4, 5, 1, 0, 2, 3)  # (KH, KW, C, N, H′, W′)
        columns = np.ones((kh * kw * channels + constant, math.prod(seen.shape[3:])), x.dtype)
        columns[: kh * kw * channels].reshape(seen.shape)[...] = seen
        return columns.T
    # With the channels innermost, a row of a window is contiguous.
    seen = _windows(_padded(x.transpose(0, 2, 3, 1), over, 1), over, 1).transpose(0, 1, 2, 4, 5, 3)
    if groups == 1:
        return seen.reshape(-1, kh * kw * channels)
    seen = seen.reshape(*seen.shape[:5], groups, -1)
    return seen.transpose(5, 0, 1, 2, 3, 4, 6).reshape(groups, -1, kh * kw * seen.shape[6])


def _padded(pixels: Array, over: Windows, axis: int) -> Array:
    """Contiguous pixels with the padding around the axes ``axis`` and ``axis + 1``, a copy only if needed."""
    (top, left), (below, right) = over.padding, over.after
    if top == left == below == right == 0 and pixels.flags.c_contiguous:
        return pixels
    shape, inside = list(pixels.shape), [slice(None)] * 4
    for at, before, after in ((axis, top, below), (axis + 1, left, right)):
        inside[at] = slice(before, before + shape[at])
        shape[at] += before + after
    padded = np.zeros(shape, pixels.dtype)
    places = padded[tuple(inside)]
    if axis == 1 and shape[3] <= _FEW_CHANNELS:
        # Pixels with few channels are short pieces of memory, a channel at a time has long ones.
        for c in range(shape[3]):
            places[..., c] = pixels[..., c]
    else:
        places[...] = pixels
    return padded


def _windows(pixels: Array, over: Windows, axis: int) -> Array:
    """A view whose last axes are KH and KW and in which H′ and W′ are in the place of the axes of the image."""
    shape, strides = list(pixels.shape), list(pixels.strides)
    for direction, at in enumerate((axis, axis + 1)):
        shape[at] = (shape[at] - over.extent[direction]) // over.stride[direction] + 1
        # A distance that no window, or place, is apart may be larger than any memory.
        strides[at] *= over.stride[direction] if shape[at] > 1 else 1
        strides.append(pixels.strides[at] * (over.dilation[direction] if over.kernel[direction] > 1 else 1))
    return np.ndarray((*shape, *over.kernel), pixels.dtype, pixels, strides=strides)


def no_pixels(x: Array, dtype: Any) -> Array:
    """Zeros (N, H, W, C) for the gradient of images ``x``."""
    n, channels, height, width = x.shape
    return np.zeros((n, height, width, channels), dtype)


def add_windows(dx: Array, rows: Array, over: Windows) -> None:
    """The adjoint of ``window_rows`` (col2im): every value is added to its pixel of ``dx`` (N, H, W, C)."""
    n, height, width, channels = dx.shape
    (kh, kw), size = over.kernel, over.out_size(height, width)
    if over.pointwise:
        dx[...] = rows.reshape(dx.shape)
        return
    if over.dilation[1] > 1:
        placed = rows.reshape(n, *size, kh, kw, channels)
        for (u, v), seen, at in over.offsets(height, width):
            dx[:, seen[2], seen[3]] += placed[:, at[2], at[3], u, v]
        return
    # Row u of a window is contiguous, and so are its pixels in the image.
    windowed, lines_of = rows.reshape(n, *size, kh, kw * channels), dx.reshape(n, height, width * channels)
    for u, j, lines, pixels, in_lines, in_window in over.rows(height, width):
        on_image = slice(pixels.start * channels, pixels.stop * channels)
        inside = slice(in_window.start * channels, in_window.stop * channels)
        lines_of[:, lines, on_image] += windowed[:, in_lines, j, u, inside]
