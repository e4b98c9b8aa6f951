"""Holding out: which examples go where, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_numpy.data.dataset import Split
from mlp_numpy.data.splitting import WAYS, draw_test_rows, hold_out, quotas
from mlp_numpy.errors import DataError, OptionError

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [60, 30, 10]))
# an image is the number of its row, so that it tells where it was
SPLIT = Split(np.arange(100, dtype=np.uint8).reshape(100, 1), LABELS)


def places(split: Split) -> list[int]:
    return split.images[:, 0].tolist()


@pytest.mark.parametrize("how", WAYS)
@given(n=st.integers(1, 50), seed=st.integers(0, 3))
@pytest.mark.slow
def test_every_example_is_in_one_part_in_the_stored_order(how: str, n: int, seed: int) -> None:
    train, held_out = hold_out(SPLIT, n, how, seed=seed)
    assert (len(train), len(held_out)) == (100 - n, n)
    assert places(train) == sorted(places(train))
    assert places(held_out) == sorted(places(held_out))
    assert sorted(places(train) + places(held_out)) == list(range(100))
    for part in (train, held_out):
        np.testing.assert_array_equal(part.labels, LABELS[places(part)])


def test_the_ends_are_views() -> None:
    for how, rows in (("first", range(7)), ("last", range(93, 100))):
        train, held_out = hold_out(SPLIT, 7, how)
        assert places(held_out) == list(rows)
        for part in (train, held_out):
            assert np.shares_memory(part.images, SPLIT.images)
            assert np.shares_memory(part.labels, SPLIT.labels)


def test_stratified_keeps_the_shares() -> None:
    _, held_out = hold_out(SPLIT, 20)
    np.testing.assert_array_equal(np.bincount(held_out.labels), [12, 6, 2])


@pytest.mark.parametrize(
    ("counts", "n", "seats"),
    [
        ([60, 30, 10], 20, [12, 6, 2]),
        ([47_000, 16_000, 15_900, 12_000, 6_000, 3_100], 10, [5, 2, 1, 1, 1, 0]),  # the usual example of the method
        ([1, 1, 1], 2, [1, 1, 0]),
        ([5, 5, 0], 3, [2, 1, 0]),
        ([3, 3], 6, [3, 3]),
    ],
)
def test_quotas_by_hand(counts: list[int], n: int, seats: list[int]) -> None:
    np.testing.assert_array_equal(quotas(np.array(counts), n), seats)


@given(st.lists(st.integers(0, 50_000), min_size=1, max_size=12).filter(any), st.floats(0, 1))
def test_quotas_are_within_one_of_the_exact_share(counts: list[int], share: float) -> None:
    n = int(share * sum(counts))
    seats = quotas(np.array(counts), n)
    assert seats.sum() == n
    assert (seats <= counts).all()
    assert (np.abs(seats - n * np.array(counts) / sum(counts)) < 1).all()


@pytest.mark.parametrize("how", ["random", "stratified"])
def test_draws_belong_to_the_seed(how: str) -> None:
    held = [places(hold_out(SPLIT, 20, how, seed=seed)[1]) for seed in (0, 0, 1)]
    assert held[0] == held[1]
    assert held[0] != held[2]


def test_stratified_draws_from_the_whole_of_a_class() -> None:
    seen = {place for seed in range(60) for place in places(hold_out(SPLIT, 20, seed=seed)[1])}
    assert len(seen) == 100


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((100,), r"n must be an integer in \[1, 100\), .*got 100"),
        ((0,), r"n must be an integer in \[1, 100\), .*got 0"),
        ((0.1,), r"n must be an integer in \[1, 100\), .*got 0.1"),
        ((10, "stratifed"), "unknown way to hold out 'stratifed'. Did you mean 'stratified'"),
    ],
)
def test_what_cannot_be_meant(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        hold_out(SPLIT, *arguments)
    for how in WAYS:
        with pytest.raises(OptionError, match="seed must be an integer ≥ 0, got -1"):
            hold_out(SPLIT, 10, how, seed=-1)


def test_no_class_is_lost_to_training() -> None:
    by_class = Split(SPLIT.images, np.sort(LABELS))
    with pytest.raises(DataError, match="got none of class 2 with n=10, how='last'. Hint: a smaller n, or how="):
        hold_out(by_class, 10, "last")
    with pytest.raises(DataError, match="got none of class 0 with n=60, how='first'"):
        hold_out(by_class, 60, "first")
    with pytest.raises(DataError, match="got none of class 1 with n=3, how='stratified'. Hint: a smaller n\\."):
        hold_out(Split(SPLIT.images[:4], np.array([0, 0, 0, 1])), 3)
    np.testing.assert_array_equal(hold_out(by_class, 10, "stratified")[0].labels[-9:], np.full(9, 2))


def test_the_rows_of_a_test_part() -> None:
    labels = np.array([0] * 50 + [1] * 30 + [2])
    rows = draw_test_rows("w", len(labels), 0.2, 0, labels)
    assert np.bincount(labels[rows], minlength=3).tolist() == [10, 6, 0]  # a class of one stays in the training part
    np.testing.assert_array_equal(rows, draw_test_rows("w", len(labels), 0.2, 0, labels))
    assert (rows != draw_test_rows("w", len(labels), 0.2, 1, labels)).any()
    assert draw_test_rows("w", 10, 0.01, 0).sum() == 1
    with pytest.raises(DataError, match="w: there must be enough examples for a training and a test part, got 1"):
        draw_test_rows("w", 1, 0.2, 0)
    with pytest.raises(DataError, match="w: there must be enough"):
        draw_test_rows("w", 2, 0.5, 0, np.array([0, 1]))
    with pytest.raises(OptionError, match=r"w: test_fraction must be a number in \(0, 1\), got 1"):
        draw_test_rows("w", 9, 1.0, 0)
