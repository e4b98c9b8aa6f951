"""The data folder; nothing is written to a folder with other contents."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlp_numpy.errors import DataError

if sys.platform != "win32":
    import fcntl

_LOG: Final = logging.getLogger(__name__)

_MOST_LOOKED_AT: Final = 10_000
_OURS: Final = re.compile(
    r"cifar-100?(-batches-(py|bin)|-(python|binary)(\.tar\.gz)?)(\.part)?"
    r"|(train|t10k)-(images|labels)-idx[13]-ubyte(\.gz)?(\.part)?"
    r"|shapes-v\d+-seed\d+\.npy"
    r"|(E|K|Q|Fashion)?MNIST|(train|test|extra)_32x32\.mat|usps(\.t)?\.bz2"
)
"""Names of files and folders of this library and of torchvision's most common data sets."""
_NEUTRAL: Final = re.compile(r"\..*|README.*|LICENSE.*|tmp[a-z0-9_]{8}", re.IGNORECASE)
"""Names that do not indicate the purpose of a folder."""


def foreign_things(data_dir: Path) -> list[str]:
    """Names of other contents in a folder without data sets; empty for a new or empty folder and for one with data
    sets.

    An unreadable folder has none: writing to it will raise its own error.
    """
    foreign: list[str] = []
    try:
        for number, entry in enumerate(data_dir.iterdir()):
            if _OURS.fullmatch(entry.name):
                return []
            if not _NEUTRAL.fullmatch(entry.name) and len(foreign) < 3:
                foreign.append(entry.name)
            if number > _MOST_LOOKED_AT:
                break
    except OSError:
        return []
    return sorted(foreign)


def check_folder(data_dir: Path, wanted: str) -> None:
    """Raise DataError if ``wanted`` would be written to a folder with other contents than data sets."""
    foreign = foreign_things(data_dir)
    if foreign:
        raise DataError(
            f"load_dataset: {data_dir} must be a new or empty folder, or one that holds {wanted} or other data sets of "
            f"this library, got a folder with {', '.join(map(repr, foreign))}, which is not written to. "
            "Hint: --data-dir with another folder; a folder of your own images is not a data set."
        )


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Lock a folder against concurrent downloads: a second process waits, then finds the file."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems do not support locks
            _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        # without a handler, Python prints it to standard error
        _LOG.warning("%s: another process is filling this folder; waiting until it has ended", folder)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
