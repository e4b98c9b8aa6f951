"""A search on Dask whose workers are on two hosts, one of which is cut off while it computes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dask_helpers import PLAIN, TESTS, program, scheduler
from hosts import two_hosts

from mlp_numpy.cli import main

pytest.importorskip("distributed")
SPACE = """\
dataset: few-shapes
hidden: [16]
steps: 400
eval-every: 100
batch: 20
validation: 40
grid:
  lr: [0.01, 0.001, 0.0001]
  seed: [0, 1, 2]
"""


def rows(journal: Path) -> list[dict[str, Any]]:
    """What a journal says of each trial, in the order of the trials, but for the seconds it took."""
    found = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    return sorted(({**row, "seconds": 0} for row in found), key=lambda row: json.dumps(row["point"]))


@pytest.mark.slow
def test_a_search_on_two_hosts_loses_nothing_when_one_of_them_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SPACE)
    assert main(["search", "s.yaml", "--no-winner", "--name", "alone"]) == 0
    notices = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}
    with two_hosts() as hosts:
        first, second = hosts.addresses
        with (
            scheduler(tmp_path, first, hosts.on(1), **notices) as (address, _),
            program("worker", address, *PLAIN, first, on=hosts.on(1)),
            program("worker", address, *PLAIN, second, on=hosts.on(2)),
        ):
            command = [sys.executable, "-m", "mlp_numpy", "search", "s.yaml", "--no-winner", "--dask", address]
            paths = {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
            how: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | paths}
            with subprocess.Popen([*hosts.on(1), *command], **how) as process:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(4)]  # what is searched, and three trials
                assert hosts.sent(2) > 10_000, "the second host has worked"
                hosts.cut()
                lines += process.stdout.readlines()
            assert process.returncode == 0, lines
    assert rows(Path("runs/s/journal.jsonl")) == rows(Path("runs/alone/journal.jsonl"))
