"""The maxima of windows of a block of images, and the gradient that goes to them.

A block has buffers and a list of NumPy calls on views of them, made once and run for every block of the same size.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias, TypeVar, cast

import numpy as np

from mlp_numpy.arrays import Array, kept
from mlp_numpy.modules.columns import Columns
from mlp_numpy.modules.layout import laid_out_as
from mlp_numpy.modules.windows import Windows

Numbers: TypeAlias = Any
"""The number of a place, a scalar, or one for each value."""
_Block = TypeVar("_Block")

_BLOCK_BYTES: Final = 1 << 20
_SMALL: Final = 1 << 18
"""Bytes of images up to which their block is kept."""
_MOST_KEPT: Final = 8


def blocks_of_images(
    kind: Callable[[Array, Windows, np.dtype[Any]], _Block], images: Array, over: Windows, places: np.dtype[Any]
) -> Iterator[tuple[slice, _Block]]:
    """Slices of images (N, C, H, W), of a megabyte or one image each, with a block of this ``kind`` for each size."""
    size = max(1, _BLOCK_BYTES // images[:1].nbytes)
    whole = len(images) - len(images) % size
    for start in range(0, len(images), size):
        part = slice(start, start + size)
        if start in (0, whole):
            block = _block(kind, images[part], over, places)
        yield part, block


def _block(
    kind: Callable[[Array, Windows, np.dtype[Any]], _Block], images: Array, over: Windows, places: np.dtype[Any]
) -> _Block:
    """A new block, or for small images the last one of this size in this thread: to make it would take longer than to
    use it."""
    if images.nbytes > _SMALL:
        return kind(images, over, places)
    key = kind, images.shape, images.strides, images.dtype, over, places
    block = _KEPT.blocks.pop(key, None) or kind(images, over, places)
    _KEPT.blocks[key] = block  # the newest is last
    if len(_KEPT.blocks) > _MOST_KEPT:
        del _KEPT.blocks[next(iter(_KEPT.blocks))]
    return cast(_Block, block)


class _Kept(threading.local):
    """The blocks of small images that a thread keeps."""

    def __init__(self) -> None:
        self.blocks: dict[Any, Any] = {}


_KEPT: Final = _Kept()


class MaximaOfBlock:
    """The maximum of each window and its place KW·u + v: the maxima along the rows first, then the maxima of these."""

    def __init__(self, images: Array, over: Windows, places: np.dtype[Any]) -> None:
        n, c, height, width = images.shape
        high, wide = over.out_size(height, width)
        self.columns = Columns(images, over.stride[1])
        self.calls: list[Callable[[], Any]] = []
        maxima, numbers = laid_out_as(images, (n, c, height, wide)), laid_out_as(images, (n, c, height, wide), places)
        self.out, self.place = laid_out_as(images, (n, c, high, wide)), laid_out_as(images, (n, c, high, wide), places)
        along = [(windows, self.columns[pixels], places.type(v)) for v, pixels, windows in over.along(1, width)]
        self._maxima(maxima, numbers, along, 3)
        along = [
            (windows, maxima[:, :, rows], self._raised(numbers[:, :, rows], u * over.kernel[1]))
            for u, rows, windows in over.along(0, height)
        ]
        self._maxima(self.out, self.place, along, 2)

    def of(self, images: Array) -> tuple[Array, Array]:
        """The maxima (N, C, H′, W′) of images (N, C, H, W), and their places, in buffers."""
        self.columns.read(images)
        for call in self.calls:
            call()
        return self.out, self.place

    def _raised(self, numbers: Array, by: int) -> Array:
        if by == 0:
            return numbers
        raised = np.empty_like(numbers)
        self.calls.append(functools.partial(np.add, numbers, numbers.dtype.type(by), raised))
        return raised

    def _maxima(self, out: Array, place: Array, along: list[tuple[slice, Array, Numbers]], axis: int) -> None:
        """Add the calls for one axis: ``along`` has the windows of each place, as a slice, their values at this place
        and its number. Numbers increase, and windows begin and end earlier at later places."""
        larger, product = np.empty_like(out, bool), np.empty_like(place)
        out, place, larger, product = (array.swapaxes(0, axis) for array in (out, place, larger, product))
        along = [(windows, x.swapaxes(0, axis), _swapped(number, axis)) for windows, x, number in along]
        windows, so_far, its_number = along[0]
        first, last = windows.start, windows.stop
        for windows, x, number in along[1:] or [(slice(first, first), so_far, its_number)]:
            start, stop = windows.start, windows.stop
            n_new, n_old = first - start, stop - first
            self._call(np.copyto, out[start:first], x[:n_new])
            self._call(np.copyto, place[start:first], _part(number, 0, n_new))
            both = slice(first, stop)
            self._call(np.greater, x[n_new:].real, so_far[:n_old].real, larger[both])
            self._call(_first_larger, so_far[:n_old], x[n_new:], out[both])
            # The last place that exceeded all before it is the maximum, and a product with 0 or 1 is not above it.
            at_0 = not its_number.ndim and its_number == 0
            numbered = place[both] if at_0 else product[both]
            self._call(np.multiply, larger[both].view(np.uint8), _part(number, n_new), numbered)
            if not at_0:
                self._call(_first_larger, _part(its_number, 0, n_old), numbered, place[both])
            if so_far.base is not out.base:
                self._call(np.copyto, out[stop:last], so_far[n_old:])
                self._call(np.copyto, place[stop:last], _part(its_number, n_old))
            first = start
            so_far, its_number = out[first:last], place[first:last]

    def _call(self, function: Callable[..., Any], *arrays: Any) -> None:
        """Add a call, unless its arrays are empty."""
        if all(array.size for array in arrays):
            self.calls.append(functools.partial(function, *arrays))


def _swapped(number: Numbers, axis: int) -> Numbers:
    return number.swapaxes(0, axis) if number.ndim else number


def _part(number: Numbers, start: int, stop: int | None = None) -> Numbers:
    return number[start:stop] if number.ndim else number


def _first_larger(a: Array, b: Array, out: Array) -> None:
    """The value with the larger real part, ``a`` if they are equal; a NaN counts as the largest."""
    if out.dtype.kind == "c":
        np.copyto(out, np.where((b.real > a.real) | np.isnan(b.real), b, a))
    else:
        # The same for real values, but many times as fast.
        np.maximum(a, b, out=out)


class GradientOfBlock:
    """The gradient of each window, added up where its maximum lies."""

    def __init__(self, images: Array, over: Windows, places: np.dtype[Any]) -> None:
        n, c, height, width = images.shape
        size = (n, c, *over.out_size(height, width))
        self.columns = Columns(images, over.stride[1])
        self.calls: list[Callable[[], Any]] = []
        self.dout, self.place = laid_out_as(images, size), laid_out_as(images, size, places)
        self.disjoint = all(extent <= stride for extent, stride in zip(over.extent, over.stride, strict=True))
        kind = {"f": np.int32, "d": np.int64}.get(images.dtype.char) if images.dtype.isnative else None
        # All places share these, so that they stay in the cache.
        masks, shares = np.empty_like(self.dout, bool), np.empty_like(self.dout)
        for (u, v), (*_, rows, pixels), windows in over.offsets(height, width):
            dx, of_windows, here = self.columns[pixels][:, :, rows], self.dout[windows], masks[windows]
            share = dx if self.disjoint else shares[windows]
            self._call(np.equal, self.place[windows], places.type(u * over.kernel[1] + v), here)
            if kind is None:
                self._call(kept, here, of_windows, share)
            else:  # the same, with buffers
                bits, sign = shares[windows].view(kind), here.view(np.int8)
                self._call(np.negative, sign, sign)
                self._call(np.copyto, bits, sign)
                self._call(np.bitwise_and, bits, of_windows.view(kind), share.view(kind))
            if not self.disjoint:
                self._call(np.add, dx, share, dx)

    def _call(self, function: Callable[..., Any], *arrays: Any) -> None:
        self.calls.append(functools.partial(function, *arrays))

    def write(self, dx: Array, dout: Array, place: Array) -> None:
        """Write dx (N, C, H, W) of dout (N, C, H′, W′) and the places of the maxima."""
        np.copyto(self.dout, dout)
        np.copyto(self.place, place)
        if not self.disjoint:
            self.columns.clear()
        for call in self.calls:
            call()
        self.columns.write(dx)
