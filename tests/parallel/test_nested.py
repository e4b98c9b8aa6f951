"""Shards in threads of several ranks: their sums are those of all, and each knows its place in the whole batch."""

from __future__ import annotations

import numpy as np
from ranks import in_ranks

from mlp_numpy.parallel import Communicator, NestedCommunicator, Workers


def in_shards(ranks: Communicator, n_rows: int) -> list[tuple[int, int, slice, int, float, int]]:
    """What each of the two shards of a rank, of a batch of ``n_rows`` rows, is told."""
    workers = Workers(2, 2)
    own = ranks.own_rows(n_rows)
    meeting = workers.meeting(own.stop - own.start)
    found: dict[int, tuple[int, int, slice, int, float, int]] = {}
    local = meeting.communicators()

    def work(part: int) -> None:
        nested = NestedCommunicator(ranks, local[part], 2 * ranks.size, n_rows)
        mine = local[part].split(meeting.n_rows)
        place, whole = nested.rows(3 * (mine.stop - mine.start))
        total = nested.sum(np.array([2.0**nested.rank]))
        found[part] = nested.rank, nested.size, place, whole, float(total[0]), nested.local.size

    workers.run(work, meeting.size, meeting)
    return [found[part] for part in range(meeting.size)]


def test_shards_of_ranks_add_up_and_know_their_place() -> None:
    first, second = in_ranks(2, lambda ranks: in_shards(ranks, 7))
    assert first == [(0, 4, slice(0, 6), 21, 15.0, 2), (1, 4, slice(6, 12), 21, 15.0, 2)]
    assert second == [(2, 4, slice(12, 18), 21, 15.0, 2), (3, 4, slice(18, 21), 21, 15.0, 2)]


def test_a_rank_with_one_row_has_one_shard_and_the_numbers_of_the_others_stay() -> None:
    first, second = in_ranks(2, lambda ranks: in_shards(ranks, 3))
    assert [each[:2] for each in (*first, *second)] == [(0, 4), (1, 4), (2, 4)]
    assert {each[4] for each in (*first, *second)} == {7.0}


def test_a_batch_of_fewer_rows_than_ranks_belongs_to_each_of_them() -> None:
    assert in_ranks(3, lambda ranks: (ranks.own_rows(2), ranks.own_rows(3))) == [
        (slice(0, 2), slice(rank, rank + 1)) for rank in range(3)
    ]
