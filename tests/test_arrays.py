"""Where random numbers come from, what an integer is, and formulas applied block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import arrays
from mlp_numpy.arrays import (
    Array,
    aligned,
    all_finite,
    blockwise,
    entries,
    floored,
    holds_nan,
    is_whole,
    kept,
    magnitude,
    negative_part,
    positive_part,
    product,
    row_blocks,
    stream,
)
from mlp_numpy.errors import OptionError


def test_streams_differ_by_seed_name_and_step() -> None:
    ways: list[tuple[Any, ...]] = [(0, "a"), (1, "a"), (0, "b"), (0, "a", 0), (0, "a", 1), (1, "a", 0), (0, "b", 0)]
    first = {way: stream(*way).integers(2**63) for way in ways}
    assert len(set(first.values())) == len(ways)
    assert {way: stream(*way).integers(2**63) for way in reversed(ways)} == first


def test_a_seed_or_step_that_is_none() -> None:
    with pytest.raises(OptionError, match=r"stream\('a'\): seed must be an integer ≥ 0, got -1"):
        stream(-1, "a")
    with pytest.raises(OptionError, match=r"stream\('a'\): step must be an integer ≥ 0, got 1.5"):
        stream(0, "a", 1.5)


@pytest.mark.parametrize(("value", "whole"), [(3, True), (np.uint8(3), True), (2, False), (True, False), (3.0, False)])
def test_whole_numbers(value: Any, whole: bool) -> None:
    assert is_whole(value, 3) is whole


def twice_and_difference(twice: Array, difference: Array, scratch: Array, x: Array, y: Array) -> None:
    np.add(x, x, out=twice)
    np.negative(y, out=scratch)
    np.add(x, scratch, out=difference)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.complex128])
@pytest.mark.parametrize("shape", [(), (1,), (0, 3), (7, 5), (33, 9000), (3, 4, 150, 160)])
def test_blocks_are_seams_that_nobody_sees(shape: tuple[int, ...], kind: type) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, *shape)).astype(kind)
    for a, b in ((x, y), (x.T, y.T), (x.T, y.T.copy()), (x[..., ::-1], y) if shape else (x, y)):
        twice, difference = blockwise(twice_and_difference, a, b, n_out=2, n_scratch=1)
        assert twice.dtype == difference.dtype == kind
        np.testing.assert_array_equal(twice, 2 * a)
        np.testing.assert_array_equal(difference, a - b)


def test_a_formula_sees_blocks_that_fit_in_the_cache() -> None:
    sizes = []

    def formula(out: Array, x: Array) -> None:
        sizes.append(x.nbytes)
        out[...] = x

    x = np.random.default_rng(0).normal(size=(10, 3, 40, 130)).transpose(0, 3, 1, 2)
    (out,) = blockwise(formula, x)
    np.testing.assert_array_equal(out, x)
    assert out.strides == x.strides
    assert max(sizes) == arrays.BLOCK and sum(sizes) == x.nbytes > 4 * arrays.BLOCK


def test_whole_numbers_become_what_a_division_makes_of_them() -> None:
    (out,) = blockwise(lambda out, x: np.divide(x, 2, out=out), np.arange(3))
    np.testing.assert_array_equal(out, [0, 0.5, 1])


@pytest.mark.parametrize("shape", [(), (0,), (3, 5), (1000,)])
def test_an_aligned_array_begins_with_a_line_of_the_cache(shape: tuple[int, ...]) -> None:
    for kind in (np.float32, np.complex128):
        array = aligned(shape, kind)
        assert array.shape == shape and array.dtype == kind
        assert array.ctypes.data % 64 == 0 or array.size == 0


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.longdouble, np.complex128, np.int64, ">f4"])
@pytest.mark.parametrize("into", [None, np.float32, np.float64])
def test_what_is_kept(kind: Any, into: Any) -> None:
    x, mask = np.arange(1, 13).reshape(3, 4).astype(kind), np.arange(12).reshape(3, 4) % 3 == 0
    if into is not None and np.dtype(kind).kind == "c":
        into = np.complex64
    out = None if into is None else np.full((4, 3), 7, into).T
    found = kept(mask, x, out)
    assert out is None or found is out
    np.testing.assert_array_equal(found, np.where(mask, x, 0))
    if np.dtype(kind).kind == "f":
        x[~mask] = [np.inf, -np.inf, np.nan, 1] * 2
        np.testing.assert_array_equal(kept(mask, x), np.where(mask, x, 0))


def test_products_of_nothing_and_infinity() -> None:
    a, b = np.array([0.0, -0.0, np.inf, np.nan, np.nan, 2.0]), np.array([np.inf, -np.inf, 0.0, 0.0, np.inf, np.inf])
    np.testing.assert_array_equal(product(a, b), [0, 0, 0, np.nan, np.nan, np.inf])
    out = np.empty(6)
    assert product(a, b, out) is out
    np.testing.assert_array_equal(out, product(b, a))
    assert product(np.array(0.0), np.array(np.inf)) == 0
    assert not holds_nan(np.empty((2, 0)))
    assert holds_nan(np.array([[1, np.nan + 1j]]))


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, np.uint64])
def test_entries_are_the_positions_of_one_value_per_row(dtype: Any) -> None:
    x, columns = np.arange(12.0).reshape(4, 3), np.array([2, 0, 1, 2], dtype)
    np.testing.assert_array_equal(x.take(entries(columns, 3)), x[np.arange(4), columns])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_squares_that_overflow_are_of_finite_values(dtype: Any) -> None:
    largest = np.full(5, np.finfo(dtype).max)
    assert all_finite(largest)
    for bad in (np.nan, np.inf, -np.inf):
        largest[3] = bad
        assert not all_finite(largest)


def test_parts_and_magnitudes_go_by_the_real_part() -> None:
    x = np.array([-2.0, -0.0, 0.0, 3.0, np.inf, -np.inf, np.nan])
    expected = {
        positive_part: [0, 0, 0, 3, np.inf, 0, np.nan],
        negative_part: [-2, 0, 0, 0, 0, -np.inf, np.nan],
        magnitude: [2, 0, 0, 3, np.inf, np.inf, np.nan],
    }
    for formula, values in expected.items():
        out = np.empty_like(x)
        formula(out, x)
        np.testing.assert_array_equal(out, values)
    z = np.array([-2 + 1j, 1j, 3 + 1j])
    for formula, terms in (
        (positive_part, [0, 0, 3 + 1j]),
        (negative_part, [-2 + 1j, 1j, 0]),
        (magnitude, [-1, -1, 1]),
    ):
        out = np.empty_like(z)
        formula(out, z)
        np.testing.assert_array_equal(out, z * terms if formula is magnitude else terms)


def test_row_blocks_cover_all_rows() -> None:
    for rows in (np.zeros((3, 2)), np.zeros((1000, 1000)), np.zeros((2, 1 << 18)), np.zeros((4, 0)), np.zeros((0, 3))):
        parts = row_blocks(rows)
        assert sum(len(rows[part]) for part in parts) == len(rows)
        assert all(rows[part].nbytes <= max(4 * arrays.BLOCK, rows[:1].nbytes) for part in parts)
    assert len(row_blocks(np.zeros((1000, 1000)))) > 1


def test_small_probabilities_count_as_0() -> None:
    p = np.array([1, 1e-30, 1e-32, 1e-40, 0, np.nan], np.float32)
    np.testing.assert_array_equal(floored(p), np.array([1, 1e-30, 0, 0, 0, np.nan], np.float32))
    np.testing.assert_array_equal(floored(np.array([1e-32, 1e-291, 1e-293])), [1e-32, 1e-291, 0])
