"""Real Dask schedulers and workers, each in processes of its own, and networks that trials on them build."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mlp_numpy.modules import LinearModule, Module

TESTS = Path(__file__).parent
BUILT = "MLP_NUMPY_TEST_BUILT"
PLAIN = ("--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--host")
WORKER = (*PLAIN, "127.0.0.1")
_PATIENCE = 300.0


def counted(input_shape: tuple[int, int, int], n_outputs: int, rng: Any) -> Module:
    """A linear network; each that is built is a line in a file."""
    with Path(os.environ[BUILT]).open("a") as file:
        file.write("built\n")
    n_channels, height, width = input_shape
    return LinearModule(n_channels * height * width, n_outputs, rng=rng)


def deadly(input_shape: tuple[int, int, int], n_outputs: int, rng: Any) -> Module:
    """No network: the process that builds it is gone."""
    os.kill(os.getpid(), signal.SIGKILL)
    return counted(input_shape, n_outputs, rng)


def until(condition: Callable[[], Any]) -> Any:
    """The first true value of a condition."""
    deadline = time.monotonic() + _PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)
    return found


@contextlib.contextmanager
def program(
    *words: str, before: str = "", on: Sequence[str] = (), **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A program of Dask; it is killed at the end, with what it started.

    before   a first folder to import from
    on       the words before the command that run it on another host
    """
    paths = [before, str(TESTS.parent), str(TESTS), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))} | environment
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    process = subprocess.Popen([*on, sys.executable, "-m", "dask", *words], env=environment, **quiet)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def scheduler(
    folder: Path, host: str = "127.0.0.1", on: Sequence[str] = (), **environment: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A scheduler at an address of its host, and its address with the port."""
    file = folder / "scheduler.json"
    words = ("--host", host, "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    with program("scheduler", *words, on=on, **environment) as process:
        yield until(lambda: _address(file)), process


def _address(file: Path) -> str | None:
    """The address in a file that may be half written."""
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        return str(json.loads(file.read_text())["address"])
    return None
