"""What a search on Dask refuses, and how it says so: addresses, other versions and data, a scheduler that is gone."""

from __future__ import annotations

import pickle
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dask_helpers import WORKER, program, scheduler

from mlp_numpy.cli import main
from mlp_numpy.data.own_data import OwnData
from mlp_numpy.errors import ClusterError, ExtraMissingError, OptionError, WorkerLostError, WorkerMismatchError
from mlp_numpy.recipes import Workspace, find_recipe
from mlp_numpy.recipes.reproduce import RecipeProgress, reproduce
from mlp_numpy.recipes.results import Results
from mlp_numpy.search import DaskPool, DataSource, ProcessPool, Search, Space, WorkerWarning, dask_pool
from mlp_numpy.search.dask_worker import run_call
from mlp_numpy.system_info import machine_fingerprint

TABLE = DataSource("table:t.csv", "data", own=OwnData(target=("y",)))
ROWS = "x,y\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(20))


def asleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def no_loss(*_: object) -> float:
    raise AssertionError("nothing is lost")


@pytest.mark.parametrize("address", ["", "here", "local:", "local:0", "local:2.5", "local:-1", "tcp://host", None, 3])
def test_an_address_is_one_of_two_kinds(address: Any) -> None:
    with pytest.raises(OptionError, match=r"there must be an address tcp://HOST:PORT, or local:N, got"):
        DaskPool(address)


def test_a_pool_is_one_and_excludes_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = Space({}, {"lr": [0.1]})
    wrong: Any = "local:2"
    with pytest.raises(OptionError, match="Search: pool must be a ProcessPool or a DaskPool, got 'local:2'"):
        Search(space, tmp_path, pool=wrong)
    with pytest.raises(OptionError, match="jobs must be 1 where another pool is given, got 2 and on Dask at local:2"):
        Search(space, tmp_path, jobs=2, pool=DaskPool("local:2"))
    assert main(["reproduce", "earle-mlp", "--jobs", "2", "--dask", "local:2"]) == 1
    assert "reproduce: jobs must be 1 where another pool is given" in capsys.readouterr().err
    assert (str(ProcessPool(2)), repr(ProcessPool(2))) == ("2 side by side", "ProcessPool(jobs=2)")
    assert repr(DaskPool("local:2")) == "DaskPool('local:2')"


def test_without_distributed_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExtraMissingError, match=r"distributed must be installed.*pip install 'mlp_numpy\[dask\]'"):
        list(DaskPool("local:2").map(asleep, [(0.0,)], lost=no_loss))


def test_where_nothing_is_to_be_done_nobody_is_asked(tmp_path: Path) -> None:
    space = Space({"dataset": "few-shapes", "steps": 1, "batch": 20, "validation": 40}, {"lr": [0.1]})
    list(Search(space, tmp_path).run())
    assert len(list(Search(space, tmp_path, pool=DaskPool("tcp://nobody.invalid:1")).run())) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "nobody.invalid", "silent"])
def test_without_a_scheduler_the_way_out_is_named(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(dask_pool, "CONNECT_SECONDS", 0.3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if host == "silent":  # whatever listens there, it is no scheduler
            taken.listen()
        pool = DaskPool(f"tcp://{host.replace('silent', '127.0.0.1')}:{taken.getsockname()[1]}")
        wanted = r"there must be a scheduler at tcp.*, got: \w.*Hint: `dask scheduler`.*or --dask local:2 or --jobs 2"
        with pytest.raises(ClusterError, match=wanted):
            list(pool.map(asleep, [(0.0,)], lost=no_loss))


def test_a_worker_that_came_later_checks_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    version = machine_fingerprint()["mlp_numpy"]
    content = pickle.dumps((((TABLE, "another"),), asleep, (0.0,)))
    with pytest.raises(WorkerMismatchError, match=f"must have mlp_numpy 9.9, found {version}"):
        run_call("9.9", content)
    with pytest.raises(WorkerMismatchError, match=r"must have the data table:t.csv of the others, found DataNotFound"):
        run_call(version, content)
    Path("t.csv").write_text(ROWS)
    with pytest.raises(WorkerMismatchError, match=r"of the others, found [0-9a-f]{16}\."):
        run_call(version, content)
    assert run_call(version, pickle.dumps((((TABLE, TABLE.digest()),), asleep, (0.0,)))) == 0.0


def test_a_training_whose_workers_died_is_named_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def given_up(_: DaskPool, function: object, calls: Any, *, data: Any, lost: Callable[..., RecipeProgress]) -> Any:
        assert [source.name for source in data] == ["cifar10"]
        return (lost("killed", *call) for call in calls)

    monkeypatch.setattr(DaskPool, "map", given_up)
    recipes = find_recipe(["earle-mlp-source"])
    steps = reproduce(recipes, Results(tmp_path / "r"), Workspace("data", tmp_path, DaskPool("local:1")))
    assert next(steps).lost == "killed"
    with pytest.raises(
        WorkerLostError, match="earle-mlp-source seed 0, .* must end.*Hint: the same command tries them again"
    ):
        list(steps)


@pytest.mark.slow
def test_other_workers_are_refused_by_name_and_one_that_is_lost_with_its_scheduler_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    here, there = tmp_path / "here", tmp_path / "there"
    for folder, rows in ((here, ROWS), (there, ROWS + "20,a\n")):
        folder.mkdir()
        (folder / "t.csv").write_text(rows)
    (kernel,) = machine_fingerprint()["blas"] or ("",)
    if "openblas" not in kernel:
        pytest.skip("the kernel of this BLAS cannot be chosen by a variable")
    other = "Nehalem" if "Nehalem" not in kernel else "Haswell"
    metadata = tmp_path / "later" / "mlp_numpy-9.9.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: mlp_numpy\nVersion: 9.9\n")
    monkeypatch.chdir(here)
    with scheduler(tmp_path) as (address, process):
        pool = DaskPool(address)
        with monkeypatch.context() as patch:
            patch.setattr(dask_pool, "CONNECT_SECONDS", 0.3)
            with pytest.raises(ClusterError, match=r"must have workers, found none. Hint: `dask worker tcp"):
                list(pool.map(asleep, [(0.0,)], lost=no_loss))
        alone = ("worker", address, *WORKER, "--no-nanny")
        with distributed.Client(address, set_as_default=False) as client:
            monkeypatch.chdir(there)
            with program(*alone, OPENBLAS_CORETYPE=other):
                client.wait_for_workers(1, timeout=120)
                monkeypatch.chdir(here)
                with (
                    pytest.warns(WorkerWarning, match=f"compute with blas .*{other}.*the last bits of results may"),
                    pytest.raises(WorkerMismatchError, match=r"must have the same data: table:t.csv in data at tcp://"),
                ):
                    list(pool.map(asleep, [(0.0,)], data=[TABLE], lost=no_loss))
                monkeypatch.setattr(dask_pool, "NO_WORKER_SECONDS", 0.5)
                with pytest.warns(WorkerWarning):
                    outcomes = pool.map(asleep, [(0.0,), (600.0,)], lost=no_loss)
                    assert next(outcomes) == 0.0
            with pytest.raises(ClusterError, match=r"must have workers, all are gone. Nothing that was finished is"):
                next(outcomes)
            with program(*alone, before=str(metadata.parents[1])):
                client.wait_for_workers(1, timeout=120)
                with pytest.raises(WorkerMismatchError, match=r"mlp_numpy in the same version: tcp://.* has 9.9, here"):
                    list(pool.map(asleep, [(0.0,)], lost=no_loss))
                for name in client.list_datasets():
                    client.unpublish_dataset(name)
        with program(*alone), distributed.Client(address, set_as_default=False) as client:
            client.wait_for_workers(1, timeout=120)
            outcomes = pool.map(asleep, [(1.0,), (601.0,)], lost=no_loss)
            assert next(outcomes) == 1.0
        killer = threading.Timer(0.3, process.send_signal, (signal.SIGKILL,))
        killer.start()
        with pytest.raises(ClusterError, match=f"the scheduler at {address} is gone.*the same command goes on"):
            next(outcomes)
