"""Arithmetic of the tape as loops over indices: n a row, d a column; b is a row, broadcast over the rows of a."""

from __future__ import annotations

from math import log
from typing import Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.explain.example import DOUT, Example, X

Two: TypeAlias = tuple[Array, Array]
"""The gradients of a and b."""


def add(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] + b[d]
    return out


def add_backward(dout: Array, a: Array, b: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        da[n, d] = dout[n, d]
        db[d] += dout[n, d]
    return da, db


def sub(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] - b[d]
    return out


def sub_backward(dout: Array, a: Array, b: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        da[n, d] = dout[n, d]
        db[d] -= dout[n, d]
    return da, db


def multiply(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] * b[d]
    return out


def multiply_backward(dout: Array, a: Array, b: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        da[n, d] = dout[n, d] * b[d]
        db[d] += dout[n, d] * a[n, d]
    return da, db


def divide(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] / b[d]
    return out


def divide_backward(dout: Array, a: Array, b: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        da[n, d] = dout[n, d] / b[d]
        db[d] -= dout[n, d] * a[n, d] / b[d] ** 2
    return da, db


def power(a: Array, b: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] ** b[d]
    return out


def power_backward(dout: Array, a: Array, b: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        da[n, d] = dout[n, d] * b[d] * a[n, d] ** (b[d] - 1)
        db[d] += dout[n, d] * a[n, d] ** b[d] * log(a[n, d])
    return da, db


def where(a: Array, b: Array, *, condition: Array) -> Array:
    out = np.zeros(a.shape)
    for n, d in np.ndindex(*a.shape):
        out[n, d] = a[n, d] if condition[n, d] else b[d]
    return out


def where_backward(dout: Array, a: Array, b: Array, *, condition: Array) -> Two:
    da, db = np.zeros(a.shape), np.zeros(b.shape)
    for n, d in np.ndindex(*a.shape):
        if condition[n, d]:
            da[n, d] = dout[n, d]
        else:
            db[d] += dout[n, d]
    return da, db


_PAIR: Final = {"a": X, "b": [2.0, -1.0, 0.5]}
_POSITIVE: Final = {"a": [[1.0, 2.0, 0.5], [3.0, 1.5, 4.0]], "b": [2.0, -1.0, 0.5]}
_CONDITION: Final = np.array([[True, False, True], [False, False, True]])

ARITHMETIC: Final = (
    Example("Add", add, add_backward, _PAIR, DOUT),
    Example("Sub", sub, sub_backward, _PAIR, DOUT),
    Example("Multiply", multiply, multiply_backward, _PAIR, DOUT),
    Example("Divide", divide, divide_backward, _PAIR, DOUT),
    Example("Power", power, power_backward, _POSITIVE, DOUT),
    Example("Where", where, where_backward, _PAIR, DOUT, {"condition": _CONDITION}),
)
