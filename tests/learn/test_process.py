"""A learner's file in a real process: whatever it does, it ends in time, and its end is told with the line."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
from learn_answers import ANSWERS, with_backward

from mlp_numpy.learn import EXERCISES, FileVerdict, check_file
from mlp_numpy.learn.process import failure_of_output

TEMPLATE = EXERCISES["relu"].template
LINE = TEMPLATE[: TEMPLATE.index("    raise Not")].count("\n") + 1
RIGHT = ANSWERS["relu"].right


def verdict_on(body: str, folder: Path, head: str = "", seconds: float = 10.0) -> FileVerdict:
    file = folder / "relu.py"
    file.write_text(with_backward(TEMPLATE, body) + head, encoding="utf-8")
    return check_file(EXERCISES["relu"], file, seconds=seconds)


def test_a_right_answer_that_prints_and_imports_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "mask.py").write_text("def mask(x):\n    return x > 0\n")
    verdict = verdict_on("import mask\nprint('x is', x.shape, 'é')\nreturn dout * mask.mask(x)", tmp_path)
    assert verdict.status == "right"
    assert verdict.printed.startswith("x is (2, 3) é\n")
    assert "It printed:\n    x is (2, 3) é\n" in str(verdict)


def test_an_endless_loop_ends_and_names_its_line(tmp_path: Path) -> None:
    verdict = verdict_on("n = 0\nwhile True:\n    n = n + 1", tmp_path, seconds=0.5)
    assert verdict.status == "not run"
    assert verdict.line in (LINE + 1, LINE + 2)
    assert verdict.problems[0].startswith(f"line {verdict.line}: it ran for 0.5 s without an end. Is there a loop")


@pytest.mark.skipif(sys.platform == "win32", reason="signals and processes of a session are POSIX")
def test_an_end_of_the_process_is_told(tmp_path: Path) -> None:
    verdict = verdict_on("import os\nos._exit(3)", tmp_path)
    assert verdict.problems == ("the process ended with status 3, without an answer.",)
    verdict = verdict_on("import ctypes\nctypes.string_at(0)", tmp_path)
    assert "line" in verdict.problems[0] and "by signal 11" in verdict.problems[0]
    assert verdict.line == LINE + 1


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    started = tmp_path / "pid"
    command = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(600)']).pid"
    head = f"\nimport subprocess\nopen({str(started)!r}, 'w').write(str({command}))\n"
    assert verdict_on(RIGHT, tmp_path, head).status == "right"
    pid, end = int(started.read_text()), time.monotonic() + 30
    while _runs(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """A killed child whose new parent has not collected it yet is a zombie, state Z."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory of a process is limited where that works")
def test_memory_and_the_keyboard_are_refused_with_the_line(tmp_path: Path) -> None:
    verdict = verdict_on("return np.ones(1 << 33)[: x.size].reshape(x.shape)", tmp_path)
    assert verdict.line == LINE
    assert "An array is larger than the memory that an exercise may take." in verdict.problems[0]
    verdict = verdict_on("input('x? ')\nreturn dout", tmp_path)
    assert f"line {LINE}, in the example: EOFError" in verdict.problems[0]


def test_a_forged_report_is_no_answer(tmp_path: Path) -> None:
    forged = "import os, sys, pathlib\npathlib.Path(sys.argv[2], 'answers.json').write_text('[1]')\nos._exit(0)"
    assert verdict_on(forged, tmp_path).problems == ("the process ended with status 0, without an answer.",)


def test_a_traceback_gives_the_last_line_in_the_folder(tmp_path: Path) -> None:
    printed = (
        f'Traceback (most recent call last):\n  File "{tmp_path}/own_net.py", line 7, in backward\n    return f()\n'
        '  File "/usr/lib/numpy.py", line 3, in f\n    g()\nValueError: no\n'
    )
    failure = failure_of_output(printed, tmp_path, 1)
    assert (failure.message, failure.line, failure.text) == ("own_net.py: ValueError: no", 7, "return f()")
    assert failure_of_output("", tmp_path, 1).message == "the process ended with status 1"
