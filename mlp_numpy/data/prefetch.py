"""One task ahead: a thread computes the next result while the caller works on the present one."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Ahead(Generic[Result]):
    """Calls ``work(step, place)`` for the step after the one asked for, in a thread and in two places by turns.

        ahead.at(5, work)        work(5, 0) now, and work(6, 1) in the thread
        ahead.at(6, work)        the result of the thread, and work(7, 0) in the thread
        ahead.at(3, work)        not the next step: computed now

    ``work`` must be a pure function of the step, the same in every call with the same ``variant``, so it does not
    matter which thread computes it; what it writes to the place of a result stays until the next call. What it raises
    in the thread is raised by the call for that step.

    An interrupted call leaves nothing half done. A copy, a pickle or a fork has a thread of its own, which ends with
    the last reference to the object.
    """

    def __init__(self) -> None:
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._next: tuple[tuple[int, object], _Begun[Result]] | None = None
        self._last: _Begun[Result] | None = None
        self._place = 0

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._start()

    def at(self, step: int, work: Callable[[int, int], Result], variant: object = None) -> Result:
        """The result of ``step``; begins with that of the next one of the same ``variant``."""
        if self._process != os.getpid():  # a fork has no threads of its parent
            self._start()
        following = self._next
        if following is not None and following[0] == (step, variant):
            following[1].wait()  # an interrupt leaves it where it is
            self._next, self._place = None, 1 - self._place
            result = following[1].result()
        else:
            # The thread may still write, but never to the present place.
            result = work(step, self._place)
        if self._next is None or self._next[0] != (step + 1, variant):
            self._begin(step + 1, work, variant)
        return result

    def _begin(self, step: int, work: Callable[[int, int], Result], variant: object) -> None:
        # At the end of the program, or without room for a thread, the next step is computed when it is asked for.
        self._next = None
        with contextlib.suppress(RuntimeError):
            self._last = _Begun(work, step, 1 - self._place, self._last)
            self._last.start()
            self._next = (step, variant), self._last


class _Begun(Generic[Result]):
    """A call of ``work`` in a thread of its own, once the one before it has ended, which may write to the same place.

    (Threads of ``concurrent.futures`` register a hook for forks as soon as they are imported.)
    """

    def __init__(
        self, work: Callable[[int, int], Result], step: int, place: int, before: _Begun[Result] | None
    ) -> None:
        self._results: list[Result] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work, step, place, before), name="mlp_numpy")

    def _run(self, work: Callable[[int, int], Result], step: int, place: int, before: _Begun[Result] | None) -> None:
        if before is not None:
            before.wait()
        try:
            self._results.append(work(step, place))
        except BaseException as error:
            self._error = error

    def start(self) -> None:
        """Start the thread; raises RuntimeError if there is no room for one."""
        self._thread.start()

    def wait(self) -> None:
        """Wait until the call has ended, if it was begun."""
        if self._thread.ident is not None:
            self._thread.join()

    def result(self) -> Result:
        """What the call returned; what it raised is raised."""
        self.wait()
        if self._error is not None:
            raise self._error
        return self._results[0]
