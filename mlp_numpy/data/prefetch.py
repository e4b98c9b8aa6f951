"""One task ahead: a thread computes the next result while the caller works on the present one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Calls ``work(step, place)`` for the step after the one asked for, in a thread and in two places by turns.

        ahead.at(5, work)        work(5, 0) now, and work(6, 1) in the thread
        ahead.at(6, work)        the result of the thread, and work(7, 0) in the thread
        ahead.at(3, work)        not the next step: computed now

    ``work`` must be the same pure function of the step in every call, so it does not matter which thread computes it;
    what it writes to the place of a result stays until the next call. What it raises in the thread is raised by the
    call for that step.

    An interrupted call leaves nothing half done. A copy, a pickle or a fork has a thread of its own, which ends with
    the last reference to the object.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._pool: ThreadPoolExecutor | None = None
        self._next: tuple[int, Future[Result]] | None = None
        self._place = 0

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start()

    def at(self, step: int, work: Callable[[int, int], Result]) -> Result:
        """The result of ``step``; begins with that of the next one."""
        if self._process != os.getpid():  # a fork has no threads of its parent
            self._start()
        following = self._next
        if following is not None and following[0] == step:
            wait([following[1]])  # an interrupt leaves the future where it is
            self._next, self._place = None, 1 - self._place
            result = following[1].result()
        else:
            # The thread may still write, but never to the present place.
            result = work(step, self._place)
        if self._next is None or self._next[0] != step + 1:
            self._begin(step + 1, work)
        return result

    def _begin(self, step: int, work: Callable[[int, int], Result]) -> None:
        # At the end of the program, or without room for a thread, the next step is computed when it is asked for.
        self._next = None
        with contextlib.suppress(RuntimeError):
            # a single thread: what an interrupted call has begun is ended before the same place is written again
            self._pool = self._pool or ThreadPoolExecutor(1, thread_name_prefix="mlp_numpy")
            self._next = step, self._pool.submit(work, step, 1 - self._place)
