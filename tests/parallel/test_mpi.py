"""The communicator of MPI: sums in the order of the ranks, of small and large arrays, and the errors of its start."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hosts import two_hosts
from ranks import MPIRUN, mpirun, needs_mpirun, same_library

PROGRAM = """
import numpy as np
from mlp_numpy.parallel import mpi_ranks

world = mpi_ranks()
rank = world.rank
# 1 + 1e16 − 1e16 is 0 in this order, and 1 in another
brought = np.array([1.0, 1e16, -1e16])
for shape in ((), (2, 3), (50_001,)):
    mine = np.full(shape, brought[rank])
    total = world.sum(mine)
    assert total.shape == shape and (total == 0).all() and (mine == brought[rank]).all(), (rank, shape)
    world.sum_in_place(mine)
    assert (mine == 0).all()
assert world.sum(np.array(rank, np.uint64)).dtype == np.uint64
vector = np.random.default_rng(rank).normal(size=100_003).astype(np.float32)
tree, ordered = mpi_ranks(tree=True), world.sum(vector)
np.testing.assert_allclose(tree.sum(vector), ordered, atol=1e-5)
tree.sum_in_place(vector)
np.testing.assert_allclose(vector, ordered, atol=1e-5)
for n in (3, 7, 9):
    rows = np.arange(2 * n).reshape(n, 2)
    assert (world.joined(rows[world.split(n)], n) == rows).all()
assert world.rows(rank + 1) == (slice((0, 1, 3)[rank], (1, 3, 6)[rank]), 6)
assert world.shared({"of": rank}) == {"of": 0}
assert world.seconds > 0
if rank == 2:
    world.abort_at_exit(7)
    raise SystemExit("this rank has failed")
world.sum(np.ones(1))  # of which rank 2 knows nothing
"""
ANOTHER = """
import os
from mlp_numpy.errors import OptionError
from mlp_numpy.parallel import mpi_ranks

assert (mpi_ranks().size, mpi_ranks().rank) == (1, 0)
os.environ["OMPI_COMM_WORLD_SIZE"] = "4"
try:
    mpi_ranks()
except OptionError as error:
    print(error)
"""


@needs_mpirun
@pytest.mark.slow
def test_ranks_add_in_their_order_and_one_that_fails_ends_all() -> None:
    done = mpirun(3, "-c", PROGRAM)
    assert "Error" not in done.stderr, done.stderr
    assert "this rank has failed" in done.stderr
    assert done.returncode == 7


CUT_OFF = """
import os, sys
from pathlib import Path
import numpy as np
from mlp_numpy.parallel import mpi, mpi_ranks

mpi.ANSWER_WITHIN = 2.0
world = mpi_ranks()
Path(sys.argv[1], f"{os.getpid()}.rank").touch()
while True:
    world.sum_in_place(np.ones(100_000))
"""


@needs_mpirun
@pytest.mark.slow
def test_ranks_that_are_cut_off_from_each_other_say_so_and_end(tmp_path: Path) -> None:
    with two_hosts() as hosts:
        words = [*hosts.mpirun(str(MPIRUN), tmp_path), "-n", "2", sys.executable, "-m", "mpi4py", "-c", CUT_OFF]
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen([*words, str(tmp_path)], env=same_library(), **how) as process:
            while len(pids := [int(path.stem) for path in tmp_path.glob("*.rank")]) < 2:
                assert process.poll() is None
                time.sleep(0.02)
            hosts.cut()
            out, _ = process.communicate(timeout=100)
            deadline = time.monotonic() + 60
            while any(Path(f"/proc/{pid}").exists() for pid in pids):
                assert time.monotonic() < deadline, "a rank hangs"
                time.sleep(0.02)
    assert process.returncode != 0
    assert "WorkerLostError: MpiCommunicator: every rank must answer within 2 s, got nothing from another" in out


@needs_mpirun
def test_an_mpirun_of_another_library_is_named() -> None:
    done = mpirun(1, "-c", ANOTHER)
    assert done.returncode == 0, done.stderr
    assert "distributed mpi: mpirun has started 4 processes, but mpi4py has loaded" in done.stdout
    assert "which sees 1. Hint: the mpirun of that library" in done.stdout
