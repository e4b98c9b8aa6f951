"""Columns of images, gathered by the stride of windows: place v of all windows is then a contiguous piece of memory.

Arithmetic on such a piece is one long loop; on every second pixel it is a short loop for each of them, which for few
channels takes ten times as long as the copy.
"""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules.layout import laid_out_as


class Columns:
    """Buffers for the columns r, r + stride, r + 2·stride, … of images (N, C, H, W), one for each r < stride."""

    def __init__(self, images: Array, stride: int) -> None:
        """Zeros for ``images`` of this shape, dtype and memory order."""
        self.stride = stride
        shape, width = images.shape[:3], images.shape[3]
        firsts = range(min(stride, width))
        self._parts = [laid_out_as(images, (*shape, len(range(r, width, stride)))) for r in firsts]
        # The channels of a pixel are copied in one piece if they are contiguous.
        together = shape[1] > 1 and all(array.strides[1] == array.itemsize for array in (images, *self._parts))
        self._as_pixels = _pixels if together else lambda array: array
        self._pixels = [self._as_pixels(part) for part in self._parts]
        self.clear()

    def __getitem__(self, pixels: slice) -> Array:
        """The columns ``pixels`` of the images, a slice with the stride as its step: a view."""
        start, r = divmod(pixels.start, self.stride)
        columns: Array = self._parts[r][..., start : start + len(range(pixels.start, pixels.stop, self.stride))]
        return columns

    def clear(self) -> None:
        """Set all columns to 0."""
        for part in self._parts:
            part[...] = 0

    def read(self, images: Array) -> None:
        """Copy the columns of ``images``."""
        pixels = self._as_pixels(images)
        for r, part in enumerate(self._pixels):
            part[...] = pixels[..., r :: self.stride]

    def write(self, images: Array) -> None:
        """Copy the columns to ``images``."""
        pixels = self._as_pixels(images)
        for r, part in enumerate(self._pixels):
            pixels[..., r :: self.stride] = part


def _pixels(x: Array) -> Array:
    """Images (N, C, H, W) as (N, H, W) pixels, each of them all its channels, which must be contiguous."""
    pixel = np.dtype((np.void, x.shape[1] * x.itemsize))
    return x.transpose(0, 2, 3, 1).view(pixel)[..., 0]
