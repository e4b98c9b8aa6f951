"""Parallel work: the communicator in which the shards of a batch meet, the threads that compute them, and the processes
of MPI."""

from mlp_numpy.parallel.communicator import ALONE as ALONE
from mlp_numpy.parallel.communicator import Communicator as Communicator
from mlp_numpy.parallel.communicator import shares as shares
from mlp_numpy.parallel.mpi import MpiCommunicator as MpiCommunicator
from mlp_numpy.parallel.mpi import mpi_ranks as mpi_ranks
from mlp_numpy.parallel.mpi import processes_started as processes_started
from mlp_numpy.parallel.nested import NestedCommunicator as NestedCommunicator
from mlp_numpy.parallel.workers import SERIAL as SERIAL
from mlp_numpy.parallel.workers import Workers as Workers
