"""The windows that a kernel sees as it slides over an image: their sizes, their number, and where they lie.

h = i s + u − p      the row of x that row u of the kernel meets in window i; columns likewise

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
        """How many windows lie below one another and side by side; 0 or less where none fits."""
        (kh, kw), (sh, sw), (ph, pw) = self.kernel, self.stride, self.padding
        return (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1

    def offsets(self, height: int, width: int) -> Iterator[tuple[Pair, WindowSlices, WindowSlices]]:
        """For each place (u, v) of the kernel: where it lies on the images, and in which windows it does.

        Two indices come with it, of arrays (N, C, H, W) and (N, C, H′, W′): of equal length, one number of the image
        for one window. Windows in which the place lies on the padding are left out.
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
        """For each window (H′, W′) the number KW·u + v of its first place, row by row, that lies on the image."""
        u, v = (
            np.maximum(0, padding - stride * np.arange(size))
            for padding, stride, size in zip(self.padding, self.stride, (out_height, out_width), strict=True)
        )
        numbers: Array = u[:, np.newaxis] * self.kernel[1] + v
        return numbers

    def rows(self, height: int, width: int) -> Iterator[tuple[int, int, slice, slice, slice, slice]]:
        """For each row u of the kernel and each column j of windows: where that row lies on the images.

        u, j; the lines and the pixels of a line on the image; the lines of windows, and the pixels of the row, that
        meet them. What lies on the padding is left out.
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
        """A ``place`` of the kernel along one direction: where on the image, in which windows; None if in none."""
        stride, shift = self.stride[direction], place - self.padding[direction]
        first = max(0, -(shift // stride))
        last = min(out_size - 1, (size - 1 - shift) // stride)
        if first > last:
            return None
        return slice(first * stride + shift, last * stride + shift + 1, stride), slice(first, last + 1)

    def check(self, who: str, x: Array, channels: int | None = None) -> None:
        """Raise ShapeError unless ``x`` is (N, C, H, W), of so many channels, and at least one window fits."""
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
        """Kernel, stride and padding as a constructor takes them."""
        kernel, stride, padding = (a if a == b else (a, b) for a, b in (self.kernel, self.stride, self.padding))
        return f"{kernel}, stride={stride}, padding={padding}"


def windows(who: str, kernel: Size, stride: Size, padding: Size, *, kernel_name: str = "kernel") -> Windows:
    """The windows that a constructor's arguments mean, or OptionError; the first of them is its ``kernel_name``."""
    size = _pair(who, "kernel size", kernel, 1, f" Hint: {kernel_name}=3.")
    return Windows(size, _pair(who, "stride", stride, 1), _pair(who, "padding", padding, 0))


def _pair(who: str, name: str, size: Size, least: int, hint: str = "") -> Pair:
    pair = size if isinstance(size, tuple | list) else (size, size)
    if len(pair) != 2 or any(not is_whole(n, least) or n > LARGEST for n in pair):
        raise OptionError(f"{who}: {name} must be a whole number ≥ {least}, or two of them, got {shown(size)}.{hint}")
    return int(pair[0]), int(pair[1])
