"""Threads that work on the parts of one task side by side, and meet in a communicator.

BLAS has one thread meanwhile: each part calls it for itself. (The threads of OpenBLAS wait for each other by spinning,
in slices of 4 ms as soon as another process needs a core; these wait asleep.)
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import operator
import os
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, Final

from mlp_numpy.blas import one_thread
from mlp_numpy.checks import shown, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.parallel.meeting import Meeting, Turns

Work = Callable[[int], object]
"""A task in parts: called with the number of each part, 0 … n − 1."""
_CALL: Final[Callable[[Any], Any]] = operator.call


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
        self._left: _Task | None = None

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
        return Meeting(min(self.size, n_rows), n_rows)

    def run(self, work: Work, parts: int | None = None, meeting: Meeting | None = None) -> None:
        """Call ``work(part)`` for each of ``parts`` parts, side by side; by default there are ``size`` parts.

        Part 0 runs in the caller's thread, and all in the caller's context (``numpy.errstate``, ``no_grad``). Returns
        when all parts have ended. If some raise, the exception of the lowest part is raised then; the others are
        released from a meeting that would wait for it. So it is with what the handler of a signal raises, as for
        Ctrl-C: it is raised when all parts have ended, since they write into arrays of the caller.

        Raises OptionError for anything but a function, or for more parts than ``size``.
        """
        parts = self.size if parts is None else parts
        if not callable(work) or type(parts) is not int or not 0 < parts <= self.size:
            raise OptionError(
                f"Workers.run: work must be a function, of 1 to {self.size} parts, got {shown(work)} of {shown(parts)}."
            )
        if self._left is not None and self._process == os.getpid():
            self._wait(self._left, broken_off=True)
        if parts == 1:
            work(0)
            return
        task = _Task(parts, Turns(self.threads) if self.threads < self.size else None, meeting)
        with one_thread():
            try:
                self._hire(parts - 1)
                calls: list[Callable[[], None]] = [
                    functools.partial(tasks.put, (contextvars.copy_context(), work, part, task))
                    for part, tasks in enumerate(self._tasks[: parts - 1], 1)
                ]
                # One call, in which no handler of a signal runs: all parts begin, or none.
                list(map(_CALL, [*calls, functools.partial(task.begun.append, None)]))
                task.do(work, 0)
                self._wait(task)
            except BaseException:  # of a handler
                self._left = task
                self._wait(task, broken_off=True)
                raise
        raised = [outcome for _, outcome in sorted(task.outcomes.items()) if outcome is not None]
        if raised:
            raise next((one for one in raised if not isinstance(one, threading.BrokenBarrierError)), raised[0])

    def _wait(self, task: _Task, *, broken_off: bool = False) -> None:
        """Wait until the threads have ended their parts; what a handler raises meanwhile is raised then."""
        interrupt: BaseException | None = None
        while not task.ended:
            try:
                if broken_off:
                    task.break_off()
                self._done.get()
            except BaseException as error:
                interrupt, broken_off = interrupt or error, True
        self._left = None
        if interrupt is not None:
            raise interrupt

    def _hire(self, n: int) -> None:
        if self._process != os.getpid():  # a fork has no threads of its parent
            self._start()
        while len(self._tasks) < n:
            tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
            threading.Thread(target=_serve, args=(tasks, self._done), daemon=True, name="mlp_numpy").start()
            weakref.finalize(self, tasks.put, None)
            self._tasks.append(tasks)


class _Task:
    """A call of ``run``: whether its parts have begun, and how those that have ended did."""

    def __init__(self, parts: int, turns: Turns | None, meeting: Meeting | None) -> None:
        self.parts, self.turns, self.meeting = parts, turns, meeting
        self.begun: list[None] = []
        self.outcomes: dict[int, BaseException | None] = {}
        if meeting is not None:
            meeting.begin(turns)

    @property
    def ended(self) -> bool:
        """True if no part runs but that of the caller."""
        return not self.begun or len(self.outcomes) - (0 in self.outcomes) == self.parts - 1

    def do(self, work: Work, part: int) -> None:
        """Run a part, and keep how it ended."""
        try:
            with contextlib.nullcontext() if self.turns is None else self.turns:
                work(part)
        except BaseException as error:
            self.break_off()
            self.outcomes[part] = error
        else:
            self.outcomes[part] = None

    def break_off(self) -> None:
        """Release all parts from waiting for others."""
        if self.meeting is not None:
            self.meeting.table.break_off()
        if self.turns is not None:
            self.turns.give(self.parts)


def _serve(tasks: queue.SimpleQueue[Any], done: queue.SimpleQueue[None]) -> None:
    while (given := tasks.get()) is not None:
        context, work, part, task = given
        context.run(task.do, work, part)
        done.put(None)
        del given, context, work, task  # what they hold may end before the next task comes


SERIAL: Final = Workers(1, 1)
"""The caller's thread alone."""
