"""Reductions of the tape as loops over indices: n a row, i, j and d columns."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def column_sums(x: Array, *, axis: int) -> Array:
    out = np.zeros(x.shape[1])
    for n, d in np.ndindex(*x.shape):
        out[d] += x[n, d]
    return out


def column_sums_backward(dout: Array, x: Array, *, axis: int) -> Array:
    dx = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        dx[n, d] = dout[d]
    return dx


def column_means(x: Array, *, axis: int) -> Array:
    out = np.zeros(x.shape[1])
    for n, d in np.ndindex(*x.shape):
        out[d] += x[n, d] / len(x)
    return out


def column_means_backward(dout: Array, x: Array, *, axis: int) -> Array:
    dx = np.zeros(x.shape)
    for n, d in np.ndindex(*x.shape):
        dx[n, d] = dout[d] / len(x)
    return dx


def column_maxima(x: Array, *, axis: int) -> Array:
    out = np.zeros(x.shape[1])
    for d in range(x.shape[1]):
        out[d] = max(x[n, d] for n in range(len(x)))
    return out


def column_maxima_backward(dout: Array, x: Array, *, axis: int) -> Array:
    dx = np.zeros(x.shape)
    for d in range(x.shape[1]):
        column = [x[n, d] for n in range(len(x))]
        dx[column.index(max(column)), d] = dout[d]  # the first of equal ones
    return dx


def row_sum(x: Array) -> Array:
    out = np.zeros(len(x))
    for n, i in np.ndindex(*x.shape):
        out[n] += x[n, i]
    return out


def row_sum_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for n, i in np.ndindex(*x.shape):
        dx[n, i] = dout[n]
    return dx


def row_max(x: Array) -> Array:
    out = np.zeros(len(x))
    for n in range(len(x)):
        out[n] = max(x[n])
    return out


def row_max_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for n in range(len(x)):
        row = list(x[n])
        dx[n, row.index(max(row))] = dout[n]  # the first of equal ones
    return dx


def normalize(x: Array) -> Array:
    out = np.zeros(x.shape)
    for n, i in np.ndindex(*x.shape):
        out[n, i] = x[n, i] / sum(x[n])
    return out


def normalize_backward(dout: Array, x: Array) -> Array:
    (n_samples, n_classes), dx = x.shape, np.zeros(x.shape)
    for n in range(n_samples):
        s = sum(x[n])
        for i in range(n_classes):
            for j in range(n_classes):
                same = 1 if i == j else 0
                dx[n, i] += dout[n, j] * (same / s - x[n, j] / s**2)
    return dx


_OF_COLUMNS: Final = [1.0, 0.5, -1.0]
_OF_ROWS: Final = [1.0, -2.0]
_DOWN: Final = {"axis": 0}

REDUCTIONS: Final = (
    Example("Sum", column_sums, column_sums_backward, {"x": X}, _OF_COLUMNS, _DOWN),
    Example("Mean", column_means, column_means_backward, {"x": X}, _OF_COLUMNS, _DOWN),
    Example("Max", column_maxima, column_maxima_backward, {"x": X}, _OF_COLUMNS, _DOWN),
    Example("RowSum", row_sum, row_sum_backward, {"x": X}, _OF_ROWS),
    Example("RowMax", row_max, row_max_backward, {"x": X}, _OF_ROWS),
    Example("Normalize", normalize, normalize_backward, {"x": [[1.0, 2.0, 1.0], [3.0, 0.5, 0.5]]}, DOUT),
)
