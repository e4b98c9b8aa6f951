"""The processes that ``mpirun`` has started, as the ranks of one training."""

from __future__ import annotations

import atexit
import math
import os
import signal
import sys
import time
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ExtraMissingError, OptionError, WorkerLostError
from mlp_numpy.parallel.communicator import Communicator, shares
from mlp_numpy.parallel.overlapped_sum import OverlappedSum

ANSWER_WITHIN = 1800.0
"""Seconds without an answer after which a rank, or the network to it, counts as lost."""
_SMALL: Final = 1 << 15
"""Bytes up to which each rank gets the arrays of all and adds them itself: one message instead of two."""
_LOOKS: Final = 100
"""How often a rank looks for a message before it sleeps between two looks; about 50 µs."""
_NAP: Final = 2e-5
_FAREWELL: Final = 3
"""Seconds in which the launcher can be told to end all ranks, after one is lost."""
_STARTED: Final = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS")
"""Environment variables in which the launchers of MPI libraries tell a process how many they have started."""


def processes_started() -> int:
    """The number of processes that ``mpirun``, or the launcher of a cluster, says it has started; 1 without one."""
    numbers = (os.environ.get(name, "") for name in _STARTED)
    return max((int(number) for number in numbers if number.isdecimal()), default=1)


def mpi_ranks(*, tree: bool = False) -> MpiCommunicator:
    """The communicator of all processes that ``mpirun`` has started; of this one alone without ``mpirun``.

    tree   sums are those of MPI's ``Allreduce``, in an order of its own choice

    Raises ExtraMissingError without mpi4py or an MPI library, OptionError if ``mpirun`` belongs to another MPI library
    than the one that mpi4py has loaded, so that every process believes to be alone.
    """
    try:
        # an optional extra; importing it starts MPI
        import mpi4py.MPI
        import mpi4py.run
    except Exception as error:  # without an MPI library mpi4py raises RuntimeError
        raise ExtraMissingError(
            f"distributed mpi: mpi4py and an MPI library must be installed, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[mpi]', and the MPI library of the machine, or pip install mpich."
        ) from error
    world = mpi4py.MPI.COMM_WORLD
    started = processes_started()
    if world.size == 1 < started:
        library = mpi4py.MPI.Get_library_version().splitlines()[0]
        raise OptionError(
            f"distributed mpi: mpirun has started {started} processes, but mpi4py has loaded {library}, which sees 1. "
            "Hint: the mpirun of that library, or the library of that mpirun (MPI4PY_LIBMPI names its file)."
        )
    here = world.Split_type(mpi4py.MPI.COMM_TYPE_SHARED)
    several_machines = here.size < world.size
    here.Free()
    threads = mpi4py.MPI.Query_thread() == mpi4py.MPI.THREAD_MULTIPLE
    aside = world.Dup() if threads and several_machines else None
    return MpiCommunicator(world.Dup(), mpi4py.run.set_abort_status, tree=tree, aside=aside)


class MpiCommunicator(Communicator):
    """One process of several, with a communicator of mpi4py.

    Sums are added in the order of the ranks, so they are the same bits at every repetition and for every rank. A large
    array is added in parts: each rank gets its part of all arrays, adds it, and sends the sum to the others, so that
    each sends and receives about 2 arrays, however many ranks there are, as in MPI's ``Allreduce``. A rank that waits
    sleeps: on two cores that other programs used too, a small sum among 4 ranks took 0.7 ms, and 9.5 ms in MPI's own
    waiting. A rank that the others cannot reach raises nothing in MPI: after half an hour they raise WorkerLostError.

    comm      a communicator of mpi4py
    abort     called with an exit status when this process leaves the others behind
    tree      use ``Allreduce``
    aside     a communicator of the same processes for the sums of gradients that a thread forms during the backward
              pass; None: all sums are formed after it, which is faster for processes of one machine, whose cores copy
              what a network would carry
    seconds   time spent in communication so far, waiting for other ranks included, but for what is computed meanwhile
    """

    def __init__(self, comm: Any, abort: Any, *, tree: bool = False, aside: Any = None) -> None:
        self.rank, self.size = comm.rank, comm.size
        self.seconds = 0.0
        self._aside = None if aside is None or comm.size == 1 else MpiCommunicator(aside, abort, tree=tree)
        self._begun: OverlappedSum | None = None
        self._comm, self._abort, self._tree = comm, abort, tree
        self._received: Array = np.empty((0, 0))

    def sum(self, array: Array) -> Array:
        """Σ of the ``array`` of every rank; the same bits for all of them."""
        if self.size == 1:
            return array
        total = np.array(array, order="C").reshape(-1)
        if self._tree or total.nbytes > _SMALL:
            self.sum_in_place(total)
            return total.reshape(array.shape)
        table = np.empty((self.size, total.size), total.dtype)
        self._wait(self._comm.Iallgather(total, table))
        return _added(table).reshape(array.shape)

    def sum_in_place(self, array: Array) -> None:
        """Replace ``array``, contiguous in memory, by the sum over all ranks."""
        if self.size == 1:
            return
        if self._tree:
            total = np.empty_like(array)
            self._wait(self._comm.Iallreduce(array, total))
            array[...] = total
            return
        flat, parts = array.reshape(-1), shares(array.size, self.size)
        counts, starts = [part.stop - part.start for part in parts], [part.start for part in parts]
        mine = counts[self.rank]
        if self._received.shape != (self.size, mine) or self._received.dtype != array.dtype:
            self._received = np.empty((self.size, mine), array.dtype)
        table = self._received
        others = [rank for rank in range(self.size) if rank != self.rank]
        # MPICH's Ialltoallv takes ten times as long between looks at it as these messages do
        self._wait(
            *(self._comm.Irecv(table[rank], rank) for rank in others),
            *(self._comm.Isend(flat[parts[rank]], rank) for rank in others),
        )
        table[self.rank] = flat[parts[self.rank]]
        self._wait(self._comm.Iallgatherv(_added(table), [flat, (counts, starts)]))

    def begin_sum(self, vector: Array) -> None:
        """Announce a vector of gradients; a thread sums what ``completed`` names while the rest is being computed."""
        self._rest()  # of a sum that an exception has left unfinished
        if self._aside is not None:
            self._begun = OverlappedSum(self._aside, vector)

    def completed(self, arrays: Iterable[Array]) -> None:
        """Say that these parts of the vector of ``begin_sum`` are computed."""
        if self._begun is not None:
            self._begun.completed(arrays)

    def finish_sum(self, vector: Array) -> None:
        """Replace ``vector`` by the sum over all ranks, of which a part may have been summed since ``begin_sum``."""
        rest = self._rest()
        self.sum_in_place(vector if rest is None else rest)

    def _rest(self) -> Array | None:
        """What is left to be summed of the vector of ``begin_sum``, when all that was begun is summed."""
        begun, self._begun = self._begun, None
        if begun is None:
            return None
        rest = begun.finish()
        self.seconds += begun.seconds
        return rest

    def joined(self, rows: Array, n_rows: int) -> Array:
        """The rows of every rank in one array: ``rows`` is this rank's ``split`` of all ``n_rows``."""
        if self.size == 1:
            return rows
        whole = np.empty((n_rows, *rows.shape[1:]), rows.dtype)
        each = math.prod(rows.shape[1:])
        parts = shares(n_rows, self.size)
        counts, starts = [(part.stop - part.start) * each for part in parts], [part.start * each for part in parts]
        self._wait(self._comm.Iallgatherv(np.ascontiguousarray(rows), [whole, (counts, starts)]))
        return whole

    def shared(self, value: Any) -> Any:
        """The ``value`` of rank 0, pickled for the others."""
        # The waiting is done here, asleep, and without end: the first rank may be loading data.
        self._wait(self._comm.Ibarrier(), patience=math.inf)
        return self._comm.bcast(value)

    def rows(self, n: int) -> tuple[slice, int]:
        """The place of this rank's ``n`` rows in the whole batch, and the number of rows of the whole batch."""
        numbers = np.zeros(self.size, np.int64)
        numbers[self.rank] = n
        numbers = self.sum(numbers)
        start = int(numbers[: self.rank].sum())
        return slice(start, start + n), int(numbers.sum())

    def abort_at_exit(self, status: int) -> None:
        """End all ranks with ``status`` as this process exits."""
        if self.size > 1:
            self._abort(status)

    def _wait(self, *requests: Any, patience: float | None = None) -> None:
        """Wait for messages, soon asleep: MPI's own waiting keeps the core busy, which another rank may need."""
        patience = ANSWER_WITHIN if patience is None else patience
        began = time.perf_counter()
        looks = 0
        while not requests[0].Testall(list(requests)):
            looks += 1
            if looks > _LOOKS:
                time.sleep(_NAP)
                if time.perf_counter() - began > patience:
                    atexit.register(_leave, self._comm)
                    raise WorkerLostError(
                        f"MpiCommunicator: every rank must answer within {patience:g} s, got nothing from another by "
                        "then. Hint: is its machine there, and the network? Continue from the last checkpoint."
                    )
        self.seconds += time.perf_counter() - began


def _leave(comm: Any) -> None:
    """Have all ranks ended, this one too: also where the launcher cannot be told to, for which MPI would wait."""
    if sys.platform != "win32":  # where a signal ends a process that waits in a library
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_FAREWELL)
    sys.stdout.flush()
    sys.stderr.flush()
    comm.Abort(1)


def _added(table: Array) -> Array:
    """Σ of the rows of ``table`` in their order, in the first of them."""
    total: Array = table[0]
    for row in table[1:]:
        total += row
    return total
