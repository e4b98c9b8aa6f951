"""Requests to stop that wait until what is under way is done: Ctrl-C, a closed terminal, a request to terminate."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final


class Stopped(KeyboardInterrupt):
    """Someone asked to stop, and everything reached is saved; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_STOPPING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def held_signals(stop: Callable[[int], Any]) -> Iterator[Held]:
    """Hand every request to stop to ``stop`` (its number) and let nothing be interrupted, however often it comes.

    Signals reach the main thread alone; in another one nothing is held. What whoever started the program had it
    ignore, as ``nohup`` does with a closed terminal, stays ignored. Where ``stop`` gives False, because what was to be
    stopped is gone, the request goes where it would have gone without.
    """
    held = Held(stop)
    held.take()
    try:
        yield held
    finally:
        held.give_back()


class Held:
    """The handler of the requests to stop, as ``held_signals`` puts it in place of those that there were before."""

    def __init__(self, stop: Callable[[int], Any]) -> None:
        self._stop = stop
        self._active = False
        self._before: dict[int, Any] = {}

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Hear a request."""
        if self._active and self._stop(number) is not False:
            return
        # What it was for is over: whoever was put in its place later has put it back, or nobody could give it back.
        signal.signal(number, self._one_before(number))
        signal.raise_signal(number)

    def take(self) -> None:
        """Hear the requests from now on."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._active = True
        for number in _STOPPING:
            before = signal.getsignal(number)
            if before not in (signal.SIG_IGN, None, self):
                self._before[number] = before
                signal.signal(number, self)

    def give_back(self) -> None:
        """Put back who heard the requests before."""
        self._active = False
        if threading.current_thread() is not threading.main_thread():
            return
        for number in self._before:
            still = signal.getsignal(number) == self
            if still:
                signal.signal(number, self._one_before(number))

    @contextlib.contextmanager
    def given_back(self) -> Iterator[None]:
        """Give the handlers back for as long as somebody else is at work."""
        self.give_back()
        try:
            yield
        finally:
            self.take()

    def _one_before(self, number: int) -> Any:
        """The handler before this one that is not over itself."""
        before = self._before.get(number, signal.SIG_DFL)
        while isinstance(before, Held) and not before._active:
            before = before._before.get(number, signal.SIG_DFL)
        return before
