"""Sums of gradients that are begun during the backward pass: which pieces, in which order, and what is left."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from mlp_numpy import FlatParameters, LinearModule, ReLUModule, Residual, Sequential, SoftMaxCrossEntropyModule
from mlp_numpy.arrays import Array
from mlp_numpy.modules import Sharded
from mlp_numpy.parallel import Communicator, MpiCommunicator, overlapped_sum
from mlp_numpy.parallel.overlapped_sum import OverlappedSum


class Doubling(Communicator):
    """As two ranks with equal gradients; it notes the pieces that it sums."""

    size = 2

    def __init__(self, vector: Array) -> None:
        self.vector, self.parts, self.threads = vector, list[tuple[int, int]](), set[int]()

    def sum_in_place(self, array: Array) -> None:
        start = (array.ctypes.data - self.vector.ctypes.data) // array.itemsize
        self.parts.append((start, start + array.size))
        self.threads.add(threading.get_ident())
        array *= 2


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlapped_sum, "PIECE", 40)


def test_pieces_are_summed_from_the_end_and_the_rest_is_left() -> None:
    vector = np.arange(30.0)
    aside = Doubling(vector)
    total = OverlappedSum(aside, vector)
    total.completed([vector[28:30]])  # 16 bytes: not yet a piece
    total.completed([vector[20:23], vector[23:28]])
    total.completed([vector[3:10]])  # something behind it is missing
    total.completed([np.ones(4), np.ones(30, np.float32)])  # of another vector
    total.completed([vector[10:20].reshape(2, 5).T])
    rest = total.finish()
    assert aside.parts == [(20, 30), (3, 20)]
    assert threading.get_ident() not in aside.threads
    assert rest.tolist() == [0, 1, 2]
    assert np.shares_memory(rest, vector)
    assert vector.tolist() == [0, 1, 2, *range(6, 60, 2)]
    assert total.seconds > 0


def test_the_beginning_of_the_vector_is_always_left() -> None:
    vector = np.ones(30)
    aside = Doubling(vector)
    total = OverlappedSum(aside, vector)
    for part in (vector[20:], vector[:20]):
        total.completed([part])
    assert total.finish().size == 20
    assert aside.parts == [(20, 30)]


def test_without_a_piece_there_is_no_thread_and_all_is_left() -> None:
    vector = np.ones(4)
    total = OverlappedSum(Doubling(vector), vector)
    total.completed([vector[:3]])
    assert total.finish() is not vector
    assert total.finish().tolist() == [1, 1, 1, 1]
    assert total.seconds == 0


def test_what_fails_in_the_thread_is_raised_at_the_end() -> None:
    class Broken(Communicator):
        def sum_in_place(self, array: Array) -> None:
            raise ConnectionError("a rank is gone")

    vector = np.ones(8)
    total = OverlappedSum(Broken(), vector)
    total.completed([vector[1:]])
    with pytest.raises(ConnectionError, match="a rank is gone"):
        total.finish()


class Pair(Doubling):
    """Rank 0 of two with equal batches."""

    def sum(self, array: Array) -> Array:
        return 2 * array

    def joined(self, rows: Array, n_rows: int) -> Array:
        return np.concatenate([rows, rows])


def test_a_backward_pass_completes_every_gradient_of_nested_modules() -> None:
    net = Sequential(
        *(LinearModule(4, 6, rng=0), ReLUModule()),
        Residual(Sequential(LinearModule(6, 8, rng=1), ReLUModule(), LinearModule(8, 6, rng=2))),
        LinearModule(6, 3, rng=3),
    )
    parameters = FlatParameters(net)
    ranks = Pair(parameters.grads)
    engine = Sharded(net, 2, ranks=ranks)
    reported: list[tuple[int, int]] = []

    def completed(arrays: tuple[Array, ...]) -> None:
        for array in arrays:
            start = (array.ctypes.data - parameters.grads.ctypes.data) // array.itemsize
            reported.append((start, start + array.size))

    ranks.completed = completed  # type: ignore[assignment, method-assign]
    x = np.random.default_rng(0).normal(size=(6, 4))
    loss = SoftMaxCrossEntropyModule()
    loss.forward(engine.forward(np.concatenate([x, x])), np.zeros(12, int))
    engine.backward(loss.backward())
    ends = sorted(reported)
    assert [start for start, _ in ends] == [0, *(stop for _, stop in ends[:-1])]
    assert ends[-1][1] == len(parameters)
    assert reported[0][0] > reported[-1][0]


def test_with_further_shards_in_a_process_nothing_is_complete_before_they_have_met() -> None:
    net = Sequential(LinearModule(4, 6, rng=0))
    parameters = FlatParameters(net)
    ranks = Pair(parameters.grads)
    ranks.completed = pytest.fail  # type: ignore[assignment, method-assign]
    engine = Sharded(net, 4, ranks=ranks)
    engine.forward(np.ones((8, 4)))
    engine.backward(np.ones((8, 6)))
    assert parameters.grads.any()


class _World:
    """What MpiCommunicator needs of mpi4py, for two ranks with equal arrays."""

    rank, size = 0, 2


def test_a_sum_that_an_exception_has_left_unfinished_does_not_touch_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    vector = np.ones(20)
    monkeypatch.setattr(MpiCommunicator, "sum_in_place", lambda self, array: np.multiply(array, 2, out=array))
    world = MpiCommunicator(_World(), None, aside=_World())
    world.begin_sum(vector)
    world.completed([vector[10:]])
    vector = np.ones(20)
    world.begin_sum(vector)
    world.completed([vector[12:]])
    world.finish_sum(vector)
    assert vector.tolist() == [2] * 20
    world.completed([vector])  # without a begin_sum
    world.finish_sum(vector)
    assert vector.tolist() == [4] * 20
