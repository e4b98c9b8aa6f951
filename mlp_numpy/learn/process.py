"""A learner's file in a process of its own, with limits of time and memory."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.json_files import parsed_json
from mlp_numpy.learn import worker

_STARTUP_SECONDS: Final = 20.0
"""The time for Python and NumPy to start, beside the learner's own."""
_MOST_PRINTED: Final = 2000
_ONE_THREAD: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class CodeFailure:
    """Why code did not run to its end.

    kind      the class of the exception, "time limit", "no function", or "end of the process"
    line      the line of the learner's file, if one is known, with its text
    """

    kind: str
    message: str
    line: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Answer:
    """What came back for one question: the output, the gradients in order, and the kind of each.

    kinds        "array", or what was returned instead, such as "None"
    changed      the names of arguments that the code has written into
    written_at   the line that did so, if it is known
    steady       False if a second call of backward returned something else
    """

    out: Array | None = None
    gradients: tuple[Array | None, ...] = ()
    kinds: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    written_at: int | None = None
    steady: bool = True
    failure: CodeFailure | None = None


@dataclass(frozen=True)
class FileRun:
    """All answers, or the failure of the file as a whole; and what it printed, shortened."""

    answers: tuple[Answer, ...] = ()
    failure: CodeFailure | None = None
    printed: str = field(default="", compare=False)


def run_file(file: Path, questions: Sequence[dict[str, Any]], n_gradients: int, seconds: float) -> FileRun:
    """Ask a learner's file ``questions``, the arguments of backward by name with "dout", in a process of its own.

    The process and all that it has started end with this call, after ``seconds`` of the learner's code at the latest.
    """
    with tempfile.TemporaryDirectory(prefix="learn-") as name:
        folder = Path(name)
        arrays = {f"{i}/{key}": value for i, given in enumerate(questions) for key, value in given.items()}
        np.savez(folder / "questions.npz", **arrays)
        words = [str(file), name, str(n_gradients), str(seconds)]
        status = run_limited([str(worker.__file__), *words], folder / "printed.txt", seconds + _STARTUP_SECONDS)
        printed = (folder / "printed.txt").read_bytes()[: 4 * _MOST_PRINTED].decode("utf-8", "replace")
        return _outcome(file, folder, status, seconds, printed[:_MOST_PRINTED])


def run_limited(words: Sequence[str], printed: Path, seconds: float, folder: Path | None = None) -> int | None:
    """Run Python with these arguments in a session of its own; returns its exit status, None when time was up.

    printed   file for standard output and error
    folder    working directory; the current one by default
    """
    environment = os.environ | dict.fromkeys(_ONE_THREAD, "1") | {"PYTHONIOENCODING": "utf-8:backslashreplace"}
    with printed.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-P", "-W", "ignore", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and the processes of its session."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def _outcome(file: Path, folder: Path, status: int | None, seconds: float, printed: str) -> FileRun:
    try:
        return reported(folder, printed)
    except Exception:  # no answers, or what the learner's code has made of them
        return FileRun((), _end_of(file, folder, status, seconds), printed)


def reported(folder: Path, printed: str) -> FileRun:
    """What the worker has written into ``folder``; raises whatever its reading raises."""
    report = parsed_json((folder / "answers.json").read_bytes())
    if "missing" in report:
        message = f"the file must define {report['missing']}, found no such function"
        return FileRun((), CodeFailure("no function", message), printed)
    if "failed" in report:
        return FileRun((), _failure(report["failed"]), printed)
    with np.load(folder / "answers.npz", allow_pickle=False) as stored:
        arrays = {key: stored[key] for key in stored.files}
    answers = [_answer(i, found, arrays) for i, found in enumerate(report["questions"])]
    return FileRun(tuple(answers), None, printed)


def _answer(i: int, found: dict[str, Any], arrays: dict[str, Array]) -> Answer:
    out = arrays.get(f"{i}/out")
    if "failed" in found:
        return Answer(out, failure=_failure(found["failed"]))
    gradients = tuple(arrays.get(f"{i}/{j}") for j in range(len(found["kinds"])))
    return Answer(out, gradients, tuple(found["kinds"]), tuple(found["changed"]), found["line"], found["steady"])


def _failure(told: dict[str, Any]) -> CodeFailure:
    return CodeFailure(told["type"], told["message"], told["line"], told["text"])


def _end_of(file: Path, folder: Path, status: int | None, seconds: float) -> CodeFailure:
    """The failure of a process that left no answers, with the line where its stack was when it ended."""
    stack = folder / "stack.txt"
    told = stack.read_text(encoding="utf-8", errors="replace") if stack.is_file() else ""
    place = re.search(rf'File "{re.escape(file.name)}", line (\d+)', told)
    line = int(place[1]) if place else None
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    text = lines[line - 1].strip() if line is not None and line <= len(lines) else ""
    if status is None or told.startswith("Timeout"):
        return CodeFailure("time limit", f"it ran for {seconds:g} s without an end", line, text)
    ending = f"by signal {-status} ({signal.strsignal(-status)})" if status < 0 else f"with status {status}"
    return CodeFailure("end of the process", f"the process ended {ending}, without an answer", line, text)


def failure_of_output(printed: str, folder: Path, status: int) -> CodeFailure:
    """The failure that a process printed as a traceback, with its last line in a file of ``folder``."""
    places = re.findall(rf'File "{re.escape(str(folder))}[/\\\\]([^"/\\\\]+)", line (\d+).*\n\s*(.*)', printed)
    last = printed.strip().splitlines()[-1] if printed.strip() else f"the process ended with status {status}"
    if not places:
        return CodeFailure("end of the process", last)
    name, line, text = places[-1]
    return CodeFailure("end of the process", f"{name}: {last}", int(line), text)
