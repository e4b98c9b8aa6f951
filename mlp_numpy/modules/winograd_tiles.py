"""The tiles of Winograd's convolution: from pixels and kernels to the places of a tile and back, and the adjoints.

What is computed is in ``WinogradConv2d``. Each step is a product with a small matrix, for all tiles in one call.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array, aligned
from mlp_numpy.modules.windows import Windows

TILE: Final = 4
"""m: a tile is of m × m windows, (m + 2) × (m + 2) pixels."""
_POINTS: Final = (0.0, 0.625, -0.625, 1.5, -1.5)
"""m + 1 points; another is ∞.

Searched for among multiples of 1/8, for the smallest error in float32: with 0, ±1, ±2, which are usual since they need
few multiplications, it is 2.3 times as large.
"""
_PLACES: Final = 4096
"""Number of places in the tiles of a block of images: enough for a product to be fast, few enough to stay near the
cores."""
_KERNELS: Final = 32
"""Number of kernels, or of channels, whose U or dU is held at once, near the cores."""


class Matrices(NamedTuple):
    """A (m + 2, m), B (m + 2, m + 2), their transposes, G (m + 2, 3), and G ⊗ G ((m + 2)², 9)."""

    a: Array
    at: Array
    b: Array
    bt: Array
    g: Array
    both_g: Array


@functools.cache
def matrices(kind: np.dtype[Any]) -> Matrices:
    """The matrices in the type of real numbers ``kind``."""

    points = np.array(_POINTS, np.longdouble)  # so that each number is rounded once, whatever the type

    def powers(n: int) -> Array:
        """1, t, …, tⁿ⁻¹ of each point t; of ∞ the last alone."""
        return np.vstack([np.vander(points, n, increasing=True), np.eye(n)[-1:]])

    # The coefficients, from 1 upwards, of the polynomials that are 1 in one point and 0 in the others.
    others = [points[points != point] for point in points]
    rows = [[*np.poly(zeros)[::-1] / np.prod(t - zeros), 0] for t, zeros in zip(points, others, strict=True)]
    a, g, bt = powers(TILE), powers(3), np.array([*rows, np.poly(points)[::-1]])
    return Matrices(*(np.ascontiguousarray(matrix, kind) for matrix in (a, a.T, bt.T, bt, g, np.kron(g, g))))


def grid_of(out_size: tuple[int, int]) -> tuple[int, int]:
    """The number of tiles vertically and horizontally for H′, W′ = ``out_size``."""
    return -(-out_size[0] // TILE), -(-out_size[1] // TILE)


@dataclass(frozen=True)
class Tiles:
    """The tiles of m×m windows ``over`` images of one size, padded with zeros to whole tiles."""

    over: Windows
    height: int
    width: int

    @cached_property
    def grid(self) -> tuple[int, int]:
        """The number of tiles vertically and horizontally."""
        return grid_of(self.over.out_size(self.height, self.width))

    def blocks(self, n_images: int, n_channels: tuple[int, int], kind: Any) -> Iterator[tuple[slice, TileBuffers]]:
        """Slices of the images with workspace for each, in the same memory; ``n_channels`` is (M, C)."""
        n_blocks = -(-n_images * math.prod(self.grid) * (TILE + 2) ** 2 // _PLACES)
        size = -(-n_images // n_blocks) if n_blocks < n_images else 1
        memory = aligned((sum(map(math.prod, self._shapes(size, *n_channels))),), kind)
        for start in range(0, n_images, size):
            n, at, arrays = min(size, n_images - start), 0, []
            for shape in self._shapes(n, *n_channels):
                arrays.append(memory[at : at + math.prod(shape)].reshape(shape))
                at += math.prod(shape)
            yield slice(start, start + n), TileBuffers(*arrays)

    def _shapes(self, n: int, n_out: int, n_in: int) -> list[tuple[int, ...]]:
        (rows, columns), m = self.grid, TILE
        return [
            (n, m * rows + 2, m * columns + 2, n_in),
            (n, rows, m + 2, m * columns + 2, n_in),
            (m + 2, m + 2, n, rows, columns, n_in),
            (m + 2, m + 2, n, rows, columns, n_out),
            (n, rows, m + 2, columns, m, n_out),
        ]

    def to_places(self, pixels: Array, buffers: TileBuffers) -> None:
        """V = Bᵀ d B of the ``pixels`` (n, H, W, C)."""
        (rows, columns), m, bt = self.grid, TILE, buffers.matrices.bt
        buffers.padded[...] = 0
        self._inside(buffers.padded)[...] = pixels
        lines = buffers.padded.reshape(*buffers.padded.shape[:2], -1)
        np.matmul(bt, parts(lines, 1, rows, m, m + 2), out=buffers.lines.reshape(*buffers.lines.shape[:3], -1))
        np.matmul(bt, parts(buffers.lines, 3, columns, m, m + 2), out=by_tiles(buffers.v))

    def sum_to_pixels(self, buffers: TileBuffers, dpixels: Array) -> None:
        """dd = B dV Bᵀ, the adjoint of ``to_places``, summed where tiles overlap to ``dpixels`` (n, H, W, C)."""
        b = buffers.matrices.b
        self._sum_parts(b, by_tiles(buffers.v), buffers.lines, 3)
        lines = buffers.lines.reshape(*buffers.lines.shape[:3], -1)
        self._sum_parts(b, lines, buffers.padded.reshape(*buffers.padded.shape[:2], -1), 1)
        dpixels[...] = self._inside(buffers.padded)

    def _sum_parts(self, b: Array, dparts: Array, out: Array, axis: int) -> None:
        """The parts B dparts (…, m + 2, L) of ``out``, m apart along ``axis``, summed where they overlap."""
        n, m = self.grid[axis > 1], TILE
        out[(slice(None),) * axis + (slice(m * n, None),)] = 0
        np.matmul(b[:m], dparts, out=parts(out, axis, n, m, m))
        overlapping = parts(out, axis, n, m, 2, start=m)
        overlapping += np.matmul(b[m:], dparts)

    def from_places(self, buffers: TileBuffers, out: Array) -> None:
        """Aᵀ P A to ``out`` (n, H′, W′, M)."""
        at, whole = buffers.matrices.at, self._whole(out)
        np.matmul(at, by_tiles(buffers.p), out=buffers.sums)
        lines = buffers.sums.reshape(*buffers.sums.shape[:3], -1)
        np.matmul(at, lines, out=whole.reshape(len(out), self.grid[0], TILE, -1))
        if whole is not out:
            out[...] = whole[:, : out.shape[1], : out.shape[2]]

    def spread(self, dout: Array, buffers: TileBuffers) -> None:
        """dP = A dout Aᵀ of ``dout`` (n, H′, W′, M), the adjoint of ``from_places``."""
        a, whole = buffers.matrices.a, self._whole(dout)
        if whole is not dout:
            whole[...] = 0
            whole[:, : dout.shape[1], : dout.shape[2]] = dout
        lines = whole.reshape(len(dout), self.grid[0], TILE, -1)
        np.matmul(a, lines, out=buffers.sums.reshape(*buffers.sums.shape[:3], -1))
        np.matmul(a, buffers.sums, out=by_tiles(buffers.p))

    def _whole(self, out: Array) -> Array:
        """``out`` if its windows are whole tiles, else an array of whole tiles."""
        rows, columns = (TILE * n for n in self.grid)
        if out.shape[1:3] == (rows, columns):
            return out
        return np.empty((len(out), rows, columns, out.shape[3]), out.dtype)

    def _inside(self, padded: Array) -> Array:
        """Padded images without the padding."""
        (top, left) = self.over.padding
        return padded[:, top : top + self.height, left : left + self.width]


@dataclass(frozen=True)
class TileBuffers:
    """Workspace for a block of images: padded pixels, rows of tiles, V, P, and rows of P combined."""

    padded: Array
    lines: Array
    v: Array
    p: Array
    sums: Array

    @property
    def matrices(self) -> Matrices:
        """The matrices for numbers of the type of V and P."""
        return matrices(self.v.real.dtype)

    @property
    def v_rows(self) -> Array:
        """V, or dV, as (m + 2)² matrices (tiles, C)."""
        return self.v.reshape(len(self.v) ** 2, -1, self.v.shape[-1])

    @property
    def p_rows(self) -> Array:
        """P, or dP, as (m + 2)² matrices (tiles, M)."""
        return self.p.reshape(len(self.p) ** 2, -1, self.p.shape[-1])

    def kernels_gradient(self, dweight: Array, *, add: bool) -> None:
        """Write dW = Gᵀ (Σ_t dP ⊙ V) G to ``dweight``, or add it."""
        for some in parts_of(len(dweight)):
            du = places(len(dweight[some]), dweight.shape[1], self.v.dtype)
            np.matmul(self.p_rows[:, :, some].transpose(0, 2, 1), self.v_rows, out=du)
            kernels_from_places(du, dweight[some], add=add)


def kernels_to_places(weight: Array, kind: Any) -> Array:
    """U = G W Gᵀ: (M, C, 3, 3) → ((m + 2)², M, C) of the type ``kind``, by one product for each kernel."""
    inner = weight.transpose(0, 2, 3, 1).reshape(len(weight), 9, -1)
    u = places(len(weight), weight.shape[1], kind)
    np.matmul(matrices(u.real.dtype).both_g, inner, out=u.transpose(1, 0, 2))
    return u


def kernels_from_places(du: Array, dweight: Array, *, add: bool) -> None:
    """dW = Gᵀ dU G, the adjoint of ``kernels_to_places``, to ``dweight`` (M, C, 3, 3), or added to it."""
    inner = dweight.transpose(0, 2, 3, 1)
    gradient = np.matmul(matrices(du.real.dtype).both_g.T, du.transpose(1, 0, 2)).reshape(inner.shape)
    inner[...] = inner + gradient if add else gradient


def places(n_out: int, n_in: int, kind: Any) -> Array:
    """An empty array for U, or dU, ((m + 2)², M, C).

    In memory a kernel has one row more: else, with C a power of two, the rows of one place of all kernels would come to
    the same few lines of a cache.
    """
    n_places = (TILE + 2) ** 2
    return np.empty((n_out, n_places + 1, n_in), kind)[:, :n_places].transpose(1, 0, 2)


def by_tiles(places: Array) -> Array:
    """V or P, place by place, as a view tile by tile: (k, l, n, rows, columns, C) → (n, rows, k, columns, l, C)."""
    return places.transpose(2, 3, 0, 4, 1, 5)


def parts(array: Array, axis: int, n: int, step: int, length: int, *, start: int = 0) -> Array:
    """A view of ``n`` parts of one axis, ``step`` apart and of one ``length``, in the place of the axis: two axes.

    The array is contiguous; parts may overlap.
    """
    shape, strides = list(array.shape), list(array.strides)
    shape[axis : axis + 1], strides[axis : axis + 1] = [n, length], [step * strides[axis], strides[axis]]
    return np.ndarray(shape, array.dtype, array, offset=start * array.strides[axis], strides=strides)


def parts_of(n: int) -> Iterator[slice]:
    """Slices of ``n`` kernels, or channels."""
    return (slice(start, start + _KERNELS) for start in range(0, n, _KERNELS))
