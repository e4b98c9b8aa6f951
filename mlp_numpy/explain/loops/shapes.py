"""Shape operations of the tape as loops over indices: i, j and k are the places of a number."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X


def expand(x: Array, *, dim: int, repeats: int) -> Array:
    out = np.zeros((len(x), repeats))
    for i, r in np.ndindex(*out.shape):
        out[i, r] = x[i, 0]
    return out


def expand_backward(dout: Array, x: Array, *, dim: int, repeats: int) -> Array:
    dx = np.zeros(x.shape)
    for i, r in np.ndindex(*dout.shape):
        dx[i, 0] += dout[i, r]
    return dx


def squeeze(x: Array, *, dim: int) -> Array:
    out = np.zeros((len(x), x.shape[2]))
    for i, j in np.ndindex(*out.shape):
        out[i, j] = x[i, 0, j]
    return out


def squeeze_backward(dout: Array, x: Array, *, dim: int) -> Array:
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*dout.shape):
        dx[i, 0, j] = dout[i, j]
    return dx


def unsqueeze(x: Array, *, dim: int) -> Array:
    out = np.zeros((len(x), 1, x.shape[1]))
    for i, j in np.ndindex(*x.shape):
        out[i, 0, j] = x[i, j]
    return out


def unsqueeze_backward(dout: Array, x: Array, *, dim: int) -> Array:
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*x.shape):
        dx[i, j] = dout[i, 0, j]
    return dx


def reshape(x: Array, *, shape: tuple[int, int]) -> Array:
    out, (_, n_old), (_, n_new) = np.zeros(shape), x.shape, shape
    for i, j in np.ndindex(*x.shape):
        k = i * n_old + j
        out[k // n_new, k % n_new] = x[i, j]
    return out


def reshape_backward(dout: Array, x: Array, *, shape: tuple[int, int]) -> Array:
    dx, (_, n_old), (_, n_new) = np.zeros(x.shape), x.shape, shape
    for i, j in np.ndindex(*x.shape):
        k = i * n_old + j
        dx[i, j] = dout[k // n_new, k % n_new]
    return dx


def transpose(x: Array) -> Array:
    out = np.zeros((x.shape[1], len(x)))
    for i, j in np.ndindex(*x.shape):
        out[j, i] = x[i, j]
    return out


def transpose_backward(dout: Array, x: Array) -> Array:
    dx = np.zeros(x.shape)
    for i, j in np.ndindex(*x.shape):
        dx[i, j] = dout[j, i]
    return dx


def concatenate(x1: Array, x2: Array, *, axis: int) -> Array:
    out = np.zeros((len(x1) + len(x2), x1.shape[1]))
    for i, j in np.ndindex(*x1.shape):
        out[i, j] = x1[i, j]
    for i, j in np.ndindex(*x2.shape):
        out[len(x1) + i, j] = x2[i, j]
    return out


def concatenate_backward(dout: Array, x1: Array, x2: Array, *, axis: int) -> tuple[Array, Array]:
    dx1, dx2 = np.zeros(x1.shape), np.zeros(x2.shape)
    for i, j in np.ndindex(*x1.shape):
        dx1[i, j] = dout[i, j]
    for i, j in np.ndindex(*x2.shape):
        dx2[i, j] = dout[len(x1) + i, j]
    return dx1, dx2


def select(x: Array, *, indices: Array) -> Array:
    out = np.zeros(len(x))
    for n in range(len(x)):
        out[n] = x[n, indices[n]]
    return out


def select_backward(dout: Array, x: Array, *, indices: Array) -> Array:
    dx = np.zeros(x.shape)
    for n in range(len(x)):
        dx[n, indices[n]] = dout[n]
    return dx


def index_rows(x: Array, *, index: list[int]) -> Array:
    out = np.zeros((len(index), x.shape[1]))
    for p, j in np.ndindex(*out.shape):
        out[p, j] = x[index[p], j]
    return out


def index_rows_backward(dout: Array, x: Array, *, index: list[int]) -> Array:
    dx = np.zeros(x.shape)
    for p, j in np.ndindex(*dout.shape):
        dx[index[p], j] += dout[p, j]
    return dx


SHAPES: Final = (
    Example("Expand", expand, expand_backward, {"x": [[1.0], [-2.0]]}, DOUT, {"dim": 1, "repeats": 3}),
    Example("Squeeze", squeeze, squeeze_backward, {"x": [[[1.0, -2.0, 0.5]], [[3.0, 0.0, -1.0]]]}, DOUT, {"dim": 1}),
    Example("Unsqueeze", unsqueeze, unsqueeze_backward, {"x": X}, [[row] for row in DOUT], {"dim": 1}),
    Example("Reshape", reshape, reshape_backward, {"x": X}, [[1.0, 0.5], [-1.0, 2.0], [-0.25, 1.0]], {"shape": (3, 2)}),
    Example("Transpose", transpose, transpose_backward, {"x": X}, [[1.0, 0.5], [-1.0, 2.0], [-0.25, 1.0]]),
    Example(
        "Concatenate",
        concatenate,
        concatenate_backward,
        {"x1": [[1.0, -2.0, 0.5]], "x2": [[3.0, 0.0, -1.0]]},
        DOUT,
        {"axis": 0},
    ),
    Example("Select", select, select_backward, {"x": X}, [1.0, -2.0], {"indices": np.array([2, 0])}),
    Example("Index", index_rows, index_rows_backward, {"x": X}, [*DOUT, [0.5, 1.0, 3.0]], {"index": [1, 0, 1]}),
)
