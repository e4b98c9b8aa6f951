"""A closed pipe is no error."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


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
