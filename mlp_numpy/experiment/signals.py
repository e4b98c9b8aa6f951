"""Deferred stop signals: Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP)."""

from __future__ import annotations

import contextlib
import signal
import threading
import weakref
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final, Protocol


class Stopped(KeyboardInterrupt):
    """Raised after a run was stopped by a signal and saved; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_STOPPING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def held_signals(stop: Callable[[int], Any]) -> Iterator[Held]:
    """Context in which stop signals call ``stop(number)`` instead of interrupting, however often they come.

    Does nothing outside the main thread. Signals already ignored (as SIGHUP under ``nohup``) stay ignored. If ``stop``
    returns False, because there is nothing left to stop, the signal goes to the previous handler.
    """
    held = Held(stop)
    held.take()
    try:
        yield held
    finally:
        held.give_back()


class Held:
    """The signal handler that ``held_signals`` installs in place of the previous ones."""

    def __init__(self, stop: Callable[[int], Any]) -> None:
        self._stop = stop
        self._active = False
        self._before: dict[int, Any] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if self._active and self._stop(number) is not False:
            return
        # This handler is no longer in use, but was reinstalled by a later one, or never removed.
        signal.signal(number, self._one_before(number))
        signal.raise_signal(number)

    def take(self) -> None:
        """Install the handler."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._active = True
        for number in _STOPPING:
            before = signal.getsignal(number)
            if before not in (signal.SIG_IGN, None, self):
                self._before[number] = before
                signal.signal(number, self)

    def give_back(self) -> None:
        """Restore the previous handlers."""
        self._active = False
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self._before:
            still = signal.getsignal(number) == self
            if still:
                signal.signal(number, self._one_before(number))

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """Context in which the previous handlers are restored, while the caller's code runs."""
        self.give_back()
        try:
            yield
        finally:
            self.take()

    def _one_before(self, number: int) -> Any:
        """The closest previous handler that is still in use."""
        before = self._before.get(number, signal.SIG_DFL)
        while isinstance(before, Held) and not before._active:
            before = before._before.get(number, signal.SIG_DFL)
        return before


class Stoppable(Protocol):
    """Something that a stop signal ends: the signal's number is assigned to ``stopped_by``."""

    stopped_by: int | None


def stop_request(target: Stoppable) -> Callable[[int], bool]:
    """A handler that passes stop signals on to ``target``; it returns False once that is garbage-collected."""
    known = weakref.ref(target)

    def stop(number: int) -> bool:
        found = known()
        if found is None:
            return False
        found.stopped_by = number
        return True

    return stop
