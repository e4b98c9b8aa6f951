"""Memory layout of images. Their indices are always (N, C, H, W), independent of the layout in memory.

Image layers write their outputs with contiguous channels, (N, H, W, C) in memory, for every layout of the input: a
convolution is then one matrix product whose rows are pixels, and operations along the channels access contiguous
memory. ``x.transpose(0, 2, 3, 1)`` of such an array is C-contiguous. Elementwise functions of NumPy preserve the
layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mlp_numpy.arrays import Array


def pixel_rows(x: Array) -> Array:
    """(N, C, H, W) → (N·H·W, C), one row per pixel: a view if the channels are contiguous, else a copy.

    Sequences (N, C, L) likewise. (N, C) is returned unchanged.
    """
    return x if x.ndim == 2 else x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[1])


def images(rows: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of ``pixel_rows``: (N·H·W, C) → ``shape`` = (N, C, H, W), a view."""
    if len(shape) == 2:
        return rows
    n, c, *size = shape
    return rows.reshape(n, *size, c).transpose(0, len(shape) - 1, *range(1, len(shape) - 1))


def laid_out_as(x: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """An empty array of ``shape``, with ``x``'s dtype or another, in ``x``'s memory order."""
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    return np.empty([shape[axis] for axis in axes], dtype or x.dtype).transpose(np.argsort(axes))


def zeros_laid_out_as(x: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """Zeros of ``shape``, with ``x``'s dtype or another, in ``x``'s memory order."""
    zeros = laid_out_as(x, shape, dtype)
    zeros[...] = 0
    return zeros


def whole(parts: Sequence[Array]) -> Array:
    """The rows of all parts in one array: without a copy if they follow each other in memory."""
    first, n_rows = parts[0], sum(map(len, parts))
    if first.flags.c_contiguous and first.base is not None:
        ends = [first.ctypes.data]
        for part in parts:
            if part.base is not first.base or part.ctypes.data != ends[-1] or not part.flags.c_contiguous:
                break
            ends.append(ends[-1] + part.nbytes)
        else:
            return as_strided(first, (n_rows, *first.shape[1:]), writeable=False)
    return np.concatenate(parts)


def whole_images(parts: Sequence[Array]) -> Array:
    """The images (n, C, H, W) of all parts in one array (N, C, H, W), with contiguous channels."""
    return whole([part.transpose(0, 2, 3, 1) for part in parts]).transpose(0, 3, 1, 2)
