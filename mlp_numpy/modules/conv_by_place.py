"""Convolution of small images place by place of the kernel, a product of matrices for each, without the padding.

    out_nij,m = b_m + Σ_uv X_uv W_uvᵀ      dX_uv = dout_uv W_uv, added to its pixels      dW_uv = dout_uvᵀ X_uv

X_uv are the pixels at place (u, v) of a window, as rows (…, C), dout_uv the rows (…, M) of their windows, W_uv (M, C).
A place on the padding has no pixel. Of 2×2 images padded by 1 that are 20 of the 36 places of 3×3 windows, and windows
written out as rows would be mostly zeros.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.modules.windows import Pair, Windows

_SHARE: Final = 0.7
"""The largest share of the places of all windows that have a pixel."""
_CHANNELS: Final = 1 << 14
"""The least M·C: for fewer, the number of products outweighs their size."""


def places_pay(weight: Array, over: Windows, size: Pair) -> bool:
    """True where products place by place are faster than those of windows, for images H, W = ``size``."""
    return weight.shape[0] * weight.shape[1] >= _CHANNELS and share_on_pixels(over, size) <= _SHARE


@functools.lru_cache(maxsize=64)
def share_on_pixels(over: Windows, size: Pair) -> float:
    """The share of the places of all windows that have a pixel of images H, W = ``size``."""
    with_pixels = [sum(at.stop - at.start for _, _, at in over.along(axis, size[axis])) for axis in (0, 1)]
    return float(math.prod(with_pixels) / math.prod((*over.kernel, *over.out_size(*size))))


def products_by_place(x: Array, weight: Array, bias: Array | None, over: Windows) -> Array | None:
    """The output (N, H′, W′, M); None if it is not finite, or a place that has no pixel anywhere has such a weight: for
    the formula 0 · ∞ is NaN on the padding, too."""
    pixels, kernels = x.transpose(0, 2, 3, 1), weight.transpose(0, 2, 3, 1)
    kind, places = np.result_type(x, weight), list(_places(over, x))
    out = np.zeros((len(x), *over.out_size(*x.shape[2:]), len(weight)), kind)
    if bias is not None:
        out += bias
    for u, v, seen, at in places:
        product = pixels[seen].reshape(-1, x.shape[1]) @ kernels[:, u, v].T
        into = out[at]
        into += product.reshape(into.shape)
    known = len(places) == math.prod(over.kernel) or all_finite(weight)
    return out if known and all_finite(out) else None


def gradients_by_place(
    x: Array, weight: Array, dout: Array, over: Windows, *, wants: tuple[bool, bool], into: Array | None
) -> tuple[Array | None, Array | None]:
    """dx (N, C, H, W) and dW (M, C, KH, KW), in ``into`` if it is given, as far as ``wants`` asks for them.

    ``dout`` must be finite: for the formula 0 · ∞ is NaN on the padding, too.
    """
    pixels, kernels, rows_of = (array.transpose(0, 2, 3, 1) for array in (x, weight, dout))
    dx = np.zeros(pixels.shape, np.result_type(dout, weight)) if wants[0] else None
    dkernels = None
    if wants[1]:
        dkernels = np.empty(kernels.shape, np.result_type(dout, x)) if into is None else into.transpose(0, 2, 3, 1)
        dkernels[...] = 0
    for u, v, seen, at in _places(over, x):
        rows = rows_of[at].reshape(-1, dout.shape[1])
        if dkernels is not None:
            np.matmul(rows.T, pixels[seen].reshape(-1, x.shape[1]), out=dkernels[:, u, v], casting="same_kind")
        if dx is not None:
            onto = dx[seen]
            onto += (rows @ kernels[:, u, v]).reshape(onto.shape)
    dx, dweight = (array if array is None else array.transpose(0, 3, 1, 2) for array in (dx, dkernels))
    return dx, dweight if into is None or dweight is None else into


def _places(over: Windows, x: Array) -> Iterator[tuple[int, int, tuple[slice, ...], tuple[slice, ...]]]:
    """Each place u, v with its pixels in images (N, H, W, C), and their windows in (N, H′, W′, M)."""
    for (u, v), (images, _, *seen), (_, _, *at) in over.offsets(*x.shape[2:]):
        yield u, v, (images, *seen), (images, *at)
