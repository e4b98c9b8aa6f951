"""``y ← y + a·x`` and ``y ← b·y + a·x`` by BLAS and by blocks."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import blas


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 65536, 65537, 200_001])
@pytest.mark.parametrize("routine", ["blas", "blocks"])
def test_axpy(dtype: type, n: int, routine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if routine == "blocks":
        monkeypatch.setattr(blas, "_ROUTINES", {})
    rng = np.random.default_rng(n)
    x, y = rng.normal(size=n).astype(dtype), rng.normal(size=n).astype(dtype)
    added, kept = np.longdouble(dtype(-0.3)) * x, x.copy()
    expected = y.astype(np.longdouble) + added
    blas.axpy(-0.3, x, y)
    assert (abs(y - expected) <= 2 * np.finfo(dtype).eps * (1 + abs(expected))).all()
    expected = np.longdouble(dtype(0.7)) * y + added
    blas.axpby(-0.3, x, 0.7, y)
    assert (abs(y - expected) <= 2 * np.finfo(dtype).eps * (1 + abs(expected))).all()
    np.testing.assert_array_equal(x, kept)


def test_strided_and_mixed_vectors_are_added_all_the_same() -> None:
    y = np.zeros(10)
    blas.axpy(2.0, np.arange(5.0), y[::2])
    np.testing.assert_array_equal(y, [0, 0, 2, 0, 4, 0, 6, 0, 8, 0])
    single = np.zeros(3, np.float32)
    blas.axpy(1.0, np.ones(3), single)
    blas.axpby(1.0, np.ones(3), 2.0, single)
    np.testing.assert_array_equal(single, 3)


def test_no_library_means_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "_numpy_blas", lambda: None)
    assert blas._find_routines() == {}
    monkeypatch.setattr(blas, "_numpy_blas", lambda: "/no/such/library.so")
    assert blas._find_routines() == {}


def test_a_function_that_computes_something_else_is_not_believed() -> None:
    class Liar:
        """A library whose axpy does nothing."""

        def __init__(self) -> None:
            def nothing(*_: object) -> None:
                return None

            self.cblas_saxpy = self.cblas_saxpby = nothing

    assert blas._bind(Liar(), "s", "axpy") is None
    assert blas._bind(Liar(), "s", "axpby") is None
