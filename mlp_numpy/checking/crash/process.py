"""A training in a separate process, to be killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import threadpoolctl

from mlp_numpy.errors import RunFolderError
from mlp_numpy.experiment.run import Run

LOOK_SECONDS: Final = 1e-4
"""Polling interval while waiting for the moment of a kill."""
if sys.platform != "win32":
    FORKS: Final = multiprocessing.get_context("forkserver")
else:
    FORKS: Final = multiprocessing.get_context("spawn")


class KillableTraining:
    """A training in a separate process, which logs when it begins to train.

    words   arguments of the command ``train``; None: resume ``run`` in a fork of a process with all imports done, which
            is ten times as fast as the command
    """

    def __init__(self, folder: Path, run: Path, words: list[str] | None) -> None:
        self._log, self._errors = folder / "out.txt", folder / "errors.txt"
        self._log.unlink(missing_ok=True)
        self._fork = self._process = None
        if words is None:
            self._fork = FORKS.Process(target=_resume, args=(run, self._log))
            self._fork.start()
            return
        with self._log.open("w") as out, self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mlp_numpy", "train", *words],
                stdout=out,
                stderr=errors,
                # import the same package as this process; threads do not speed up small products
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OPENBLAS_NUM_THREADS": "1"},
            )

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it is alive."""
        if self._process is not None:
            return self._process.poll()
        return None if self._fork is None else self._fork.exitcode

    @property
    def trains(self) -> bool:
        """True once it has begun to train."""
        return self._log.exists() and "train " in self._log.read_text()

    def lives(self, seconds: float) -> bool:
        """Wait up to ``seconds``; True if the process is still alive then."""
        end = time.perf_counter() + seconds
        while self.status is None and time.perf_counter() < end:
            time.sleep(LOOK_SECONDS)
        return self.status is None

    def end(self, *, kill: bool) -> None:
        """Kill the process or wait for its end. Raises RunFolderError if it failed."""
        if self._process is not None:
            if kill:
                self._process.kill()
            self._process.wait()
        elif self._fork is not None:
            if kill:
                self._fork.kill()
            self._fork.join()
        if self.status not in ((0, -signal.SIGKILL) if kill else (0,)):
            raise RunFolderError(
                f"crash_test: the training process failed with status {self.status}: "
                f"{self._errors.read_text() if self._process else 'see above'}"
            )


def _resume(run: Path, log: Path) -> None:
    with threadpoolctl.threadpool_limits(1), Run.resumed(run) as experiment:
        log.write_text("train ")
        for _ in experiment.records():
            pass
