"""Matrix products of the tape as loops over indices: n and m rows and columns of out, k what is summed over."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import Example, X

Two: TypeAlias = tuple[Array, Array]
"""The gradients of both factors."""


def matrix_multiply(a: Array, b: Array) -> Array:
    (n_rows, n_inner), n_columns = a.shape, b.shape[1]
    out = np.zeros((n_rows, n_columns))
    for n, m in np.ndindex(*out.shape):
        out[n, m] = sum(a[n, k] * b[k, m] for k in range(n_inner))
    return out


def matrix_multiply_backward(dout: Array, a: Array, b: Array) -> Two:
    n_rows, n_columns = dout.shape
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, k in np.ndindex(*a.shape):
        da[n, k] = sum(dout[n, m] * b[k, m] for m in range(n_columns))
    for k, m in np.ndindex(*b.shape):
        db[k, m] = sum(a[n, k] * dout[n, m] for n in range(n_rows))
    return da, db


def batch_mm(matrix: Array, vectors: Array) -> Array:
    (n_rows, n_inner), n_vectors = matrix.shape, len(vectors)
    out = np.zeros((n_vectors, n_rows))
    for n, k in np.ndindex(*out.shape):
        out[n, k] = sum(matrix[k, d] * vectors[n, d] for d in range(n_inner))
    return out


def batch_mm_backward(dout: Array, matrix: Array, vectors: Array) -> Two:
    n_vectors, n_rows = dout.shape
    dmatrix, dvectors = np.zeros(matrix.shape), np.zeros(vectors.shape)
    for k, d in np.ndindex(*matrix.shape):
        dmatrix[k, d] = sum(dout[n, k] * vectors[n, d] for n in range(n_vectors))
    for n, d in np.ndindex(*vectors.shape):
        dvectors[n, d] = sum(dout[n, k] * matrix[k, d] for k in range(n_rows))
    return dmatrix, dvectors


_DOUT: Final = [[1.0, 0.5], [2.0, -1.0]]

MATRICES: Final = (
    Example(
        "MatrixMultiply",
        matrix_multiply,
        matrix_multiply_backward,
        {"a": X, "b": [[1.0, -1.0], [0.0, 3.0], [2.0, 0.5]]},
        _DOUT,
    ),
    Example(
        "BatchMM",
        batch_mm,
        batch_mm_backward,
        {"matrix": [[1.0, 0.0, 2.0], [-1.0, 3.0, 0.5]], "vectors": X},
        _DOUT,
    ),
)
