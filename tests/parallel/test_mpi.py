"""The communicator of MPI: sums in the order of the ranks, of small and large arrays, and the errors of its start."""

from __future__ import annotations

import pytest
from ranks import mpirun, needs_mpirun

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


@needs_mpirun
def test_an_mpirun_of_another_library_is_named() -> None:
    done = mpirun(1, "-c", ANOTHER)
    assert done.returncode == 0, done.stderr
    assert "distributed mpi: mpirun has started 4 processes, but mpi4py has loaded" in done.stdout
    assert "which sees 1. Hint: the mpirun of that library" in done.stdout
