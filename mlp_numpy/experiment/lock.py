"""Locks: one run at a time per folder, and one process at a time per file."""

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
"""Seconds of waiting after which a warning is logged."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock ``folder`` against other runs; the system releases the lock however this process ends.

    Windows and some network disks cannot lock folders: there this has no effect.

    Raises RunFolderError if another run holds the lock, or if the folder is gone.
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
                f"run: {folder} is in use by another run. Hint: wait for it to end, or stop it with Ctrl-C."
            ) from error
        except OSError:
            pass
        yield
    finally:
        os.close(handle)


def is_locked(folder: Path) -> bool:
    """True if a run holds the lock of ``folder``; False if that cannot be determined."""
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
    """Lock the file ``path`` for this process; wait, and log a warning, while another process holds the lock.

    Without support for locks, or without the file, this has no effect.
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
        # The file was replaced while this process waited.
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
    # without logging handlers, Python prints this on standard error
    _LOG.warning("%s: in use by another process; waiting until it ends", path.parent)
    fcntl.flock(handle, fcntl.LOCK_EX)
