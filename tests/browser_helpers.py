"""A server of the browser's pages whose Python side runs natively, and a headless Chromium that opens them."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from mlp_numpy.browser import Session

PAGES = Path(__file__).parents[1] / "docs" / "browser"
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


NATIVE = {'TRANSPORT = "pyodide"': 'TRANSPORT = "server"'}
"""The change of constants.js by which the worker sends its messages to this server."""


class Pages(SimpleHTTPRequestHandler):
    """The pages as they are but for the ``changes`` of constants.js; a POST is a message. ``lock`` stops Python."""

    session: Session
    lock: threading.Lock
    changes: Mapping[str, str]

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/constants.js":
            super().do_GET()
            return
        text = (PAGES / "constants.js").read_text(encoding="utf-8")
        for old, new in self.changes.items():
            assert old in text
            text = text.replace(old, new)
        self._send("text/javascript", text.encode())

    def do_POST(self) -> None:
        message = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with self.lock:
            answer = self.session.answer(message)
        self._send("application/json", answer.encode())

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


class Server(NamedTuple):
    """The address of the pages, and the lock that their Python needs for each message."""

    url: str
    lock: threading.Lock


@contextlib.contextmanager
def served(changes: Mapping[str, str] = NATIVE) -> Iterator[Server]:
    """A server of the pages with a session of its own."""
    lock = threading.Lock()
    handler: Any = type("OwnPages", (Pages,), {"session": Session(), "lock": lock, "changes": changes})
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(handler, directory=str(PAGES)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_port}", lock)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[Any]:
    """A headless Chromium with a new profile, driven by the system's chromedriver."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}", *flags):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()
