"""Workers: every part runs once, in the caller's context; failures end the task, and threads end with their owner."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from mlp_numpy.blas import is_numpys
from mlp_numpy.errors import OptionError
from mlp_numpy.parallel import SERIAL, Workers
from mlp_numpy.parallel.workers import free_cores


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "mlp_numpy"}


@pytest.mark.parametrize(("size", "threads"), [(1, 1), (2, 1), (2, 2), (5, 2), (5, 8)])
def test_every_part_runs_once_and_the_first_in_the_callers_thread(size: int, threads: int) -> None:
    workers = Workers(size, threads)
    seen: list[tuple[int, threading.Thread]] = []
    for _ in range(3):
        seen.clear()
        workers.run(lambda part: seen.append((part, threading.current_thread())))
        assert sorted(part for part, _ in seen) == list(range(size))
        assert dict(seen)[0] is threading.current_thread()
    workers.run(lambda part: seen.append((part, threading.current_thread())), 1)
    assert seen[-1] == (0, threading.current_thread())


def test_threads_bound_what_computes_at_a_time_also_around_a_meeting() -> None:
    workers, running, most, lock = Workers(4, 2), [0], [0], threading.Lock()
    meeting = workers.meeting(4)
    communicators = meeting.communicators()

    def work(rank: int) -> None:
        for _ in range(3):
            with lock:
                running[0] += 1
                most[0] = max(most[0], running[0])
            np.linalg.svd(np.ones((60, 60)))
            with lock:
                running[0] -= 1
            communicators[rank].sum(np.ones(1))

    workers.run(work, 4, meeting)
    assert 1 <= most[0] <= 2


def test_parts_run_in_the_callers_context() -> None:
    def work(part: int) -> None:
        np.float32(1e38) * np.float32(1e38)  # a warning is an error in these tests

    with np.errstate(over="ignore"):
        Workers(2, 2).run(work)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        Workers(2, 2).run(lambda part: part and work(part))


def test_blas_has_one_thread_meanwhile() -> None:
    def numbers() -> list[int]:
        return [pool["num_threads"] for pool in threadpoolctl.threadpool_info() if is_numpys(pool["filepath"])]

    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        inside: list[list[int]] = []
        Workers(2, 2).run(lambda part: inside.append(numbers()))
        assert {number for found in inside for number in found} == {1}
        assert set(numbers()) == {2}


def test_the_exception_of_the_lowest_part_comes_after_all_have_ended() -> None:
    ended = []

    def work(part: int) -> None:
        if part == 0:
            time.sleep(0.02)
        ended.append(part)
        if part:
            raise ValueError(f"part {part}")

    with pytest.raises(ValueError, match="part 1"):
        Workers(3, 3).run(work)
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize("failing", [0, 1, 2])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_releases_those_who_wait_in_a_meeting_and_the_workers_go_on(failing: int, threads: int) -> None:
    workers = Workers(3, threads)
    meeting = workers.meeting(3)
    communicators = meeting.communicators()

    def work(rank: int) -> None:
        if rank == failing:
            raise ValueError(f"part {rank}")
        communicators[rank].sum(np.ones(1))

    with pytest.raises(ValueError, match=f"part {failing}"):
        workers.run(work, 3, meeting)
    sums: list[float] = []
    meeting = workers.meeting(3)
    communicators = meeting.communicators()
    workers.run(lambda rank: sums.append(float(communicators[rank].sum(np.ones(1))[0])), 3, meeting)
    assert sums == [3.0] * 3


def test_an_interrupt_waits_for_the_threads_that_still_write() -> None:
    begun, ended = threading.Event(), []

    def work(part: int) -> None:
        if part == 0:
            begun.wait(10)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)
        begun.set()
        time.sleep(0.05)
        ended.append(part)

    workers = Workers(2, 2)
    with pytest.raises(KeyboardInterrupt):
        workers.run(work)
    assert ended == [1]
    workers.run(ended.append)
    assert sorted(ended) == [0, 1, 1]


def test_further_interrupts_wait_as_the_first_one_does() -> None:
    ended: list[int] = []

    def work(part: int) -> None:
        if part:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.05)
            ended.append(part)

    workers = Workers(2, 2)
    with pytest.raises(KeyboardInterrupt):
        workers.run(work)
    assert ended == [1]
    workers.run(ended.append)
    assert sorted(ended) == [0, 1, 1]


def test_threads_start_at_the_first_task_and_end_with_their_owner() -> None:
    gc.collect()
    before = own_threads()
    workers = Workers(3, 3)
    assert own_threads() == before
    workers.run(lambda part: None)
    mine = own_threads() - before
    assert len(mine) == 2
    del workers
    gc.collect()
    for thread in mine:
        thread.join(10)
        assert not thread.is_alive()


FORKED = """
import os, signal
from mlp_numpy.parallel import Workers
workers = Workers(3, 2)
workers.run(lambda part: None)
child = os.fork()
if child == 0:
    signal.alarm(20)
    seen = []
    workers.run(seen.append)
    os._exit(sorted(seen) != [0, 1, 2])
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_fork_has_threads_of_its_own() -> None:
    assert subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True).stdout == "0\n"


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda workers: pickle.loads(pickle.dumps(workers))])
def test_copies_have_threads_of_their_own(copied: object) -> None:
    assert callable(copied)
    workers, seen = Workers(2, 1), []
    workers.run(lambda part: None)
    twin = copied(workers)
    assert repr(twin) == repr(workers) == "Workers(2, threads=1)"
    twin.run(seen.append)
    assert sorted(seen) == [0, 1]


def test_there_are_no_more_threads_than_parts_and_a_core_for_each() -> None:
    assert repr(Workers(2, 16)) == "Workers(2, threads=2)"
    assert Workers(1000).threads == free_cores() >= 1
    assert (SERIAL.size, SERIAL.threads) == (1, 1)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "2"])
@pytest.mark.parametrize("name", ["size", "threads"])
def test_numbers_below_1_are_refused(name: str, wrong: Any) -> None:
    with pytest.raises(OptionError, match=f"Workers: {name} must be"):
        Workers(**{name: wrong})
