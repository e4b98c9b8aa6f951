"""How images lie in memory. Their indices are always (N, C, H, W); what lies beside what is another question.

The layers of images write their outputs with the channels of a pixel side by side, (N, H, W, C) in memory, whatever
order their input has: a convolution is then one product of matrices whose rows are pixels, and a sum or a product along
the channels runs over neighbors. ``x.transpose(0, 2, 3, 1)`` of such an array is C-contiguous. Elementwise functions of
NumPy keep the order that they are given.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array


def pixel_rows(x: Array) -> Array:
    """(N, C, H, W) → (N·H·W, C), a row a pixel: a view where the channels lie side by side, else a copy.

    (N, C) is its own rows.
    """
    return x if x.ndim == 2 else x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])


def images(rows: Array, shape: tuple[int, ...]) -> Array:
    """The inverse of ``pixel_rows``: (N·H·W, C) → ``shape`` = (N, C, H, W), a view."""
    if len(shape) == 2:
        return rows
    n, c, h, w = shape
    return rows.reshape(n, h, w, c).transpose(0, 3, 1, 2)


def zeros_laid_out_as(x: Array, shape: tuple[int, ...], dtype: Any = None) -> Array:
    """Zeros of ``shape``, and of ``x``'s kind of number or another, with the axes in memory in the order of ``x``'s."""
    axes = sorted(range(x.ndim), key=lambda axis: -abs(x.strides[axis]))
    return np.zeros([shape[axis] for axis in axes], dtype or x.dtype).transpose(np.argsort(axes))
