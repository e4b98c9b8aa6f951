"""One run at a time in a folder, and one process at a time at a file."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlp_numpy.errors import RunFolderError

if sys.platform != "win32":
    import fcntl

_LOG: Final = logging.getLogger(__name__)
_PATIENCE: Final = 1.0
"""Seconds after which it is told that something is waited for."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other run out of ``folder``; the system lets go of it however this process ends.

    Windows and some network disks have no locks of folders: there nothing is kept out.

    Raises RunFolderError if another run has it, or if it is gone.
    """
    if sys.platform == "win32":
        yield
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RunFolderError(f"run: {folder} must be a folder that can be read, got: {error}.") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunFolderError(
                f"run: {folder} must be worked on by one run at a time, found another at work. "
                "Hint: wait for it, or stop it with Ctrl-C."
            ) from error
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """Whether a run has ``folder`` at this moment; False where that cannot be known."""
    if sys.platform == "win32":
        return False
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


@contextlib.contextmanager
def waited_for(path: Path) -> Iterator[None]:
    """Have the file ``path`` for this process alone; waits for another one that has it, and logs that it does.

    Where there are no locks, or no such file, nothing is kept out.
    """
    handle = _only_holder(path)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def _only_holder(path: Path) -> int | None:
    if sys.platform == "win32":
        return None
    while True:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            _wait(handle, path)
            same = os.path.samestat(os.fstat(handle), path.stat())
        except OSError:
            os.close(handle)
            return None
        except BaseException:  # Ctrl-C while it waits
            os.close(handle)
            raise
        if same:
            return handle
        # Another file has taken the name while this one was waited for.
        os.close(handle)


def _wait(handle: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(0.005)
    # to whoever listens to the logs; Python shows it on standard error where nobody does
    _LOG.warning("%s: another process is at work here; waiting until it has ended", path.parent)
    fcntl.flock(handle, fcntl.LOCK_EX)
