"""Tiny files in CIFAR-10's layouts, and a real HTTP server on this machine that is as bad as mirrors can be."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import struct
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

CLASS_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def python2_pickle(value: Any) -> bytes:
    """The opcodes that Python 2's cPickle writes at protocol 2, as in the official batches: text is BINSTRING."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return b"U" + bytes([len(value)]) + value if len(value) < 256 else b"T" + struct.pack("<i", len(value)) + value
    if isinstance(value, int):
        return b"K" + bytes([value]) if 0 <= value < 256 else b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(item) for pair in value.items() for item in pair) + b"u"
    kind = b"cnumpy\ndtype\nU\x02" + value.dtype.str[1:].encode() + b"K\x00K\x01\x87R(K\x03U\x01|NNN"
    kind += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + b"".join(map(_opcodes, value.shape)) + b"t"
    state = b"(K\x01" + shape + kind + b"\x89" + _opcodes(value.tobytes()) + b"tb"
    return b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state


class TinyCifar:
    """A data set of a few random images, and how it is written in each of the official forms."""

    def __init__(self, rows: int = 3, test_rows: int = 2) -> None:
        rng = np.random.default_rng(20)
        self.images = rng.integers(256, size=(5 * rows + test_rows, 3072), dtype=np.uint8)
        self.labels = rng.integers(10, size=len(self.images))
        self.rows, self.n_train = rows, 5 * rows

    def batches(self) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
        for i in range(5):
            rows = slice(i * self.rows, (i + 1) * self.rows)
            yield f"data_batch_{i + 1}", self.images[rows], self.labels[rows]
        yield "test_batch", self.images[self.n_train :], self.labels[self.n_train :]

    def python_files(self) -> dict[str, bytes]:
        files = {
            name: python2_pickle(
                {b"batch_label": b"a batch", b"labels": labels.tolist(), b"data": images, b"filenames": [b"a.png"]}
            )
            for name, images, labels in self.batches()
        }
        meta = {b"num_cases_per_batch": 3, b"label_names": [name.encode() for name in CLASS_NAMES], b"num_vis": 3072}
        return files | {"batches.meta": python2_pickle(meta)}

    def python3_files(self, protocol: int) -> dict[str, bytes]:
        """The same dictionaries as somebody's Python 3 would write them again."""
        files = {
            name: pickle.dumps({b"data": images, b"labels": labels.tolist()}, protocol=protocol)
            for name, images, labels in self.batches()
        }
        return files | {"batches.meta": pickle.dumps({"label_names": list(CLASS_NAMES)}, protocol=protocol)}

    def binary_files(self) -> dict[str, bytes]:
        files = {
            f"{name}.bin": np.concatenate([labels[:, None].astype(np.uint8), images], axis=1).tobytes()
            for name, images, labels in self.batches()
        }
        return files | {"batches.meta.txt": ("\n".join(CLASS_NAMES) + "\n\n").encode()}


def write_folder(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def archive_bytes(folder: str, files: dict[str, bytes]) -> bytes:
    """A .tar.gz whose batches lie in disorder, with a file that is of no interest, as the official one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        directory = tarfile.TarInfo(folder)
        directory.type = tarfile.DIRTYPE
        tar.addfile(directory)
        for name, content in [*reversed(files.items()), ("readme.html", b"<html>")]:
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue(), compresslevel=1, mtime=0)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up early is what some tests are about; nothing need be printed."""


class Mirrors:
    """A server: ``url(how)`` is an address that serves ``content`` in that way; ``requests`` is what it was asked."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[tuple[str, str | None]] = []
        self.finish = threading.Event()
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                mirrors.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()

    def url(self, how: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{how}"

    def close(self) -> None:
        self.finish.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        how, asked = request.path.strip("/"), request.headers["Range"]
        self.requests.append((how, asked))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        body, status, headers = self.content, 200, {}
        if how == "missing":
            body, status = b"no such file", 404
        elif how == "wrong":
            body = bytes(len(self.content))
        elif how == "encoded":
            headers["Content-Encoding"] = "gzip"
        elif how == "silent":
            self.finish.wait(10)
            return
        elif how.startswith("trickl"):
            self.trickle(request, how)
            return
        if asked and how in ("good", "cut", "shifted"):
            if start >= len(body):
                status, body = 416, b""
            else:
                status, body = 206, body[start:]
                first = 0 if how == "shifted" else start
                headers["Content-Range"] = f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        if how not in ("lengthless", "endless"):
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2] if how in ("cut", "lengthless") else body)
        while how == "endless" and not self.finish.is_set():
            request.wfile.write(body)

    def trickle(self, request: BaseHTTPRequestHandler, how: str) -> None:
        """A byte now and then, of the header or of the body, until the client is gone or the test has ended."""
        request.wfile.write(b"HTTP/1.0 200 OK\r\n" + (b"X-Long: " if how == "trickling-header" else b"\r\n"))
        while not self.finish.wait(0.02):
            request.wfile.write(b"x")
