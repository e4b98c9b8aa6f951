"""Windows of a convolution read side by side: few kernels over small windows as more kernels over wide ones.

    W′_tm,uvc = W_muc,v−ts      where 0 ≤ v − t s < KW, else 0;  t = 0 … q − 1

q neighbors in a row of windows, each s columns from the last, lie within a window of KW′ = KW + (q − 1) s columns.
With W′, in which every kernel m stands q times, each time s columns further, the product with such a wide window
gives what all q neighbors give. It multiplies KW′/KW times as many numbers, many of them zeros, and is quicker all the
same where the kernels are few: a product with few columns leaves most of the processor's vectors empty, and what
neighbors share is copied once instead of q times.

0 · ∞ and 0 · NaN are NaN: of q neighbors that one wide window reads, all would show what is not finite in one of them.
So what is not finite is read by windows of their own, q = 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, quiet_products
from mlp_numpy.modules.windows import Windows

COLUMNS: Final = 32
"""Columns of a product beyond which more of them no longer pay for the zeros that come with them."""


@dataclass(frozen=True)
class Wide:
    """``times`` windows side by side, each ``step`` columns from the last, as one of ``windows``."""

    windows: Windows
    times: int
    step: int

    def matrix(self, weight: Array) -> Array:
        """(M, C, KH, KW) → W′ (q·M, KH·KW′·C).

        With one window a view of a weight stored as Conv2dModule stores it, else a copy.
        """
        inner = weight.transpose(0, 2, 3, 1)
        if self.times == 1:
            return inner.reshape(len(inner), -1)
        (kh, kw), channels = self.windows.kernel, weight.shape[1]
        spread = np.zeros((self.times, len(inner), kh, kw, channels), inner.dtype)
        for t, kernels in enumerate(spread):
            kernels[:, :, self._place(t, weight)] = inner
        return spread.reshape(-1, kh * kw * channels)

    @quiet_products  # of windows side by side there are products that no window has a part in
    def dweight(self, dout: Array, x_rows: Array, weight: Array, into: Array | None = None) -> Array:
        """dW = Σ_t (doutᵀ X)_tm, at the places of W in W′; ``into`` an array of the weight's shape, or a new one.

        dout (N·H′·W′/q, q·M)   x_rows (N·H′·W′/q, KH·KW′·C)
        """
        dweight = np.empty_like(weight) if into is None else into
        inner = dweight.transpose(0, 2, 3, 1)
        if self.times == 1:
            matrix = inner.reshape(len(inner), -1)
            np.matmul(dout.T, x_rows, out=matrix)
            if not np.may_share_memory(matrix, inner):
                inner[...] = matrix.reshape(inner.shape)
            return dweight
        spread = (dout.T @ x_rows).reshape(self.times, len(inner), *self.windows.kernel, -1)
        inner[...] = 0
        for t, kernels in enumerate(spread):
            inner += kernels[:, :, self._place(t, weight)]
        return dweight

    def _place(self, t: int, weight: Array) -> slice:
        """The columns of the wide window that are those of its ``t``-th part."""
        return slice(t * self.step, t * self.step + weight.shape[3])


def one_by_one(over: Windows) -> Wide:
    """Each window by itself."""
    return Wide(over, 1, 0)


def widened(n_kernels: int, over: Windows, n_columns: int) -> Wide:
    """As many windows side by side as give ``n_kernels`` kernels at most 32 columns and divide the row of windows."""
    (kh, kw), (vertical, step) = over.kernel, over.stride
    # Windows that do not overlap share nothing.
    most = max(1, COLUMNS // n_kernels) if step < kw else 1
    times = max(q for q in range(1, min(most, n_columns) + 1) if n_columns % q == 0)
    wide = replace(over, kernel=(kh, kw + (times - 1) * step), stride=(vertical, times * step))
    return Wide(wide, times, step)
