"""Searches on Dask, with real schedulers and workers: the same outcomes as here, whoever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dask_helpers import BUILT, PLAIN, TESTS, WORKER, program, scheduler, until
from hosts import two_hosts
from search_helpers import BASE

from mlp_numpy.cli import main
from mlp_numpy.recipes import Results, Workspace, find_recipe, reproduce, shortened
from mlp_numpy.search import DaskPool, Search, Space, TrialResult

distributed = pytest.importorskip("distributed")
SPACE = """\
dataset: few-shapes
model: dask_helpers:counted
steps: 300
eval-every: 100
batch: 20
validation: 40
grid:
  lr: [0.01, 0.001]
  seed: [0, 1, 2]
"""

TWO_HOSTS = """\
dataset: few-shapes
model: dask_helpers:counted
steps: 1600
eval-every: 400
batch: 20
validation: 40
grid:
  lr: [0.001, 0.0003, 0.0001]
  seed: [0, 1, 2]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a scheduler with two workers that are replaced when they die, and the file of what they build."""
    folder = tmp_path_factory.mktemp("cluster")
    built = folder / "built"
    built.touch()
    patient = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "20", BUILT: str(built)}
    with (
        scheduler(folder, **patient) as (address, _),
        program("worker", address, *WORKER, "--nworkers", "2", **patient),
    ):
        with distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield address, built


def same(outcome: TrialResult) -> tuple[Any, ...]:
    return outcome.point, outcome.status, outcome.best, outcome.last, outcome.monitor


def points(journal: Path) -> list[str]:
    return [json.dumps(json.loads(line)["point"]) for line in journal.read_text().splitlines()[1:]]


@pytest.mark.slow
def test_workers_killed_at_ten_random_moments_lose_no_trial_and_double_none(
    cluster: tuple[str, Path], tmp_path: Path
) -> None:
    address, _ = cluster
    space = Space(BASE | {"steps": 200, "hidden": (16,)}, {"lr": [1e-2, 1e-3, 1e-4], "seed": [0, 1, 2, 3]})
    alone, together = Search(space, tmp_path / "a"), Search(space, tmp_path / "b", pool=DaskPool(address))
    list(alone.run())
    moments, killed = random.Random(0), 0
    with distributed.Client(address, set_as_default=False) as client:
        for _ in together.run():
            if killed < 10:
                time.sleep(moments.uniform(0, 0.3))  # a random moment of what the other worker does
                pids = until(lambda: list(client.run(os.getpid, on_error="ignore").values()))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(moments.choice(pids), signal.SIGKILL)
                    killed += 1
    assert killed == 10
    assert [same(together.outcome(number)) for number in range(12)] == [same(alone.outcome(n)) for n in range(12)]
    assert together.winner == alone.winner
    assert sorted(points(tmp_path / "b" / "journal.jsonl")) == sorted(points(tmp_path / "a" / "journal.jsonl"))


@pytest.mark.slow
def test_a_client_killed_and_begun_again_repeats_no_trial_that_was_begun(
    cluster: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address, built = cluster
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(SPACE)
    before = built.read_text().count("built")
    words = ["search", "s.yaml", "--dask", address, "--no-winner"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, "-m", "mlp_numpy", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for _ in range(3):  # what is searched, and two trials
            process.stdout.readline()
        process.kill()
    journal = Path("runs/s/journal.jsonl")
    kept = journal.read_bytes()
    assert 2 <= len(points(journal)) < 6
    with distributed.Client(address, set_as_default=False) as client:
        under_way = [client.get_dataset(name) for name in client.list_datasets()]
        assert under_way
        with client.as_current():
            distributed.wait(under_way, timeout=300)
        del under_way
        assert main(words) == 0
        # at most the one that was in the journal when the kill came, but not yet taken from the scheduler
        assert len(client.list_datasets()) <= 1
    assert f"6 trials of lr, seed, on Dask at {address}, in runs/s" in capsys.readouterr().out
    assert journal.read_bytes().startswith(kept)
    assert len(set(points(journal))) == len(points(journal)) == 6
    assert built.read_text().count("built") - before == 6, "a trial was trained twice"


@pytest.mark.slow
def test_a_trial_that_kills_three_workers_is_lost_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BUILT, str(tmp_path / "built"))
    base = {name: value for name, value in BASE.items() if name != "init"}
    space = Space(base, {"model": ["dask_helpers:counted", "dask_helpers:deadly"], "lr": [1e-3]})
    search = Search(space, tmp_path / "s", pool=DaskPool("local:2"))
    assert len(list(search.run())) == 2
    fine, lost = search.outcome(0), search.outcome(1)
    assert (fine.status, search.winner) == ("finished", 0)
    assert lost.status.startswith("lost: 3 workers died while they ran it, the last one tcp://127.0.0.1:")
    assert (lost.best, lost.last, lost.monitor) == (None, None, "accuracy")
    assert [outcome.status for outcome in Search(space, tmp_path / "s").run()] == [fine.status, lost.status]


def number(of: int) -> int:
    return of


def no_loss(*_: object) -> int:
    raise AssertionError("nothing is lost")


@pytest.mark.slow
def test_an_exception_of_a_call_is_that_of_the_map_and_equal_calls_are_different_ones(
    cluster: tuple[str, Path],
) -> None:
    pool = DaskPool(cluster[0])
    for _ in range(2):  # the scheduler does not keep it
        with pytest.raises(ZeroDivisionError):
            list(pool.map(divmod, [(1, 0)], lost=no_loss))
    assert sorted(pool.map(number, [(1,), (2,), (2,)], lost=no_loss)) == [1, 2, 2]


@pytest.mark.slow
def test_what_is_reproduced_on_a_cluster_is_what_is_reproduced_here(cluster: tuple[str, Path], tmp_path: Path) -> None:
    names = ["earle-mlp-source", "vannucci-mnist-sigmoid-1e-4", "lian-search-source"]
    recipes = [shortened(recipe) for recipe in find_recipe(names)]
    here, there = Results(tmp_path / "here"), Results(tmp_path / "there")
    place = Workspace("data", tmp_path / "b", DaskPool(cluster[0]))
    ended = [[step for step in reproduce(recipes, here, Workspace("data", tmp_path / "a")) if step.result]]
    ended.append([step for step in reproduce(recipes, there, place) if step.result])
    assert [len(each) for each in ended] == [3, 3]
    for recipe in recipes:
        (one,), (other,) = here.of(recipe), there.of(recipe)
        assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


def rows(journal: Path) -> list[dict[str, Any]]:
    """What a journal says of each trial, in the order of the trials, but for the seconds it took."""
    found = [json.loads(line) for line in journal.read_text().splitlines()[1:]]
    return sorted(({**row, "seconds": 0} for row in found), key=lambda row: json.dumps(row["point"]))


@pytest.mark.slow
def test_a_search_on_two_hosts_loses_nothing_when_one_of_them_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(BUILT, str(tmp_path / "built"))
    Path("s.yaml").write_text(TWO_HOSTS)
    assert main(["search", "s.yaml", "--no-winner", "--name", "alone"]) == 0
    here, there = tmp_path / "built-on-the-first-host", tmp_path / "built-on-the-second-host"
    there.touch()
    notices = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "3s"}
    with two_hosts() as hosts:
        first, second = hosts.addresses
        with (
            scheduler(tmp_path, first, hosts.on(1), **notices) as (address, _),
            program("worker", address, *PLAIN, first, on=hosts.on(1), **{BUILT: str(here)}),
            program("worker", address, *PLAIN, second, on=hosts.on(2), **{BUILT: str(there)}),
        ):
            command = [sys.executable, "-m", "mlp_numpy", "search", "s.yaml", "--no-winner", "--dask", address]
            paths = {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
            how: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "env": os.environ | paths}
            with subprocess.Popen([*hosts.on(1), *command], **how) as process:
                assert process.stdout is not None
                until(there.read_text)  # the second host has begun a trial
                hosts.cut()
                lines = process.stdout.readlines()
            assert process.returncode == 0, lines
    assert (here.read_text() + there.read_text()).count("built") > 9, "what the second host had begun was begun again"
    assert rows(Path("runs/s/journal.jsonl")) == rows(Path("runs/alone/journal.jsonl"))
