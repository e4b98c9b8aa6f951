"""Mean and variance in one pass: those of two passes, also where the mean is large."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from mlp_numpy.data.moments import RunningMoments


def moments(rows: np.ndarray, size: int, *, squares: bool = True) -> RunningMoments:
    found = RunningMoments(squares=squares)
    for start in range(0, len(rows), size):
        found.add(rows[start : start + size])
    return found


@pytest.mark.parametrize("size", [7, 300, 2000])
def test_bytes_are_summed_exactly(size: int) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (1000, 5), np.uint8)
    rows[:, 3], rows[:, 4] = 255, 7
    found = moments(rows, size)
    np.testing.assert_array_equal(found.mean, rows.mean(axis=0, dtype=np.float64))
    np.testing.assert_allclose(found.variance, rows.var(axis=0), rtol=1e-13, atol=0)
    assert found.variance[3:].tolist() == [0, 0]
    np.testing.assert_array_equal(moments(rows, size, squares=False).mean, found.mean)


@pytest.mark.parametrize("size", [7, 300, 2000])
def test_a_large_mean_does_not_cancel(size: int) -> None:
    rows = np.random.default_rng(1).normal(size=(1000, 2)) + 1e8
    exact = [Fraction(value) for value in rows[:, 0]]
    mean = sum(exact) / len(exact)
    variance = float(sum((value - mean) ** 2 for value in exact) / len(exact))
    found = moments(rows, size)
    assert found.mean[0] == pytest.approx(float(mean), rel=1e-14)
    # Σu² − T²/n would keep no digit: ε · 10¹⁶ is about 1
    assert found.variance[0] == pytest.approx(variance, rel=1e-8)


def test_rows_of_many_columns_and_other_dtypes() -> None:
    rows = np.random.default_rng(2).integers(-5, 5, (3, 200_000)).astype(np.int8)
    np.testing.assert_allclose(moments(rows, 3).variance, rows.var(axis=0), atol=1e-14)
