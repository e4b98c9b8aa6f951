"""Requests to stop that wait until what is under way is done: Ctrl-C, a closed terminal, a request to terminate."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Final


class Stopped(KeyboardInterrupt):
    """Someone asked to stop, and everything reached is saved; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


_STOPPING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextlib.contextmanager
def held_signals(stop: Callable[[int], None]) -> Iterator[None]:
    """Hand every request to stop to ``stop`` (its number) and let nothing be interrupted, however often it comes.

    Signals reach the main thread alone; in another one nothing is held. What whoever started the program had it
    ignore, as ``nohup`` does with a closed terminal, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def request(number: int, frame: FrameType | None) -> None:
        stop(number)

    heard = [number for number in _STOPPING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, request) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
