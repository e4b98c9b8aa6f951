"""Sliding windows of an image: sizes, number and positions.

h = i s + u δ − p      the row of x at row u of the kernel in window i; columns likewise

H′ = ⌊(H + p + p′ − E) / s⌋ + 1      how many windows fit, of extent E = δ (K − 1) + 1, with p rows of padding before
                                     the image and p′ after it

With ``ceil`` the quotient is rounded up, and the last window may reach beyond the padding; one that would begin there
is omitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST, allocatable, is_whole, shown
from mlp_numpy.errors import OptionError, ShapeError

Pair: TypeAlias = tuple[int, int]
Size: TypeAlias = int | Pair
"""One size for both directions, or (height, width)."""

_LARGE: Final = 1000
"""Padding beyond which the padded images are compared with the memory."""

WindowSlices: TypeAlias = tuple[slice, slice, slice, slice]


@dataclass(frozen=True, repr=False)
class Windows:
    """Windows of size ``kernel``, ``stride`` apart, over images with ``padding`` rows and columns around them.

    dilation   the distance of neighbouring places of the kernel; 1: none is left out
    surplus    rows and columns of padding after the image beyond ``padding``, 0 or 1, for even kernels
    ceil       the number of windows is rounded up
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair = (1, 1)
    surplus: Pair = (0, 0)
    ceil: bool = False

    def __repr__(self) -> str:
        default = {"dilation": (1, 1), "surplus": (0, 0), "ceil": False}
        fields = [f"{name}={value}" for name, value in vars(self).items() if default.get(name) != value]
        return f"Windows({', '.join(fields)})"

    @property
    def extent(self) -> Pair:
        """The height and width of a window, from its first place to its last."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return dh * (kh - 1) + 1, dw * (kw - 1) + 1

    @property
    def after(self) -> Pair:
        """The rows and columns of padding after the image."""
        return self.padding[0] + self.surplus[0], self.padding[1] + self.surplus[1]

    @property
    def pointwise(self) -> bool:
        """True if every window is one pixel of the image, and every pixel is a window."""
        return (self.kernel, self.stride, self.padding, self.after) == ((1, 1), (1, 1), (0, 0), (0, 0))

    def out_size(self, height: int, width: int) -> Pair:
        """The number of windows vertically and horizontally; 0 or less if none fits."""
        return self._count(0, height), self._count(1, width)

    def _count(self, direction: int, size: int) -> int:
        before, stride = self.padding[direction], self.stride[direction]
        room = size + before + self.after[direction] - self.extent[direction]
        if not self.ceil:
            return room // stride + 1
        count = -(-room // stride) + 1
        return count - 1 if (count - 1) * stride >= size + before else count

    def offsets(self, height: int, width: int) -> Iterator[tuple[Pair, WindowSlices, WindowSlices]]:
        """For each place (u, v) of the kernel: its pixels in the images, and their windows.

        Yields two indices, for arrays (N, C, H, W) and (N, C, H′, W′), of equal shape: one pixel per window. Windows in
        which the place lies on the padding are omitted.
        """
        whole = slice(None)
        columns = list(self.along(1, width))
        for u, rows, down in self.along(0, height):
            for v, pixels, across in columns:
                yield (u, v), (whole, whole, rows, pixels), (whole, whole, down, across)

    def along(self, direction: int, size: int) -> Iterator[tuple[int, slice, slice]]:
        """For each place of the kernel along one axis, 0 or 1: the place, its rows or columns of the images, and the
        windows which have it there. Places on the padding of all windows are omitted."""
        out_size = self._count(direction, size)
        for place in range(self.kernel[direction]):
            slices = self._along(direction, place, size, out_size)
            if slices is not None:
                yield place, *slices

    def rows(self, height: int, width: int) -> Iterator[tuple[int, int, slice, slice, slice, slice]]:
        """For each row u of the kernel and each column j of windows: the position of that row in the images, for
        kernels without dilation along their rows.

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
        stride, shift = self.stride[direction], place * self.dilation[direction] - self.padding[direction]
        first = max(0, -(shift // stride))
        last = min(out_size - 1, (size - 1 - shift) // stride)
        if first > last:
            return None
        return slice(first * stride + shift, last * stride + shift + 1, stride), slice(first, last + 1)

    def counts(self, height: int, width: int, *, padding: bool, dtype: Any) -> Array | int:
        """The number of pixels in each window (H′, W′), with those of the padding if ``padding`` is True; one number if
        it is the same in all."""
        if padding and not self.ceil:
            return self.kernel[0] * self.kernel[1]
        along = []
        for direction, (size, out_size) in enumerate(zip((height, width), self.out_size(height, width), strict=True)):
            first = np.arange(out_size) * self.stride[direction] - self.padding[direction]
            stop = np.minimum(first + self.kernel[direction], size + (self.after[direction] if padding else 0))
            along.append(stop - (first if padding else np.maximum(first, 0)))
        counts: Array = np.multiply.outer(*along).astype(dtype)
        return counts

    def check(self, who: str, x: Array, channels: int | None = None) -> None:
        """Raise ShapeError unless ``x`` is (N, C, H, W), with ``channels`` channels, and at least one window fits, and
        OptionError for padding that exceeds the memory."""
        form = f"(N, {'C' if channels is None else channels}, H, W)"
        if x.ndim != 4 or x.size == 0 or channels not in (None, x.shape[1]):
            hint = "Hint: UnflattenModule makes images of rows."
            raise ShapeError(f"{who}: x must be {form}, got {x.shape}. {hint}")
        if max(self.padding) > _LARGE:
            padded = (size + 2 * pad for pad, size in zip(self.padding, x.shape[2:], strict=True))
            allocatable(f"{who}: padding", (*x.shape[:2], *padded), x.dtype)
        if min(self.out_size(*x.shape[2:])) < 1:
            kernel = "the kernel" if self.extent == self.kernel else "the extent of the dilated kernel"
            raise ShapeError(
                f"{who}: x must be {form}, padded by {self.padding} at least as large as {kernel} "
                f"{self.extent}, got {x.shape}."
            )

    def check_overlap(self, who: str, x: Array) -> None:
        """Raise ShapeError if a dilated window has no place on the images ``x``."""
        if self.dilation == (1, 1):
            return
        out_size = self.out_size(*x.shape[2:])
        for direction, (size, count) in enumerate(zip(x.shape[2:], out_size, strict=True)):
            start, step = np.arange(count) * self.stride[direction] - self.padding[direction], self.dilation[direction]
            if (np.where(start < 0, start % step, start) >= size).any():
                raise ShapeError(
                    f"{who}: every window must have a place on x, got {x.shape} between the places of a window of "
                    f"dilation {self.dilation}."
                )

    @property
    def arguments(self) -> str:
        """Kernel, stride and padding as constructor arguments, and what else is not the default."""
        sizes = (self.kernel, self.stride, self.padding, self.dilation)
        kernel, stride, padding, dilation = (a if a == b else (a, b) for a, b in sizes)
        options = f"{'' if dilation == 1 else f', dilation={dilation}'}{', ceil_mode=True' if self.ceil else ''}"
        # Only "same" pads unevenly.
        return f"{kernel}, stride={stride}, padding={padding if self.surplus == (0, 0) else repr('same')}{options}"


def windows(
    who: str,
    kernel: Size,
    stride: Size,
    padding: Size | Literal["same"],
    *,
    dilation: Size = 1,
    ceil: bool = False,
    kernel_name: str = "kernel",
) -> Windows:
    """The windows of a constructor's arguments; raises OptionError for invalid ones, in which the first is
    called ``kernel_name``."""
    size = pair(who, "kernel size", kernel, 1, f" Hint: {kernel_name}=3.")
    steps, apart = pair(who, "stride", stride, 1), pair(who, "dilation", dilation, 1)
    if not isinstance(padding, str):
        return Windows(size, steps, pair(who, "padding", padding, 0), apart, ceil=ceil)
    if padding != "same":
        raise OptionError(f'{who}: padding must be an integer ≥ 0, two of them, or "same", got {shown(padding)}.')
    if steps != (1, 1):
        raise OptionError(f'{who}: stride must be 1 with padding "same", got {shown(stride)}. Hint: padding=1.')
    high, wide = (extent - 1 for extent in Windows(size, steps, (0, 0), apart).extent)
    return Windows(size, steps, (high // 2, wide // 2), apart, (high % 2, wide % 2))


def pair(who: str, name: str, size: Size, least: int, hint: str = "") -> Pair:
    """``size`` as (height, width); raises OptionError unless it is an integer ≥ ``least``, or two of them."""
    two = size if isinstance(size, tuple | list) else (size, size)
    if len(two) != 2 or any(not is_whole(n, least) or n > LARGEST for n in two):
        raise OptionError(f"{who}: {name} must be an integer ≥ {least}, or two of them, got {shown(size)}.{hint}")
    return int(two[0]), int(two[1])
