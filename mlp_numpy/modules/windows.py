"""Sliding windows of an image: sizes, number and positions.

h = i s + u − p      the row of x at row u of the kernel in window i; columns likewise

H′ = ⌊(H + 2p − K) / s⌋ + 1      how many windows fit
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST, is_whole, shown
from mlp_numpy.errors import OptionError, ShapeError

Pair: TypeAlias = tuple[int, int]
Size: TypeAlias = int | Pair
"""One size for both directions, or (height, width)."""

WindowSlices: TypeAlias = tuple[slice, slice, slice, slice]


@dataclass(frozen=True)
class Windows:
    """Windows of size ``kernel``, ``stride`` apart, over images with ``padding`` rows and columns around them."""

    kernel: Pair
    stride: Pair
    padding: Pair

    def out_size(self, height: int, width: int) -> Pair:
        """The number of windows vertically and horizontally; 0 or less if none fits."""
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.padding
        return (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1

    def offsets(self, height: int, width: int) -> Iterator[tuple[Pair, WindowSlices, WindowSlices]]:
        """For each place (u, v) of the kernel: its pixels in the images, and their windows.

        Yields two indices, for arrays (N, C, H, W) and (N, C, H′, W′), of equal shape: one pixel per window. Windows in
        which the place lies on the padding are omitted.
        """
        whole = slice(None)
        out_height, out_width = self.out_size(height, width)
        columns = [self._along(1, v, width, out_width) for v in range(self.kernel[1])]
        for u in range(self.kernel[0]):
            rows = self._along(0, u, height, out_height)
            for v, column in enumerate(columns):
                if rows is not None and column is not None:
                    yield (u, v), (whole, whole, rows[0], column[0]), (whole, whole, rows[1], column[1])

    def first_places(self, out_height: int, out_width: int) -> Array:
        """For each window (H′, W′) the number KW·u + v of its first place, in row-major order, that lies on the
        image."""
        u, v = (
            np.maximum(0, padding - stride * np.arange(size))
            for padding, stride, size in zip(self.padding, self.stride, (out_height, out_width), strict=True)
        )
        numbers: Array = u[:, np.newaxis] * self.kernel[1] + v
        return numbers

    def rows(self, height: int, width: int) -> Iterator[tuple[int, int, slice, slice, slice, slice]]:
        """For each row u of the kernel and each column j of windows: the position of that row in the images.

        Yields u, j; the rows and columns of the image; the rows of windows and the columns of the kernel. Parts on the
        padding are omitted.
        """
        out_height, out_width = self.out_size(height, width)
        for u in range(self.kernel[0]):
            lines = self._along(0, u, height, out_height)
            if lines is None:
                continue
            for j in range(out_width):
                left = j * self.stride[1] - self.padding[1]
                pixels = slice(max(0, left), min(width, left + self.kernel[1]))
                if pixels.start < pixels.stop:
                    yield u, j, lines[0], pixels, lines[1], slice(pixels.start - left, pixels.stop - left)

    def _along(self, direction: int, place: int, size: int, out_size: int) -> tuple[slice, slice] | None:
        """A ``place`` of the kernel along one axis: its slices of the image and of the windows; None if it is in no
        window."""
        stride, shift = self.stride[direction], place - self.padding[direction]
        first = max(0, -(shift // stride))
        last = min(out_size - 1, (size - 1 - shift) // stride)
        if first > last:
            return None
        return slice(first * stride + shift, last * stride + shift + 1, stride), slice(first, last + 1)

    def check(self, who: str, x: Array, channels: int | None = None) -> None:
        """Raise ShapeError unless ``x`` is (N, C, H, W), with ``channels`` channels, and at least one window fits."""
        form = f"(N, {'C' if channels is None else channels}, H, W)"
        if x.ndim != 4 or x.size == 0 or channels not in (None, x.shape[1]):
            hint = "Hint: UnflattenModule makes images of rows."
            raise ShapeError(f"{who}: x must be {form}, got {x.shape}. {hint}")
        if min(self.out_size(*x.shape[2:])) < 1:
            raise ShapeError(
                f"{who}: x must be {form}, padded by {self.padding} at least as large as the kernel "
                f"{self.kernel}, got {x.shape}."
            )

    @property
    def arguments(self) -> str:
        """Kernel, stride and padding as constructor arguments."""
        kernel, stride, padding = (a if a == b else (a, b) for a, b in (self.kernel, self.stride, self.padding))
        return f"{kernel}, stride={stride}, padding={padding}"


def windows(who: str, kernel: Size, stride: Size, padding: Size, *, kernel_name: str = "kernel") -> Windows:
    """The windows of a constructor's arguments; raises OptionError for invalid ones, in which the first is
    called ``kernel_name``."""
    size = _pair(who, "kernel size", kernel, 1, f" Hint: {kernel_name}=3.")
    return Windows(size, _pair(who, "stride", stride, 1), _pair(who, "padding", padding, 0))


def _pair(who: str, name: str, size: Size, least: int, hint: str = "") -> Pair:
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or any(not is_whole(n, least) or n > LARGEST for n in pair):
        raise OptionError(f"{who}: {name} must be an integer ≥ {least}, or two of them, got {shown(size)}.{hint}")
    return int(pair[0]), int(pair[1])
