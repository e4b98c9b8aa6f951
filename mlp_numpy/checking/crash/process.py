"""A training in a process of its own, made to be killed."""

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
"""How often a training is looked at that is to be killed at a certain moment."""
if sys.platform != "win32":
    FORKS: Final = multiprocessing.get_context("forkserver")
else:
    FORKS: Final = multiprocessing.get_context("spawn")


class KillableTraining:
    """A training in a process of its own, which tells in a log when it begins to train.

    words   of the command ``train``; None: the run of ``run`` is resumed in a fork of a process that has everything
            imported already, which is ten times as quick as the command
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
                # the same program as this one, wherever it was imported from; small products gain nothing by threads
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
        """Whether it has come to its training."""
        return self._log.exists() and "train " in self._log.read_text()

    def lives(self, seconds: float) -> bool:
        """Whether it still lives after so many seconds."""
        end = time.perf_counter() + seconds
        while self.status is None and time.perf_counter() < end:
            time.sleep(LOOK_SECONDS)
        return self.status is None

    def end(self, *, kill: bool) -> None:
        """Kill it or wait for its end. Raises RunFolderError if it has failed."""
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
                f"crash_test: a training must end by itself or by a kill, got status {self.status}: "
                f"{self._errors.read_text() if self._process else 'see above'}"
            )


def _resume(run: Path, log: Path) -> None:
    with threadpoolctl.threadpool_limits(1), Run.resumed(run) as experiment:
        log.write_text("train ")
        for _ in experiment.records():
            pass
