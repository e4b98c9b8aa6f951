"""Calls side by side: a process that is killed is named, a fork is refused, and what is abandoned leaves no warning."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dask_helpers import until

from mlp_numpy.cli import main
from mlp_numpy.errors import MlpNumpyError, OptionError, WorkerLostError
from mlp_numpy.search import ProcessPool, Search, Space, exit_with_parent

joblib = pytest.importorskip("joblib")
SPACE = """\
dataset: few-shapes
steps: 2
batch: 20
hidden: [4]
held-out: validation
validation: 40
grid:
  lr: [0.1, 0.01, 0.001]
"""


@pytest.fixture(autouse=True)
def no_process_stays() -> Iterator[None]:
    yield
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True, kill_workers=True)


def killed_at_two(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def numbers(*of: int) -> Iterator[tuple[int]]:
    return ((number,) for number in of)


@pytest.mark.slow
def test_a_killed_process_is_named_and_the_next_calls_have_new_ones() -> None:
    with pytest.raises(WorkerLostError, match="killed, .*because memory ran out.*Hint: the same command goes on"):
        list(ProcessPool(2).map(killed_at_two, numbers(0, 1, 2, 3)))
    assert sorted(ProcessPool(2).map(killed_at_two, numbers(0, 1))) == [0, 1]


@pytest.mark.slow
def test_what_is_abandoned_ends_without_a_warning() -> None:
    under_way = ProcessPool(2).map(killed_at_two, numbers(*[0] * 20))
    assert next(under_way) == 0
    under_way.close()


@pytest.mark.slow
def test_a_fork_of_a_process_that_worked_side_by_side_is_refused() -> None:
    assert sorted(ProcessPool(2).map(killed_at_two, numbers(0, 1))) == [0, 1]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told = b"nothing was raised"
        try:
            list(ProcessPool(2).map(killed_at_two, numbers(0, 1)))
        except MlpNumpyError as error:
            told = f"{type(error).__name__}: {error} {list(ProcessPool().map(killed_at_two, numbers(0, 1)))}".encode()
        finally:
            os.write(writer, told)
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    told = os.read(reader, 2000).decode()
    os.close(reader)
    assert "OptionError: ProcessPool.map: jobs must be 1 in a fork of a process that used joblib" in told
    assert told.endswith("[0, 1]")


@pytest.mark.slow
def test_a_worker_ends_with_the_process_that_waits_for_it(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys, os, time\nfrom mlp_numpy.search import ProcessPool, exit_with_parent\n"
        "def work(folder):\n    pathlib.Path(folder, str(os.getpid())).touch()\n"
        "    while True:\n        exit_with_parent()\n        time.sleep(0.02)\n"
        "list(ProcessPool(2).map(work, [(sys.argv[1],)] * 2))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)]) as process:
        until(lambda: len(list(tmp_path.iterdir())) == 2)
        process.kill()
    workers = [Path("/proc", path.name, "cmdline") for path in tmp_path.iterdir()]
    # that of a process that has ended is empty, until somebody has taken notice
    until(lambda: not any(worker.exists() and worker.read_bytes() for worker in workers))


def test_no_other_process_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getppid", lambda: -1)
    assert list(ProcessPool().map(exit_with_parent, [()])) == [None]


@pytest.mark.parametrize("jobs", [0, -1, None, "2", 1.5, True, 10**30])
def test_jobs_are_counted(jobs: Any, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="jobs must be an integer ≥ 1"):
        Search(Space({}, {"lr": [0.1]}), tmp_path, jobs=jobs)
    with pytest.raises(OptionError, match="jobs must be an integer ≥ 1"):
        ProcessPool(jobs)


def test_a_search_whose_process_was_killed_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SPACE)

    def lost(*_: object, **__: object) -> Iterator[Any]:
        yield from ()
        raise WorkerLostError("jobs: a process was killed.")

    with monkeypatch.context() as patch:
        patch.setattr(ProcessPool, "map", lost)
        assert main(["search", "s.yaml", "--jobs", "2"]) == 1
    assert capsys.readouterr().err == "error: jobs: a process was killed.\n"
    assert main(["search", "s.yaml", "--no-winner"]) == 0
