"""Adaptive average pooling: a given number of windows, which are as large as the image demands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import allocatable
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.layout import zeros_laid_out_as
from mlp_numpy.modules.windows import Pair, Size, pair


class AdaptiveAvgPool2d(Op):
    """
    Forward     out_ncij = Σ_hw x_nchw / B_ij      ⌊i H/H′⌋ ≤ h < ⌈(i + 1) H/H′⌉,  ⌊j W/W′⌋ ≤ w < ⌈(j + 1) W/W′⌉
                B_ij the number of these pixels; for H′ = W′ = 1 the global average pool
    Backward    dx_nchw = Σ dout_ncij / B_ij over all windows (i, j) that see h, w
    Shapes      x (N, C, H, W)   out, dout (N, C, H′, W′)   B (H′, W′)
    Caches      the shape of x
    Kinks       none
    Reference   elementary: a mean, Σ dx = Σ dout; global: Lin, Chen and Yan 2014, "Network In Network", section 3.2;
                the limits of the windows are PyTorch's
    """

    @staticmethod
    def check_inputs(x: Array, *, size: Pair) -> None:
        _check_images("AdaptiveAvgPool2d.do_forward", x)

    @staticmethod
    def forward(context: Context, x: Array, *, size: Pair) -> Array:
        context["shape"] = x.shape
        out = zeros_laid_out_as(x, (*x.shape[:2], *size))
        with np.errstate(over="ignore", invalid="ignore"):
            for i, j, rows, columns in _windows(x.shape, size):
                seen = x[:, :, rows, columns]
                mean = seen.mean(axis=(2, 3))
                # A sum may overflow where the mean does not.
                n_pixels = seen.shape[2] * seen.shape[3]
                out[:, :, i, j] = (
                    mean if all_finite(mean) else np.where(np.isfinite(mean), mean, (seen / n_pixels).sum(axis=(2, 3)))
                )
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        dx = zeros_laid_out_as(dout, context["shape"])
        for i, j, rows, columns in _windows(dx.shape, dout.shape[2:]):
            n_pixels = (rows.stop - rows.start) * (columns.stop - columns.start)
            dx[:, :, rows, columns] += (dout[:, :, i, j] / n_pixels)[:, :, np.newaxis, np.newaxis]
        return dx


def _windows(shape: tuple[int, ...], size: tuple[int, ...]) -> Iterator[tuple[int, int, slice, slice]]:
    """The windows (i, j) of images of ``shape``, with their rows and columns."""
    along = [
        [slice(i * pixels // count, -(-(i + 1) * pixels // count)) for i in range(count)]
        for pixels, count in zip(shape[2:], size, strict=True)
    ]
    for i, rows in enumerate(along[0]):
        for j, columns in enumerate(along[1]):
            yield i, j, rows, columns


def _check_images(who: str, x: Array) -> None:
    if x.ndim != 4 or x.size == 0:
        raise ShapeError(f"{who}: x must be (N, C, H, W), got {x.shape}. Hint: UnflattenModule makes images of rows.")


class AdaptiveAvgPool2dModule(Module):
    """The means of ``output_size`` = H′ × W′ windows that cover an image of any size: (N, C, H, W) → (N, C, H′, W′).

    output_size   one integer, or (height, width); 1: the mean of each channel, the global average pool

    Neighbouring windows overlap by a pixel where H is no multiple of H′; in smaller images some are equal.

    Raises OptionError for sizes below 1, and in ``forward`` for those beyond the memory, ShapeError there for what is
    no batch of images.
    """

    op = AdaptiveAvgPool2d

    def __init__(self, output_size: Size) -> None:
        super().__init__()
        self.output_size = pair("AdaptiveAvgPool2dModule", "output_size", output_size, 1)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"size": self.output_size}

    def _repr_args(self) -> str:
        height, width = self.output_size
        return f"{height}" if height == width else f"{self.output_size}"

    def _check_input(self, x: Array) -> None:
        _check_images(f"{self!r}.forward", x)
        allocatable(f"{self!r}.forward", (*x.shape[:2], *self.output_size), x.dtype)
