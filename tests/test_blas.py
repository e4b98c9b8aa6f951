"""``y ← y + a·x`` and ``y ← b·y + a·x`` by BLAS and by blocks, ``C ← C + A B`` by BLAS and by NumPy."""

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

            self.cblas_saxpy = self.cblas_saxpby = self.cblas_sgemm = nothing

    assert blas._bind(Liar(), "s", "axpy") is None
    assert blas._bind(Liar(), "s", "axpby") is None
    assert blas._bind(Liar(), "s", "gemm") is None  # type: ignore[arg-type]


@pytest.mark.parametrize("routine", ["blas", "numpy"])
@pytest.mark.parametrize("dtypes", [("f4", "f4", "f4"), ("f8", "f8", "f8"), ("c16", "f8", "c16"), ("f4", "f8", "f8")])
@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 2), (1, 4, 1), (5, 4, 3), (2, 0, 3), (0, 2, 3)])
def test_add_product(
    shape: tuple[int, int, int], dtypes: tuple[str, str, str], routine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if routine == "numpy":
        monkeypatch.setattr(blas, "_ROUTINES", {})
    m, k, n = shape
    rng = np.random.default_rng(0)

    def layouts(height: int, width: int, dtype: str) -> list[np.ndarray]:
        """Contiguous, part of the columns, transposed, every other row, every other column, and upside down."""
        big = rng.integers(-4, 5, (2 * height + 2, 2 * width + 2)).astype(dtype)
        turned = rng.integers(-4, 5, (width, height)).astype(dtype)
        parts = [big[:height, 1 : 1 + width], turned.T, big[: 2 * height : 2, :width], big[:height, : 2 * width : 2]]
        return [big[:height, :width].copy(), *parts, big[:height, :width][::-1]]

    for a in layouts(m, k, dtypes[0]):
        for b in layouts(k, n, dtypes[1]):
            for out in layouts(m, n, dtypes[2]):
                expected = out + a.astype("c16") @ b.astype("c16")
                blas.add_product(a, b, out)
                np.testing.assert_array_equal(out, expected)


def test_gemm_is_found() -> None:
    if blas._ROUTINES:
        assert ("gemm", np.dtype(np.float32)) in blas._ROUTINES
        assert ("gemm", np.dtype(np.float64)) in blas._ROUTINES
