"""Widened windows: a convolution with few kernels computed as one with more kernels over wider windows.

    W′_tm,uvc = W_muc,v−ts      where 0 ≤ v − t s < KW, else 0;  t = 0 … q − 1

q adjacent windows of a row, s columns apart, lie within a window of KW′ = KW + (q − 1) s columns. W′ contains every
kernel m q times, each shifted by s columns, so the product with the wide window gives the results of all q windows. It
takes KW′/KW times as many multiplications, many of them by zero, but is faster for few kernels: a product with few
columns wastes most of the vector units, and the overlap of the windows is copied once instead of q times.

0 · ∞ and 0 · NaN are NaN, so a value that is not finite in one of the q windows would affect all of them. Such inputs
are computed with q = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules.windows import Windows

COLUMNS: Final = 32
"""Number of columns of a product beyond which widening no longer pays."""


@dataclass(frozen=True)
class Wide:
    """``times`` windows, ``step`` columns apart, as one wide window of ``windows``."""

    windows: Windows
    times: int
    step: int

    def matrix(self, weight: Array) -> Array:
        """(M, C, KH, KW) → W′ (q·M, KH·KW′·C).

        For q = 1 a view of a weight stored as in Conv2dModule, else a copy.
        """
        inner = weight.transpose(0, 2, 3, 1)
        if self.times == 1:
            return inner.reshape(len(inner), -1)
        (kh, kw), channels = self.windows.kernel, weight.shape[1]
        spread = np.zeros((self.times, len(inner), kh, kw, channels), inner.dtype)
        for t, kernels in enumerate(spread):
            kernels[:, :, self._place(t, weight.shape[3])] = inner
        return spread.reshape(-1, kh * kw * channels)

    def view(self, dweight: Array | None) -> Array | None:
        """An array for dW as matrix (M, KH·KW·C), without a copy; None for q > 1, and for another memory order."""
        if dweight is None or self.times > 1:
            return None
        inner = dweight.transpose(0, 2, 3, 1)
        matrix = inner.reshape(len(inner), -1)
        return matrix if np.may_share_memory(matrix, inner) else None

    def dweight(self, dmatrix: Array, shape: tuple[int, ...], into: Array | None = None) -> Array:
        """dW = Σ_t dW′_tm at the positions of W in W′, the adjoint of ``matrix``: (q·M, KH·KW′·C) → ``shape``.

        ``into`` is an array of the weight's shape, or None; products outside every window are discarded.
        """
        n_kernels, channels, kh, kw = shape
        spread = dmatrix.reshape(self.times, n_kernels, kh, -1, channels)
        inner = spread[0, :, :, self._place(0, kw)]
        for t in range(1, self.times):
            inner = inner + spread[t, :, :, self._place(t, kw)]
        dweight = inner.transpose(0, 3, 1, 2)
        if into is None or np.may_share_memory(dweight, into):
            return dweight if into is None else into
        into[...] = dweight
        return into

    def _place(self, t: int, width: int) -> slice:
        """The columns of the ``t``-th window in the wide window."""
        return slice(t * self.step, t * self.step + width)


def one_by_one(over: Windows) -> Wide:
    """No widening."""
    return Wide(over, 1, 0)


def widened(n_kernels: int, over: Windows, n_columns: int) -> Wide:
    """The largest number of windows that gives ``n_kernels`` kernels at most 32 columns and divides the row of
    windows."""
    (kh, kw), (vertical, step) = over.kernel, over.stride
    # Windows without overlap do not gain; the places of dilated kernels would not lie side by side.
    most = max(1, COLUMNS // n_kernels) if step < kw and over.dilation[1] == 1 else 1
    times = max(q for q in range(1, min(most, n_columns) + 1) if n_columns % q == 0)
    wide = replace(over, kernel=(kh, kw + (times - 1) * step), stride=(vertical, times * step))
    return Wide(wide, times, step)
