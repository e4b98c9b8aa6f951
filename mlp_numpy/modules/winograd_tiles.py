"""The tiles of Winograd's convolution: from pixels and kernels to the 16 places of a tile and back, and the adjoints.

The matrices, and what is computed with them, are in ``WinogradConv2d``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, aligned
from mlp_numpy.modules.windows import Windows

Parts: TypeAlias = Array | Sequence[Array]
"""Arrays of one shape, along the first axis of an array, or in a list."""

_B: Final = ((1, 0, 0, 0), (0, 1, -1, -1), (-1, 1, 1, 0), (0, 0, 0, 1))
_G: Final = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_A: Final = ((1, 0), (1, 1), (1, -1), (0, 1))
_BT, _AT = tuple(zip(*_B, strict=True)), tuple(zip(*_A, strict=True))
_TILES: Final = 512
"""Number of tiles of a block of images: enough for a product to be fast, few enough to stay near the cores."""

_KERNELS: Final = 64
"""Number of kernels, or of channels, whose U or dU is held at once, near the cores."""


@dataclass(frozen=True)
class Tiles:
    """The tiles of 2×2 windows ``over`` images of one size, padded with zeros to whole tiles.

    A padded image is (2·rows + 2, 2, columns + 1, C): its even and its odd columns apart, so that the pixels of
    adjacent tiles are contiguous.
    """

    over: Windows
    height: int
    width: int

    @property
    def out_size(self) -> tuple[int, int]:
        """H′ and W′."""
        return self.over.out_size(self.height, self.width)

    @cached_property
    def n_tiles(self) -> tuple[int, int]:
        """The number of tiles vertically and horizontally."""
        rows, columns = self.out_size
        return -(-rows // 2), -(-columns // 2)

    def blocks(self, n_images: int, n_channels: tuple[int, int], kind: Any) -> Iterator[tuple[slice, TileBuffers]]:
        """Slices of the images with workspace for each, in the same memory; ``n_channels`` is (M, C)."""
        n_blocks = -(-n_images * self.n_tiles[0] * self.n_tiles[1] // _TILES)
        size = -(-n_images // n_blocks) if n_blocks < n_images else 1
        memory = aligned((sum(map(math.prod, self._shapes(size, *n_channels))),), kind)
        for start in range(0, n_images, size):
            n, at, arrays = min(size, n_images - start), 0, []
            for shape in self._shapes(n, *n_channels):
                arrays.append(memory[at : at + math.prod(shape)].reshape(shape))
                at += math.prod(shape)
            yield slice(start, start + n), TileBuffers(*arrays)

    def _shapes(self, n: int, n_out: int, n_in: int) -> list[tuple[int, ...]]:
        rows, columns = self.n_tiles
        padded, lines = (n, 2 * rows + 2, 2, columns + 1, n_in), (4, n, rows, 2, columns + 1, n_in)
        return [
            padded,
            lines,
            (4, 4, n, rows, columns, n_in),
            (4, 4, n, rows, columns, n_out),
            (4, 2, n, rows, columns, n_out),
        ]

    def to_places(self, pixels: Array, buffers: TileBuffers) -> None:
        """V = Bᵀ d B of the ``pixels`` (n, H, W, C)."""
        buffers.padded[...] = 0
        for inside, columns in self._columns(buffers.padded):
            inside[...] = pixels[:, :, columns]
        combine(_BT, self._rows(buffers.padded), buffers.lines)
        combine(_BT, _tile_columns(buffers.lines), buffers.v.swapaxes(0, 1))

    def sum_to_pixels(self, buffers: TileBuffers, dpixels: Array) -> None:
        """dd = B dV Bᵀ, the adjoint of ``to_places``, summed where tiles overlap to ``dpixels`` (n, H, W, C)."""
        buffers.lines[...] = 0
        buffers.padded[...] = 0
        combine(_B, buffers.v.swapaxes(0, 1), _tile_columns(buffers.lines), onto=True)
        combine(_B, buffers.lines, self._rows(buffers.padded), onto=True)
        for inside, columns in self._columns(buffers.padded):
            dpixels[:, :, columns] = inside

    def from_places(self, buffers: TileBuffers, out: Array) -> None:
        """Aᵀ P A to ``out`` (n, H′, W′, M)."""
        combine(_AT, buffers.p.swapaxes(0, 1), buffers.sums.swapaxes(0, 1))
        whole = self._whole(out)
        for j in (0, 1):
            combine(_AT, buffers.sums[:, j], [whole[:, i::2, j::2] for i in (0, 1)])
        if whole is not out:
            out[...] = whole[:, : out.shape[1], : out.shape[2]]

    def spread(self, dout: Array, buffers: TileBuffers) -> None:
        """dP = A dout Aᵀ of ``dout`` (n, H′, W′, M), the adjoint of ``from_places``."""
        whole = self._whole(dout)
        if whole is not dout:
            whole[...] = 0
            whole[:, : dout.shape[1], : dout.shape[2]] = dout
        for j in (0, 1):
            combine(_A, [whole[:, i::2, j::2] for i in (0, 1)], buffers.sums[:, j])
        combine(_A, buffers.sums.swapaxes(0, 1), buffers.p.swapaxes(0, 1))

    def _whole(self, out: Array) -> Array:
        """``out`` if its windows are whole tiles, else an array of whole tiles."""
        rows, columns = (2 * n for n in self.n_tiles)
        return (
            out if out.shape[1:3] == (rows, columns) else np.empty((len(out), rows, columns, out.shape[3]), out.dtype)
        )

    def _rows(self, padded: Array) -> list[Array]:
        """For each row a of a tile the rows a, a + 2, … of padded images."""
        size = 2 * self.n_tiles[0]
        return [padded[:, a : a + size : 2] for a in range(4)]

    def _columns(self, padded: Array) -> Iterator[tuple[Array, slice]]:
        """The even and the odd columns of padded images, without the padding, and which those are of the images."""
        (top, left), (height, width) = self.over.padding, (self.height, self.width)
        for parity in (0, 1):
            first = (parity - left) % 2
            start = (first + left) // 2
            inside = padded[:, top : top + height, parity, start : start + max(0, -(-(width - first) // 2))]
            yield inside, slice(first, None, 2)


@dataclass(frozen=True)
class TileBuffers:
    """Workspace for a block of images: padded pixels, rows of tiles, V, P, and rows of P combined."""

    padded: Array
    lines: Array
    v: Array
    p: Array
    sums: Array

    @property
    def v_rows(self) -> Array:
        """V, or dV, as 16 matrices (tiles, C)."""
        return self.v.reshape(16, -1, self.v.shape[-1])

    @property
    def p_rows(self) -> Array:
        """P, or dP, as 16 matrices (tiles, M)."""
        return self.p.reshape(16, -1, self.p.shape[-1])

    def kernels_gradient(self, dweight: Array, *, add: bool) -> None:
        """Write dW = Gᵀ (Σ_t dP ⊙ V) G to ``dweight``, or add it."""
        for some in parts_of(len(dweight)):
            du = places(len(dweight[some]), dweight.shape[1], self.v.dtype)
            np.matmul(self.p_rows[:, :, some].transpose(0, 2, 1), self.v_rows, out=du)
            kernels_from_places(du, dweight[some], add=add)


def combine(matrix: tuple[tuple[int, ...], ...], parts: Parts, outs: Parts, *, onto: bool = False) -> None:
    """outs_i = Σ_j matrix_ij parts_j for a matrix of 0, 1 and −1; ``onto``: outs_i += …, and they may overlap."""
    for row, out in zip(matrix, outs, strict=True):
        plus, minus = ([part for part, factor in zip(parts, row, strict=True) if factor == sign] for sign in (1, -1))
        if not onto:
            first = plus.pop(0)
            if plus:
                np.add(first, plus.pop(), out=out)
            elif minus:
                np.subtract(first, minus.pop(), out=out)
            else:
                out[...] = first
        for part in plus:
            out += part
        for part in minus:
            out -= part


def parts_of(n: int) -> Iterator[slice]:
    """Slices of ``n`` kernels, or channels."""
    return (slice(start, start + _KERNELS) for start in range(0, n, _KERNELS))


def places(n_out: int, n_in: int, kind: Any) -> Array:
    """An empty array for U, or dU, (16, M, C).

    In memory a kernel has 17 rows: 16, with C a power of two, would bring the rows of one place of all kernels to the
    same few lines of a cache.
    """
    return np.empty((n_out, 17, n_in), kind)[:, :16].transpose(1, 0, 2)


def kernels_to_places(weight: Array) -> Array:
    """U = G W Gᵀ: (M, C, 3, 3) → (16, M, C), by one product for each kernel."""
    inner = weight.transpose(0, 2, 3, 1).reshape(len(weight), 9, -1)
    u = places(len(weight), weight.shape[1], weight.dtype)
    np.matmul(_both(_G, weight), inner, out=u.transpose(1, 0, 2))
    return u


def kernels_from_places(du: Array, dweight: Array, *, add: bool) -> None:
    """dW = Gᵀ dU G, the adjoint of ``kernels_to_places``, to ``dweight`` (M, C, 3, 3), or added to it."""
    inner = dweight.transpose(0, 2, 3, 1)
    gradient = np.matmul(_both(_G, du).T, du.transpose(1, 0, 2)).reshape(inner.shape)
    inner[...] = inner + gradient if add else gradient


def _both(matrix: Array, like: Array) -> Array:
    """The matrix that applies ``matrix`` to rows and columns, for nine, or 16, numbers in row-major order."""
    return np.kron(matrix, matrix).astype(like.real.dtype)


def _tile_columns(lines: Array) -> list[Array]:
    """For each column b of a tile the columns b, b + 2, … of lines (…, 2, columns + 1, C) whose parities are apart."""
    even, odd = lines[..., 0, :, :], lines[..., 1, :, :]
    return [even[..., :-1, :], odd[..., :-1, :], even[..., 1:, :], odd[..., 1:, :]]
