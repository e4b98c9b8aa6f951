"""Parallel work: the communicator in which the shards of a batch meet, and the threads that compute them."""

from mlp_numpy.parallel.communicator import ALONE as ALONE
from mlp_numpy.parallel.communicator import Communicator as Communicator
from mlp_numpy.parallel.communicator import shares as shares
from mlp_numpy.parallel.workers import SERIAL as SERIAL
from mlp_numpy.parallel.workers import Workers as Workers
