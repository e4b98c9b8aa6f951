"""Convolution as one product of matrices."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mlp_numpy.arrays import Array, all_finite, quiet_products
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.widened_windows import one_by_one, widened
from mlp_numpy.modules.windows import Windows


class Conv2d(Op):
    """
    Forward     out_nmij = b_m + Σ_cuv W_mcuv x_nchw      h = i s + u δ − p, w = j s + v δ − p, 0 where x has no such
                pixel
                as one product  out = X Wᵀ + b,  X_nij,uvc = x_nchw
    Backward    dX = dout W      dW = doutᵀ X      db = Σ_nij dout
                dx_nchw = Σ_ijuv dX_nij,uvc over all i, j, u, v with i s + u δ − p = h and j s + v δ − p = w
                For few kernels, X, W and dW are those of wide windows, see ``widened``
    Shapes      x (N, C, H, W)   W (M, C, KH, KW)   b (M,), or none   out, dout (N, M, H′, W′)
                X (N·H′·W′, KH·KW·C)   s stride, p padding, δ dilation, in each direction its own
    Caches      X, W  (a view, no copy), the shape of x
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
        n, _, height, width = x.shape
        size = over.out_size(height, width)
        wide = widened(len(weight), over, size[1])
        x_rows = window_rows(x, wide.windows)
        out = x_rows @ wide.matrix(weight).T
        if wide.times > 1 and not all_finite(out):
            wide = one_by_one(over)
            x_rows = window_rows(x, over)
            out = x_rows @ wide.matrix(weight).T
        if bias is not None:
            out += np.tile(bias, wide.times)
        context["x_rows"], context["weight"], context["shape"], context["wide"] = x_rows, weight, x.shape, wide
        context["over"], context["biased"] = over, bias is not None
        return images(out.reshape(-1, len(weight)), (n, len(weight), *size))

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x_rows, weight, wide = context["x_rows"], context["weight"], context["wide"]
        rows = pixel_rows(dout).reshape(len(x_rows), -1)
        dx = None
        if context.wants(0):
            spread = wide if wide.times == 1 or all_finite(rows) else one_by_one(context["over"])
            dx_rows = rows.reshape(-1, spread.times * len(weight)) @ spread.matrix(weight)
            dx = sum_of_windows(dx_rows, context["shape"], spread.windows)
        dweight = wide.dweight(rows, x_rows, weight, context.target(1))
        if not context["biased"]:
            return dx, dweight
        dbias = np.einsum("sm->m", rows).reshape(wide.times, -1).sum(axis=0, out=context.target(2))
        return dx, dweight, dbias


def window_rows(x: Array, over: Windows, groups: int = 1) -> Array:
    """im2col, (N, C, H, W) → (N·H′·W′, KH·KW·C): one row per window, with zeros for the padding.

    In several groups of channels (groups, N·H′·W′, KH·KW·C / groups).
    """
    pixels = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    (kh, kw), around = over.kernel, tuple(zip(over.padding, over.after, strict=True))
    if around != ((0, 0), (0, 0)):
        pixels = np.pad(pixels, ((0, 0), *around, (0, 0)))
    # A view (N, H′, W′, C, KH, KW) with overlapping windows. With the channels innermost, a row of a window is
    # contiguous, and the copy is fast.
    seen = sliding_window_view(pixels, over.extent, axis=(1, 2))[:, :: over.stride[0], :: over.stride[1]]
    seen = seen[..., :: over.dilation[0], :: over.dilation[1]].transpose(0, 1, 2, 4, 5, 3)
    if groups == 1:
        return seen.reshape(-1, kh * kw * x.shape[1])
    seen = seen.reshape(*seen.shape[:5], groups, -1)
    return seen.transpose(5, 0, 1, 2, 3, 4, 6).reshape(groups, -1, kh * kw * seen.shape[6])


def sum_of_windows(rows: Array, shape: tuple[int, ...], over: Windows) -> Array:
    """The adjoint of ``window_rows`` (col2im): every value is added to its pixel, summed over all windows."""
    n, channels, height, width = shape
    kh, kw = over.kernel
    windowed = rows.reshape(n, *over.out_size(height, width), kh, kw * channels)
    dx = np.zeros((n, height, width * channels), rows.dtype)
    if over.dilation[1] > 1:
        placed, on_images = windowed.reshape(*windowed.shape[:4], kw, channels), dx.reshape(n, height, width, channels)
        for (u, v), seen, at in over.offsets(height, width):
            on_images[:, seen[2], seen[3]] += placed[:, at[2], at[3], u, v]
        return on_images.transpose(0, 3, 1, 2)
    # Row u of a window is contiguous, and so are its pixels in the image.
    for u, j, lines, pixels, in_lines, in_window in over.rows(height, width):
        on_image = slice(pixels.start * channels, pixels.stop * channels)
        dx[:, lines, on_image] += windowed[:, in_lines, j, u, in_window.start * channels : in_window.stop * channels]
    return dx.reshape(n, height, width, channels).transpose(0, 3, 1, 2)
