"""A run that nobody follows any more gives back what it held: signal handlers, its folder's lock, descriptors."""

from __future__ import annotations

import gc
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlp_numpy.config import Config
from mlp_numpy.experiment import Run, run_seeds
from mlp_numpy.experiment.lock import is_locked
from mlp_numpy.experiment.signals import held_signals
from mlp_numpy.recipes import Results, Workspace, find_recipe, reproduce, shortened
from mlp_numpy.search import Search, Space

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whoever starts the suite may have SIGINT ignored, as ``cmd &`` in a script does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    found = {number: signal.getsignal(number) for number in before}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert found == {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    here = {"runs_dir": str(tmp_path / "runs"), "plots_dir": str(tmp_path / "plots")}
    return Config(dataset="few-shapes", steps=6, batch=20, hidden=(4,), eval_every=2, checkpoint_every=2, **here)


def interrupted() -> bool:
    try:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100):
            pass
    except KeyboardInterrupt:
        return True
    return False


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def never_begun(config: Config) -> None:
    Run(config)


def never_asked(config: Config) -> None:
    Run(config).records()


def broken_off(config: Config) -> None:
    for _ in Run(config).records():
        break


def entered_and_forgotten(config: Config) -> None:
    run = Run(config).__enter__()
    next(iter(run.records()))


def left_by_an_error(config: Config) -> None:
    with pytest.raises(ZeroDivisionError):
        for record in Run(config).records():
            raise ZeroDivisionError(record)


def seeds(config: Config) -> None:
    next(iter(run_seeds(replace(config, name="many"), [0, 1])))


WAYS = [never_begun, never_asked, broken_off, entered_and_forgotten, left_by_an_error, seeds]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.slow
def test_an_abandoned_run_gives_everything_back(config: Config, way: Callable[[Config], None]) -> None:
    way(config)
    gc.collect()
    before = descriptors()
    for number in range(3):
        way(replace(config, seed=number, overwrite=True) if way is seeds else config)
    gc.collect()
    assert descriptors() == before
    assert interrupted()
    assert not any(is_locked(folder) for folder in Path(config.runs_dir).glob("*/"))


@pytest.mark.slow
def test_thirty_broken_runs_leave_nothing_open(config: Config) -> None:
    before = descriptors()
    gc.disable()  # what nobody holds goes at once
    try:
        for _ in range(30):
            broken_off(config)
        assert descriptors() == before
    finally:
        gc.enable()


def test_between_its_records_a_run_without_a_with_hears_nothing(config: Config) -> None:
    one = Run(config)
    records = one.records()
    next(records)
    assert interrupted()
    assert one.stopped_by is None
    assert is_locked(one.folder)
    next(records)
    one.close()
    assert one.result is not None
    assert one.result.status == "interrupted"
    assert not is_locked(one.folder)


def test_runs_that_end_in_another_order_than_they_began(config: Config) -> None:
    one, other = Run(config).__enter__(), Run(config).__enter__()
    first, second = one.records(), other.records()
    next(first), next(second)
    one.close()
    assert not interrupted()
    assert (one.stopped_by, other.stopped_by) == (None, signal.SIGINT)
    other.close()
    assert interrupted()


def test_a_run_that_ends_in_another_thread_is_heard_no_more(config: Config) -> None:
    one = Run(config).__enter__()
    next(one.records())
    thread = threading.Thread(target=one.close)
    thread.start()
    thread.join()
    assert interrupted()
    # No other thread may put handlers back: this one is still there, and hands the next request on.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def test_a_request_goes_on_to_whoever_was_there_before() -> None:
    heard: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: heard.append(number))
    try:
        with held_signals(lambda number: False):
            os.kill(os.getpid(), signal.SIGINT)
        assert heard == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def grid() -> Space:
    base: dict[str, Any] = {"dataset": "few-shapes", "steps": 2, "batch": 20, "hidden": (4,)}
    return Space(base | {"held_out": "validation", "validation": 40}, {"lr": [0.1, 0.01, 0.001]})


@pytest.mark.slow
def test_an_abandoned_search_gives_everything_back(tmp_path: Path) -> None:
    before = descriptors()
    for _ in range(3):
        next(iter(Search(grid(), tmp_path / "s").run()))
    gc.collect()
    assert descriptors() == before
    assert interrupted()
    assert not is_locked(tmp_path / "s")


@pytest.mark.parametrize("name", ["earle-mlp-source", "vannucci-mnist-sigmoid-1e-4"])
@pytest.mark.slow
def test_an_abandoned_recipe_gives_everything_back(name: str, tmp_path: Path) -> None:
    (recipe,) = map(shortened, find_recipe([name]))
    before = descriptors()
    for _ in range(3):
        next(iter(reproduce([recipe], Results(tmp_path / "kept"), Workspace("data", tmp_path / "a"))))
    gc.collect()
    assert descriptors() == before
    assert interrupted()
    assert not any(is_locked(folder) for folder in (tmp_path / "a").iterdir())
