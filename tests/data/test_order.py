"""Orders of an epoch: every example once, the same at every call, and near each other in the file by blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.order import BlockOrder, BlockShuffle, order_of, parse_shuffle
from mlp_numpy.errors import OptionError

SIZES = [(10, 3, 2), (100, 7, 3), (101, 10, 4), (5, 10, 16), (64, 8, 1), (30, 1, 5), (1, 1, 1)]


@pytest.mark.parametrize(("n", "size", "window"), SIZES)
def test_an_epoch_by_blocks(n: int, size: int, window: int) -> None:
    order, draws = BlockOrder(n, BlockShuffle(size, window), 3), np.random.default_rng(0)
    for epoch in range(4):
        whole = order.rows(epoch, 0, n)
        assert sorted(whole) == list(range(n))
        for _ in range(20):
            start, stop = sorted(draws.integers(0, n + 1, 2))
            np.testing.assert_array_equal(order.rows(epoch, start, stop), whole[start:stop])
        # another object, asked for another part first, has the same order
        np.testing.assert_array_equal(
            BlockOrder(n, BlockShuffle(size, window), 3).rows(epoch, n // 2, n), whole[n // 2 :]
        )
        # a window has whole blocks alone
        blocks = np.random.default_rng([3, epoch]).permutation(-(-n // size))
        first = blocks[:window]
        wanted = [row for block in first for row in range(block * size, min(block * size + size, n))]
        assert sorted(whole[: len(wanted)]) == sorted(wanted)


def test_epochs_windows_and_seeds_differ() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        return BlockOrder(60, BlockShuffle(10, 2), seed).rows(epoch, 0, 60).tolist()

    assert len({tuple(order(seed, epoch)) for seed in range(3) for epoch in range(3)}) == 9
    one = np.array(order(0, 0)).reshape(3, 20)
    # the rows of a window are no shifted copy of those of another
    ranks = one.argsort(axis=1)
    assert len({tuple(row) for row in ranks.tolist()}) == 3


def test_the_next_window_is_announced_once() -> None:
    order = BlockOrder(101, BlockShuffle(10, 4), 5)
    told: list[int] = []
    for start in range(0, 101, 8):
        stop = min(start + 8, 101)
        told += [row for block in order.next_blocks(2, start, stop) for row in range(block.start, block.stop)]
    whole = order.rows(2, 0, 101)
    first = len(whole) - len(told)
    assert sorted(told) == sorted(whole[first:])
    assert first in (31, 40)


def test_no_array_as_long_as_the_data_is_kept() -> None:
    n = 10**12
    order = BlockOrder(n, BlockShuffle(10**7, 2), 0)
    assert order.nbytes < 10**9
    # nor one as long as a block that is longer than the data
    assert sorted(BlockOrder(5, BlockShuffle(10**18, 10**18), 0).rows(0, 0, 5)) == [0, 1, 2, 3, 4]
    rows = BlockOrder(10**9, BlockShuffle(10_000, 16), 0).rows(0, 500_000_000, 500_000_200)
    assert len(set(rows.tolist())) == 200
    assert np.unique(rows // 10_000).size <= 16


def test_stored_and_full() -> None:
    assert order_of(False, 7, 0).rows(3, 2, 5).tolist() == [2, 3, 4]
    full = order_of(True, 7, 1)
    np.testing.assert_array_equal(full.rows(3, 2, 5), np.random.default_rng([1, 3]).permutation(7)[2:5])
    assert (full.nbytes, order_of(False, 7, 0).nbytes) == (56, 0)
    assert full.next_blocks(0, 0, 7) == order_of(False, 7, 0).next_blocks(0, 0, 7) == []


def test_names() -> None:
    assert parse_shuffle("t", "full") is True
    assert parse_shuffle("t", "blocks:100") == BlockShuffle(100, 16)
    assert parse_shuffle("t", "blocks:100:4") == BlockShuffle(100, 4)
    wrong: list[Any] = ["", "none", "blocks", "blocks:", "blocks:0", "blocks:5:0", "blocks:-1", "blocks:1:2:3", 7, None]
    for text in wrong:
        with pytest.raises(OptionError, match=r"t: shuffle must be full, blocks:SIZE or blocks:SIZE:WINDOW .* Hint"):
            parse_shuffle("t", text)
    with pytest.raises(OptionError, match="BlockShuffle: window must be an integer ≥ 1, got 0"):
        BlockShuffle(5, 0)


def test_the_memory_of_a_block_order_is_an_index_a_block_and_a_row_of_three_windows() -> None:
    assert BlockOrder(1000, BlockShuffle(10, 4), 0).nbytes == 8 * (100 + 3 * 40)
    assert BlockOrder(30, BlockShuffle(10, 4), 0).nbytes == 8 * (3 + 3 * 30)
