"""Threads that work on the parts of one task side by side, and meet in a communicator.

BLAS has one thread meanwhile: each part calls it for itself. (The threads of OpenBLAS wait for each other by spinning,
in slices of 4 ms as soon as another process needs a core; these wait asleep.)
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import pickle
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import one_thread
from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.parallel.communicator import ALONE, Communicator

Work = Callable[[int], object]
"""A task in parts: called with the number of each part, 0 … n − 1."""


def free_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Workers:
    """``size`` threads of Python, the caller's among them, of which at most ``threads`` compute at a time.

    size      the number of parts of a task; what a task computes may depend on it
    threads   affects the time alone, and never a result; None: one per core that this process may use

    The threads start at the first task, and end with the last reference to this object. A copy, or a pickle, has
    threads of its own.

    Raises OptionError for numbers below 1.
    """

    def __init__(self, size: int = 1, threads: int | None = None) -> None:
        self.size = whole_number("Workers", "size", size)
        threads = free_cores() if threads is None else whole_number("Workers", "threads", threads)
        self.threads = min(self.size, threads)
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._tasks: list[queue.SimpleQueue[Any]] = []
        self._done: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._turns = threading.Semaphore(self.threads) if self.threads < self.size else None

    def __getstate__(self) -> dict[str, int]:
        return {"size": self.size, "threads": self.threads}

    def __setstate__(self, state: dict[str, int]) -> None:
        vars(self).update(state)
        self._start()

    def __repr__(self) -> str:
        return f"Workers({self.size}, threads={self.threads})"

    def meeting(self, n_rows: int) -> Meeting:
        """A meeting of shards of ``n_rows`` rows: ``size`` of them, or one per row if there are fewer.

        Raises OptionError for a number below 1.
        """
        n_rows = whole_number("Workers.meeting", "n_rows", n_rows)
        return Meeting(min(self.size, n_rows), n_rows, self._turns)

    def run(self, work: Work, parts: int | None = None, meeting: Meeting | None = None) -> None:
        """Call ``work(part)`` for each of ``parts`` parts, side by side; by default there are ``size`` parts.

        Part 0 runs in the caller's thread, and all in the caller's context (``numpy.errstate``, ``no_grad``). Returns
        when all parts have ended. If some raise, the exception of the lowest part is raised then; the others are
        released from a meeting that would wait for it. Raises OptionError for anything but a function, or for more
        parts than ``size``.
        """
        parts = self.size if parts is None else parts
        if not callable(work) or type(parts) is not int or not 0 < parts <= self.size:
            raise OptionError(
                f"Workers.run: work must be a function, of 1 to {self.size} parts, got {shown(work)} of {shown(parts)}."
            )
        if parts == 1:
            work(0)
            return
        outcomes: dict[int, BaseException | None] = {}
        interrupt: BaseException | None = None
        with one_thread():
            self._hire(parts - 1)
            for part in range(1, parts):
                self._tasks[part - 1].put((contextvars.copy_context(), work, part, meeting, self._turns, outcomes))
            outcomes[0] = _outcome(work, 0, meeting, self._turns)
            # What a signal's handler raises has to wait: the threads still write into arrays of the caller.
            while len(outcomes) < parts:
                try:
                    self._done.get()
                except BaseException as error:
                    interrupt = interrupt or error
                    if meeting is not None:
                        meeting.barrier.abort()
        if interrupt is not None:
            raise interrupt
        raised = [outcome for _, outcome in sorted(outcomes.items()) if outcome is not None]
        if raised:
            raise next((one for one in raised if not isinstance(one, threading.BrokenBarrierError)), raised[0])

    def _hire(self, n: int) -> None:
        if self._process != os.getpid():  # a fork has no threads of its parent
            self._start()
        while len(self._tasks) < n:
            tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(tasks, self._done), daemon=True, name="mlp_numpy").start()
            weakref.finalize(self, tasks.put, None)
            self._tasks.append(tasks)


class Meeting:
    """Where ``size`` shards of a batch of ``n_rows`` rows meet: a barrier, and places for what they bring.

    Two rows of places are used in turns: a shard that comes to a meeting has left the one before, so nobody reads any
    more what was brought two meetings ago.
    """

    def __init__(self, size: int, n_rows: int, turns: threading.Semaphore | None) -> None:
        self.size, self.n_rows = size, n_rows
        self.barrier = threading.Barrier(size)
        self.places: list[list[Any]] = [[None] * size for _ in range(2)]
        self._turns = turns

    def communicators(self) -> list[Communicator]:
        """The communicator of each shard."""
        return [ALONE] if self.size == 1 else [ThreadCommunicator(self, rank) for rank in range(self.size)]

    def wait(self) -> None:
        """Wait until all shards have come."""
        with contextlib.nullcontext() if self._turns is None else _GivenUp(self._turns):
            self.barrier.wait()


class ThreadCommunicator(Communicator):
    """One of several shards of a batch of ``n_rows`` rows, each in a thread of its own."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self.meeting, self.rank, self.size = meeting, rank, meeting.size
        self._turn = 0

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
        places = self.meeting.places[self._turn]
        self._turn = 1 - self._turn
        places[self.rank] = mine
        self.meeting.wait()
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

    def __init__(self, turns: threading.Semaphore) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        self._turns.release()

    def __exit__(self, *_: object) -> None:
        self._turns.acquire()


def _outcome(work: Work, part: int, meeting: Meeting | None, turns: threading.Semaphore | None) -> BaseException | None:
    try:
        with contextlib.nullcontext() if turns is None else turns:
            work(part)
    except BaseException as error:
        if meeting is not None:
            meeting.barrier.abort()
        return error
    return None


def _serve(tasks: queue.SimpleQueue[Any], done: queue.SimpleQueue[None]) -> None:
    while (task := tasks.get()) is not None:
        context, work, part, meeting, turns, outcomes = task
        outcomes[part] = context.run(_outcome, work, part, meeting, turns)
        done.put(None)
        del task, context, work, outcomes  # what they hold may end before the next task comes


SERIAL: Final = Workers(1, 1)
"""The caller's thread alone."""
