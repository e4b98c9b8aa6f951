"""The length of the gradient, and gradients within bounds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mlp_numpy import FlatParameters, LinearModule
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.optim import clip_norm, clip_value


def with_grads(grads: list[float], dtype: type = np.float64) -> FlatParameters:
    flat = FlatParameters(LinearModule(len(grads) - 1, 1, dtype=dtype))
    flat.grads[:] = grads
    return flat


@pytest.mark.parametrize(
    ("scale", "dtype"),
    [(1, np.float32), (1e25, np.float32), (1e-30, np.float32), (1, np.float64), (1e200, np.float64), (0, np.float32)],
)
def test_the_norm_neither_overflows_nor_vanishes(scale: float, dtype: type) -> None:
    flat = with_grads([3 * scale, -4 * scale, 12 * scale], dtype)
    assert flat.grad_norm() == pytest.approx(13 * scale, rel=1e-6)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_norm_of_what_is_not_finite_is_not_finite(wrong: float) -> None:
    flat = with_grads([1.0, wrong, 2.0])
    assert not math.isfinite(flat.grad_norm())
    before = flat.grads.copy()
    with pytest.raises(NonFiniteError, match="found a NaN or an infinity in weight"):
        clip_norm(flat, 1.0)
    np.testing.assert_array_equal(flat.grads, before)


def test_a_long_gradient_is_shortened_and_a_short_one_left() -> None:
    flat = with_grads([3.0, -4.0, 12.0])
    assert clip_norm(flat, 2.6) == 13
    np.testing.assert_allclose(flat.grads, [0.6, -0.8, 2.4], rtol=1e-6)
    before = flat.grads.copy()
    assert clip_norm(flat, 3.0) == pytest.approx(2.6, rel=1e-6)
    np.testing.assert_array_equal(flat.grads, before)


def test_a_gradient_whose_square_is_no_float32_is_clipped_too() -> None:
    flat = with_grads([3e30, -4e30, 12e30], np.float32)
    assert clip_norm(flat, 13.0) == pytest.approx(13e30)
    np.testing.assert_allclose(flat.grads, [3, -4, 12], rtol=1e-6)


def test_each_number_is_moved_into_its_bounds() -> None:
    flat = with_grads([3.0, -4.0, 0.5, math.inf])
    clip_value(flat, 2.0)
    np.testing.assert_array_equal(flat.grads, [2, -2, 0.5, 2])


@pytest.mark.parametrize("bound", [0, -1.0, math.nan, math.inf])
def test_bounds_are_positive(bound: float) -> None:
    with pytest.raises(OptionError, match="clip_norm: bound must be a number > 0"):
        clip_norm(with_grads([1, 2]), bound)
    with pytest.raises(OptionError, match="clip_value: bound must be a number > 0"):
        clip_value(with_grads([1, 2]), bound)
