"""Formulas of rows of classes (N, C), applied along any axis: to (N, C, …), one row per example and position."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context


def to_rows(x: Array, axis: int = 1) -> Array:
    """The rows along ``axis``: (N, C, …) → (M, C), a view where the memory order permits."""
    return np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])


def from_rows(rows: Array, shape: tuple[int, ...], axis: int = 1) -> Array:
    """The inverse of ``to_rows``: (M, C) → an array of ``shape``, which has C entries along ``axis``."""
    return np.moveaxis(rows.reshape(*_positions(shape, axis), shape[axis]), -1, axis)


def forward_on_rows(formula: Callable[..., Array]) -> Callable[..., Array]:
    """Apply the forward of a formula of (N, C) along ``axis`` of an array with more axes.

    y        labels (N, …), or arrays of x's shape, are converted to (M,) or (M, C) as x is, weights (N, …) to (M,)
    out      (M, C) and (M,) are converted back
    """

    @functools.wraps(formula)
    def forward(context: Context, x: Array, *, axis: int = 1, **constants: Any) -> Array:
        if x.ndim == 2 and axis in (1, -1):
            return formula(context, x, **constants)
        context["shape"], context["axis"] = x.shape, axis
        for name in ("y", "weight"):
            if constants.get(name) is not None:
                constants[name] = _as_rows(constants[name], x.shape, axis)
        out = formula(context, to_rows(x, axis), **constants)
        if out.ndim == 2:
            return from_rows(out, x.shape, axis)
        return out.reshape(_positions(x.shape, axis)) if out.ndim else out

    return forward


def backward_on_rows(formula: Callable[..., Array]) -> Callable[..., Array]:
    """Apply the backward of a formula of (N, C) to the ``dout`` of what ``forward_on_rows`` returned."""

    @functools.wraps(formula)
    def backward(context: Context, dout: Array) -> Array:
        if "shape" not in context:
            return formula(context, dout)
        shape, axis = context["shape"], context["axis"]
        return from_rows(formula(context, _as_rows(dout, shape, axis)), shape, axis)

    return backward


def _positions(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape of what has one entry per row: (N, …)."""
    axis %= len(shape)
    return (*shape[:axis], *shape[axis + 1 :])


def _as_rows(array: Array, shape: tuple[int, ...], axis: int) -> Array:
    if array.ndim == len(shape):
        return to_rows(array, axis)
    return array.reshape(-1) if array.ndim else array
