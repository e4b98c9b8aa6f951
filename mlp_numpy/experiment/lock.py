"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from mlp_numpy.errors import RunFolderError

if sys.platform != "win32":
    import fcntl


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
