"""The communicator: what shards bring is added in their order, and their parts cover the whole."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.parallel import ALONE, Communicator, Workers, shares


@pytest.mark.parametrize(("length", "size"), [*itertools.product((0, 1, 2, 5, 200), (1, 2, 3, 7))])
def test_shares_cover_the_range_once_and_differ_by_one_at_most(length: int, size: int) -> None:
    parts = shares(length, size)
    assert len(parts) == size
    assert [number for part in parts for number in range(length)[part]] == list(range(length))
    lengths = [part.stop - part.start for part in parts]
    assert max(lengths) - min(lengths) <= 1
    assert lengths == sorted(lengths, reverse=True)


@pytest.mark.parametrize(("length", "size"), [(5, 0), (5, -1), (-1, 2), (5, True), (5, 2.0), (None, 2), (5, "2")])
def test_shares_of_what_is_no_range(length: Any, size: Any) -> None:
    with pytest.raises(OptionError, match="shares: "):
        shares(length, size)


def test_alone_a_shard_is_the_whole_batch() -> None:
    array = np.arange(3.0)
    assert (ALONE.rank, ALONE.size) == (0, 1)
    assert ALONE.sum(array) is array
    assert ALONE.rows(5) == (slice(0, 5), 5)
    assert ALONE.split(5) == slice(0, 5)


def gathered(size: int, n_rows: int, threads: int, talk: object) -> list[object]:
    """The results of ``talk(communicator)`` in each of several threads."""
    assert callable(talk)
    workers = Workers(size, threads)
    meeting = workers.meeting(n_rows)
    communicators = meeting.communicators()
    found: list[object] = [None] * size

    def work(rank: int) -> None:
        found[rank] = talk(communicators[rank])

    workers.run(work, size, meeting)
    return found


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_sums_are_in_the_order_of_the_ranks_and_equal_for_all(threads: int) -> None:
    # 1 + 1e16 − 1e16 is 0 in this order, and 1 in another.
    brought = [np.array([1.0, 2.0]), np.array([1e16, 3.0]), np.array([-1e16, 4.0])]

    def talk(communicator: Communicator) -> list[Array]:
        sums = []
        for turn in range(20):
            mine = brought[communicator.rank] + turn
            sums.append(communicator.sum(mine))
            mine[...] = np.nan  # the caller may reuse its array
        return sums

    first, *others = gathered(3, 3, threads, talk)
    assert isinstance(first, list)
    assert first[0].tolist() == [0.0, 9.0]
    assert first[19].tolist() == [((1.0 + 19) + (1e16 + 19)) + (-1e16 + 19), 9.0 + 57]
    for other in others:
        assert isinstance(other, list)
        assert [array.tolist() for array in other] == [array.tolist() for array in first]


def test_rows_are_the_place_in_the_whole_batch_also_of_several_rows_an_example() -> None:
    assert gathered(2, 5, 2, lambda communicator: communicator.rows(3 - communicator.rank)) == [
        (slice(0, 3), 5),
        (slice(3, 5), 5),
    ]
    assert gathered(2, 5, 2, lambda communicator: communicator.rows(4 * (3 - communicator.rank))) == [
        (slice(0, 12), 20),
        (slice(12, 20), 20),
    ]


def test_rows_that_are_joined_are_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"Communicator.rows: the rows must be those of 3 examples, got 4\. Hint: shards=1"
    ):
        gathered(2, 6, 2, lambda communicator: communicator.rows(4))
