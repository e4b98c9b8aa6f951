"""Where the shards of a batch, each in a thread of its own, meet: they wait for each other, and exchange arrays."""

from __future__ import annotations

import contextlib
import pickle
import queue
import threading
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.parallel.communicator import ALONE, Communicator

# Only ``queue.SimpleQueue`` makes threads wait: what the handler of a signal raises, in the caller's thread and between
# two steps of Python, would leave a Condition locked, and with it a Barrier or a Semaphore. A put, or a get, is a step.


class Turns:
    """The right to compute, for as many threads at a time as it is given."""

    def __init__(self, n: int) -> None:
        self._free: queue.SimpleQueue[None] = queue.SimpleQueue()
        self.give(n)

    def give(self, n: int) -> None:
        for _ in range(n):
            self._free.put(None)

    def __enter__(self) -> None:
        self._free.get()

    def __exit__(self, *_: object) -> None:
        self._free.put(None)


class Meeting:
    """Where ``size`` shards of a batch of ``n_rows`` rows meet."""

    def __init__(self, size: int, n_rows: int) -> None:
        self.size, self.n_rows = size, n_rows
        self.turns: Turns | None = None
        self.table = _Table(size)

    def begin(self, turns: Turns | None) -> None:
        """Prepare for a task, all shards having left the last one, which may have been broken off."""
        self.turns = turns
        if self.table.broken_off:
            self.table = _Table(self.size)

    def communicators(self) -> list[Communicator]:
        """The communicator of each shard."""
        return [ALONE] if self.size == 1 else [ThreadCommunicator(self, rank) for rank in range(self.size)]

    def wait(self, rank: int) -> None:
        """Wait until all shards have come; raises BrokenBarrierError after ``break_off``."""
        with contextlib.nullcontext() if self.turns is None else _GivenUp(self.turns):
            self.table.wait(rank)


class _Table:
    """Where ``size`` shards wait for each other, with places for what they bring.

    Two rows of places are used in turns: a shard that comes to a meeting has left the one before, so nobody reads any
    more what was brought two meetings ago.

    A shard that comes sends each other one a token, and waits for as many. One that is a meeting ahead has sent two,
    but it has left the meeting that the others are at: all have come there.
    """

    def __init__(self, size: int) -> None:
        self.places: list[list[Any]] = [[None] * size for _ in range(2)]
        self.next_row = [0] * size
        self.broken_off = False
        self._tokens: list[queue.SimpleQueue[bool]] = [queue.SimpleQueue() for _ in range(size)]

    def wait(self, rank: int) -> None:
        """Wait until all shards have come; raises BrokenBarrierError after ``break_off``."""
        if self.broken_off:
            raise threading.BrokenBarrierError
        others = [tokens for other, tokens in enumerate(self._tokens) if other != rank]
        for tokens in others:
            tokens.put(True)
        for _ in others:
            if not self._tokens[rank].get():
                raise threading.BrokenBarrierError

    def break_off(self) -> None:
        """Release all shards from waiting, now and from now on."""
        self.broken_off = True
        for tokens in self._tokens:
            tokens.put(False)


class ThreadCommunicator(Communicator):
    """One of several shards of a batch of ``n_rows`` rows, each in a thread of its own."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self.meeting, self.rank, self.size = meeting, rank, meeting.size

    def sum(self, array: Array) -> Array:
        """Σ of the ``array`` of every shard, added in the order of their ranks; the same bits for all of them."""
        places = self._brought(array.copy())  # the caller may go on to change it while others still read
        total: Array = places[0] + places[1]
        for other in places[2:]:
            total += other
        return total

    def joined(self, rows: Array, n_rows: int) -> Array:
        """The rows of every shard in one array."""
        return np.concatenate(self._brought(rows.copy()))

    def shared(self, value: Any) -> Any:
        """The ``value`` of the first shard; a copy for the others."""
        first = self._brought(pickle.dumps(value) if self.rank == 0 else None)[0]
        return value if self.rank == 0 else pickle.loads(first)

    def _brought(self, mine: Any) -> list[Any]:
        """What every shard brings, once all have come."""
        table = self.meeting.table
        row = table.next_row[self.rank]
        table.next_row[self.rank] = 1 - row
        places = table.places[row]
        places[self.rank] = mine
        self.meeting.wait(self.rank)
        return places

    def rows(self, n: int) -> tuple[slice, int]:
        """The place of this shard's ``n`` rows in the whole batch, and the number of rows of the whole batch.

        Where each row of the batch has become several, ``n`` counts those.
        """
        whole = self.meeting.n_rows
        mine = self.split(whole)
        each, rest = divmod(n, mine.stop - mine.start)
        if rest:
            raise ShapeError(
                f"Communicator.rows: the rows must be those of {mine.stop - mine.start} examples, got {n}. "
                "Hint: shards=1 for a network that joins rows."
            )
        return slice(mine.start * each, mine.stop * each), whole * each


class _GivenUp:
    """Context without the right to compute, which another part has meanwhile."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.__exit__()

    def __exit__(self, *_: object) -> None:
        self._turns.__enter__()
