"""Dropout of a batch in shards: the mask of the whole batch."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from shards import Shard, in_shards

from mlp_numpy import Dropout
from mlp_numpy.errors import OptionError


@pytest.mark.parametrize("sizes", [(7,), (3, 4), (1, 6), (2, 1, 4)], ids=str)
@pytest.mark.parametrize("row", [(), (1,), (5,), (8,), (3, 2, 5)], ids=str)
def test_shards_have_their_rows_of_the_batchs_masks(sizes: tuple[int, ...], row: tuple[int, ...]) -> None:
    x = np.arange(1.0, 1 + 7 * np.prod(row, dtype=int)).reshape(7, *row)
    whole = Dropout(0.5, rng=1)
    whole.buffers["step"][...] = 5
    module = copy.deepcopy(whole)
    expected = [(whole.forward(x), whole.backward(x)) for _ in range(3)]

    def run(shard: Shard) -> list[tuple[object, ...]]:
        mine = copy.deepcopy(module)
        mine.buffers, mine.communicator = module.buffers, shard
        place, _ = shard.rows(shard.sizes[shard.rank])
        return [(mine.forward(x[place]), mine.backward(x[place])) for _ in range(3)]

    results = in_shards(sizes, run)
    for step, arrays in enumerate(expected):
        for number, array in enumerate(arrays):
            np.testing.assert_array_equal(np.concatenate([each[step][number] for each in results]), array)
    assert module.buffers["step"] == whole.buffers["step"] == 8


def test_the_step_is_that_of_the_first_shard() -> None:
    x = np.ones((4, 50))

    def run(shard: Shard) -> tuple[object, int]:
        mine = Dropout(0.5, rng=1)
        mine.communicator = shard
        mine.buffers["step"][...] = 10 * shard.rank
        return mine.forward(x[:2]), int(mine.buffers["step"])

    first, second = in_shards((2, 2), run)
    np.testing.assert_array_equal(np.concatenate([first[0], second[0]]), Dropout(0.5, rng=1).forward(x))
    assert (first[1], second[1]) == (1, 10)


def test_rows_of_a_mask() -> None:
    dropout = Dropout(0.5, rng=3)
    whole = dropout.mask(2, (20, 3))
    for start in range(20):
        np.testing.assert_array_equal(dropout.mask(2, (20 - start, 3), start), whole[start:])
    with pytest.raises(OptionError, match=r"Dropout\.mask: start must be"):
        dropout.mask(0, (1, 2), -1)
