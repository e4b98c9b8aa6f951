"""A closed pipe is no error; a full disk for the output is one, by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlp_numpy import cli


@pytest.mark.parametrize("words", [["--help"], ["explain", "Id"]])
@pytest.mark.slow
def test_a_reader_that_has_gone_is_no_mishap(words: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    # Buffered, as Python is where nobody asks it to be otherwise: what was printed comes out at the end.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-m", "mlp_numpy", *words]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, env=environment)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_an_output_that_takes_no_more_is_named() -> None:
    command = [sys.executable, "-m", "mlp_numpy", "--help"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: standard output must take what is printed, got: No space left on device.")
    assert ended.stderr.count("\n") == 1


def test_another_mishap_of_the_system_is_not_blamed_on_the_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(cli, "_status_of", fails)
    assert cli.main(["log"]) == 1
    assert capsys.readouterr().err == "error: OSError: [Errno 24] Too many open files\n"
