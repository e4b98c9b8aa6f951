"""One step ahead: the results of the caller's own thread, in any order of steps, after interrupts, copies, forks."""

from __future__ import annotations

import copy
import os
import pickle
import threading
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.order import BlockShuffle
from mlp_numpy.data.prefetch import Ahead
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.parallel import ALONE, Communicator

SPLIT = Split(np.arange(320, dtype=np.float32).reshape(80, 4), np.arange(80))
RAW = Preprocessing("raw", None, None)


def batches(**options: Any) -> Batches:
    return Batches(SPLIT, 7, RAW, seed=3, **options)


@pytest.mark.parametrize("shuffle", [True, False, BlockShuffle(5, 3)], ids=["full", "stored", "blocks"])
def test_the_same_batches_in_any_order_of_steps(shuffle: Any) -> None:
    ahead, plain = batches(shuffle=shuffle, prefetch=True), batches(shuffle=shuffle)
    for step in [*range(30), 3, 4, 4, 5, 0, 100, 101, 7, 8, 8]:
        (x, y), (wanted, labels) = ahead.at(step), plain.at(step)
        np.testing.assert_array_equal(x, wanted)
        np.testing.assert_array_equal(y, labels)
        np.testing.assert_array_equal(x, SPLIT.inputs[y])


def test_a_batch_stays_until_the_next_call() -> None:
    ahead = batches(prefetch=True)
    for step in range(20):
        x, y = ahead.at(step)
        before = x.copy()
        ahead._ahead._next[1].result()  # the thread has written the next one
        np.testing.assert_array_equal(x, before)
        assert len(y) == 7


def test_an_error_of_the_thread_comes_at_its_step_and_again() -> None:
    def work(step: int, place: int) -> int:
        if step == 2:
            raise ValueError("step 2")
        return step

    ahead = Ahead[int]()
    assert [ahead.at(step, work) for step in (0, 1)] == [0, 1]
    for _ in range(2):
        with pytest.raises(ValueError, match="step 2"):
            ahead.at(2, work)
    assert [ahead.at(step, work) for step in (3, 4)] == [3, 4]


def test_an_interrupt_while_waiting_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, written = threading.Event(), []

    def work(step: int, place: int) -> tuple[int, int]:
        if step == 1 and threading.current_thread() is not threading.main_thread():
            gate.wait()
        written.append((step, place))
        return step, place

    ahead = Ahead[tuple[int, int]]()
    ahead.at(0, work)

    def interrupted(_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("mlp_numpy.data.prefetch._Begun.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ahead.at(1, work)
    gate.set()
    assert ahead.at(1, work) == (1, 1)
    assert ahead.at(2, work) == (2, 0)
    assert written[:3] == [(0, 0), (1, 1), (2, 0)]


def test_copies_pickles_and_forks_have_threads_of_their_own() -> None:
    ahead, plain = batches(prefetch=True), batches()
    ahead.at(4)
    for other in (copy.deepcopy(ahead), pickle.loads(pickle.dumps(ahead)), copy.copy(ahead)):
        for step in (5, 6):
            np.testing.assert_array_equal(other.at(step)[1], plain.at(step)[1])
    assert pickle.loads(pickle.dumps(ahead))._buffers[0] is not ahead._buffers[0]
    if not hasattr(os, "fork"):
        return
    reader, writer = os.pipe()
    child = os.fork()
    if not child:  # the thread that holds step 5 is the parent's
        status = 1
        try:
            os.write(writer, b"".join(ahead.at(step)[1].tobytes() for step in (5, 6)))
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        found = file.read()
    assert os.waitpid(child, 0)[1] == 0
    assert found == b"".join(plain.at(step)[1].tobytes() for step in (5, 6))


def test_the_thread_ends_with_the_batches() -> None:
    ahead = batches(prefetch=True)
    ahead.at(0)
    ahead.at(1)
    thread = ahead._ahead._last._thread
    del ahead
    thread.join(10)
    assert not thread.is_alive()


def test_without_room_for_a_thread_steps_are_computed_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refused)
    ahead = Ahead[int]()
    assert [ahead.at(step, lambda step, place: step) for step in (0, 1, 2)] == [0, 1, 2]


def test_rows_of_one_rank_are_not_taken_for_those_of_all() -> None:
    class SecondOfTwo(Communicator):
        rank, size = 1, 2

    ahead, plain, second = batches(prefetch=True), batches(), SecondOfTwo()
    for step, ranks in enumerate([second, second, ALONE, second, ALONE, ALONE]):
        part = ranks.own_rows(7)
        x, y = ahead.at(step, ranks)
        wanted, labels = plain.at(step)
        np.testing.assert_array_equal(x[part], wanted[part])
        np.testing.assert_array_equal(y, labels)
