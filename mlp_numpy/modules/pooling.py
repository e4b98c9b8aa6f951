"""Pooling: one value for each window of an image."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, holds_nan
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import flag
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.layout import laid_out_as, zeros_laid_out_as
from mlp_numpy.modules.max_of_windows import GradientOfBlock, MaximaOfBlock, blocks_of_images
from mlp_numpy.modules.windows import Size, Windows, pair, windows


class MaxPool2d(Op):
    """
    Forward     out_ncij = max_uv x_nchw      h = i s + u δ − p,  w = j s + v δ − p,  −∞ where x has no such pixel
    Backward    dx_nchw = Σ dout_ncij over all windows (i, j) whose maximum lies at h, w
    Shapes      x (N, C, H, W)   out, dout (N, C, H′, W′)
    Caches      for each window the number KW·u + v of its maximum, in as few bytes as hold it; the shape of x
    Kinks       where several numbers of a window are its maximum, the first of them, row by row, has the gradient; a
                NaN is the maximum of its window. The padding never has it, so that Σ dx = Σ dout
    Reference   elementary calculus; "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), figure 6, uses it
    """

    @staticmethod
    def check_inputs(x: Array, *, over: Windows) -> None:
        over.check("MaxPool2d.do_forward", x)
        over.check_overlap("MaxPool2d.do_forward", x)

    @staticmethod
    def forward(context: Context, x: Array, *, over: Windows) -> Array:
        size = (*x.shape[:2], *over.out_size(*x.shape[2:]))
        out = laid_out_as(x, size)
        place = laid_out_as(x, size, np.min_scalar_type(over.kernel[0] * over.kernel[1] - 1))
        for part, block in blocks_of_images(MaximaOfBlock, x, over, place.dtype):
            out[part], place[part] = block.of(x[part])
        if holds_nan(out):
            _place_nans(out, place, x, over)
        context["place"], context["shape"], context["over"] = place, x.shape, over
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        place, shape, over = context["place"], context["shape"], context["over"]
        dx = laid_out_as(place, shape, dout.dtype)
        for part, block in blocks_of_images(GradientOfBlock, dx, over, place.dtype):
            block.write(dx[part], dout[part], place[part])
        return dx


def _place_nans(out: Array, place: Array, x: Array, over: Windows) -> None:
    """Set the place of every window with a NaN to its first NaN, which comparisons do not find."""
    unplaced = np.isnan(out.real)
    for (u, v), on_image, in_windows in over.offsets(*x.shape[2:]):
        here = np.isnan(x[on_image].real) & unplaced[in_windows]
        place[in_windows][here] = u * over.kernel[1] + v
        unplaced[in_windows] &= ~here


class AvgPool2d(Op):
    """
    Forward     out_ncij = Σ_uv x_nchw / B_ij      h = i s + u − p,  w = j s + v − p,  0 where x has no such pixel
                B_ij = KH·KW, without what of a last window lies beyond the padding; or without the padding too
    Backward    dx_nchw = Σ dout_ncij / B_ij over all windows (i, j) that see h, w
    Shapes      x (N, C, H, W)   out, dout (N, C, H′, W′)   B (H′, W′)
    Caches      the shape of x
    Kinks       none
    Reference   elementary: a mean. The padding counts as numbers, as it does in PyTorch unless told otherwise; the
                shares of dout that fall on it are lost, all others arrive: Σ dx = Σ dout without padding, and where it
                does not count
    """

    @staticmethod
    def check_inputs(x: Array, *, over: Windows, count_include_pad: bool = True) -> None:
        over.check("AvgPool2d.do_forward", x)

    @staticmethod
    def forward(context: Context, x: Array, *, over: Windows, count_include_pad: bool = True) -> Array:
        size = over.counts(*x.shape[2:], padding=count_include_pad, dtype=x.real.dtype)
        context["shape"], context["over"], context["size"] = x.shape, over, size
        out = zeros_laid_out_as(x, (*x.shape[:2], *over.out_size(*x.shape[2:])))
        with np.errstate(over="ignore", invalid="ignore"):
            for _, on_image, in_windows in over.offsets(*x.shape[2:]):
                out[in_windows] += x[on_image]
            if not all_finite(out):
                # A sum may overflow where the mean does not.
                means = np.zeros_like(out)
                for _, on_image, in_windows in over.offsets(*x.shape[2:]):
                    means[in_windows] += x[on_image] / (size if isinstance(size, int) else size[in_windows[2:]])
                return np.where(np.isfinite(out), out / size, means)
        out /= size
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        shape, over = context["shape"], context["over"]
        share = dout / context["size"]
        dx = zeros_laid_out_as(dout, shape)
        for _, on_image, in_windows in over.offsets(*shape[2:]):
            dx[on_image] += share[in_windows]
        return dx


class Pool2dModule(Module):
    """The base class of the pools: (N, C, H, W) → (N, C, H′, W′), H′ = ⌊(H + 2·padding − kernel) / stride⌋ + 1.

    kernel, stride, padding   one integer, or (height, width); the stride is the kernel's size by default
    ceil_mode                 the quotient is rounded up: the last window may reach beyond the padding, but begins on
                              the image or the padding before it

    Raises OptionError for invalid sizes, and for a padding above half the (dilated) kernel: up to this bound, which is
    PyTorch's, every window overlaps the image. Raises ShapeError in ``forward`` for images of another shape, or between
    the places of a dilated window.
    """

    def __init__(
        self,
        kernel: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> None:
        who = type(self).__name__
        super().__init__()
        ceil, steps = flag(who, "ceil_mode", ceil_mode), kernel if stride is None else stride
        self.windows = windows(who, kernel, steps, pair(who, "padding", padding, 0), dilation=dilation, ceil=ceil)
        if any(2 * p > k for p, k in zip(self.windows.padding, self.windows.extent, strict=True)):
            raise OptionError(f"{who}: the padding must be at most half the kernel, got {self.windows.arguments}.")

    def _op_kwargs(self) -> dict[str, Any]:
        return {"over": self.windows}

    def _repr_args(self) -> str:
        return self.windows.arguments

    def _check_input(self, x: Array) -> None:
        self.windows.check(f"{self!r}.forward", x)
        self.windows.check_overlap(f"{self!r}.forward", x)


class MaxPool2dModule(Pool2dModule):
    """The maximum of each window; the padding is −∞, and in case of ties the first maximum has the gradient.

    dilation   the distance of neighbouring places of a window, one integer, or (height, width)
    """

    op = MaxPool2d


class AvgPool2dModule(Pool2dModule):
    """The mean of each window, in which the padding counts as zeros.

    count_include_pad   False: the padding does not count; the mean is that of the pixels
    """

    op = AvgPool2d

    def __init__(
        self,
        kernel: Size,
        stride: Size | None = None,
        padding: Size = 0,
        *,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__(kernel, stride, padding, ceil_mode=ceil_mode)
        self.count_include_pad = flag("AvgPool2dModule", "count_include_pad", count_include_pad)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"over": self.windows, "count_include_pad": self.count_include_pad}

    def _repr_args(self) -> str:
        return f"{self.windows.arguments}{'' if self.count_include_pad else ', count_include_pad=False'}"
