"""Runs in the stores of MLflow and Weights & Biases, by the real libraries and real processes, killed ones included."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from run_helpers import full_config, numbers

from mlp_numpy.config import write_config
from mlp_numpy.training import History

pytestmark = pytest.mark.slow

# Trains until the process kills itself after a step: no file is closed, no thread is joined.
KILLED = """
import os, signal, sys
from mlp_numpy.config import read_config
from mlp_numpy.experiment import Run
for record in Run(read_config(sys.argv[1])).records():
    if record.step == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
"""
MLFLOW = """
import json, os, sys
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
from mlflow import MlflowClient
client = MlflowClient(tracking_uri=f"sqlite:///{sys.argv[1]}/mlflow-store/mlflow.db")
found = []
for run in client.search_runs([client.get_experiment_by_name("mlp_numpy").experiment_id]):
    of = run.info.run_id
    values = {k: [(m.step, m.value) for m in client.get_metric_history(of, k)] for k in run.data.metrics}
    one = {"id": of, "name": run.info.run_name, "config": run.data.params, "values": values}
    one["files"] = [each.path for each in client.list_artifacts(of)]
    found.append(one | {"summary": {**run.data.tags, "end": run.info.status}})
print(json.dumps(found))
"""
WANDB = """
import json, sys
from pathlib import Path
from wandb.proto.wandb_internal_pb2 import Record


def contents(data):
    # a LevelDB log: blocks of 32 KiB; a piece of a record has a checksum (4 bytes), a length (2) and a type (1)
    at, record = 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield record
            record = b""


found = []
for path in sorted(Path(sys.argv[1]).glob("*/wandb/offline-run-*/run-*.wandb")):
    one = {"config": {}, "summary": {}, "values": {}}
    one["files"] = [each.name for each in (path.parent / "files").iterdir()]
    for data in contents(path.read_bytes()):
        record = Record.FromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "run":
            one["name"], one["id"], one["tags"] = record.run.display_name, record.run.run_id, list(record.run.tags)
            one["config"] |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
        if kind == "history":
            row = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            for name, value in row.items():
                one["values"].setdefault(name, []).append((row.get("_step", record.history.step.num), value))
        if kind == "summary":
            for item in record.summary.update:
                one["summary"][item.key or item.nested_key[0]] = json.loads(item.value_json)
        if kind == "exit":
            one["summary"]["end"] = record.exit.exit_code
    found.append(one)
print(json.dumps(found))
"""
READERS = {"mlflow": MLFLOW, "wandb": WANDB}
ENDS = {"mlflow": "FINISHED", "wandb": 0}


@pytest.fixture(params=READERS)
def name(request: pytest.FixtureRequest) -> str:
    for library in ("mlflow", "sqlalchemy", "alembic") if request.param == "mlflow" else ("wandb",):
        if importlib.util.find_spec(library) is None:
            pytest.skip(f"{library} is not installed")
    return str(request.param)


def python(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    # an address that refuses every connection, for whoever would use the network
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
    environment = {key: value for key, value in environment.items() if not key.startswith(("WANDB_", "MLFLOW_"))}
    path = os.pathsep.join(sys.path)
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env={**environment, "PYTHONPATH": path})


def stored(name: str, folder: Path) -> list[dict[str, Any]]:
    done = python("-c", READERS[name], str(folder / "runs"), folder=folder)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_whole(found: dict[str, Any], history: History, name: str, *, digits: float) -> None:
    columns = {
        "loss/train": [(each.step, each.loss) for each in history.steps],
        "accuracy/train": [(each.step, each.accuracy) for each in history.steps],
        "learning rate": [(each.step, each.lr) for each in history.steps],
        "loss/validation": [(each.step, each.loss) for each in history.evaluations],
        "accuracy/validation": [(each.step, each.accuracy) for each in history.evaluations],
        "gradient/0 LinearModule": [
            (each.step, each.layer_stats["0 LinearModule"]["gradient"]) for each in history.steps if each.layer_stats
        ],
    }
    for metric, values in columns.items():
        got = sorted(map(tuple, found["values"][metric]))
        assert [step for step, _ in got] == [step for step, _ in values], metric
        assert [value for _, value in got] == pytest.approx([value for _, value in values], abs=digits, rel=digits)
    assert found["name"] == "a"
    assert {key: str(value) for key, value in found["config"].items()}.items() >= {
        "steps": "60",
        "optimizer": "adam",
    }.items()
    assert found["summary"].items() >= {"status": "finished", "end": ENDS[name]}.items()
    assert {"config.yaml", "history.json", "model.npz", "a.png", "watch.png"} <= set(found["files"])
    assert history.info.test is not None
    if name == "wandb":
        assert found["tags"] == ["CIFAR-10", "mlp"]
        assert found["summary"]["loss/test"] == pytest.approx(history.info.test.loss, abs=digits)
    else:
        assert found["summary"]["dataset"] == "CIFAR-10"
        assert found["summary"]["model"].startswith("MLP(")
        ((step, loss),) = found["values"]["loss/test"]
        assert (step, loss) == (history.info.test.step, pytest.approx(history.info.test.loss, abs=digits))


def test_a_run_killed_twice_is_there_once_and_whole(name: str, cifar_dir: Path, tmp_path: Path) -> None:
    config = full_config(cifar_dir, tmp_path, log=(name,))
    write_config(tmp_path / "config.yaml", config)
    done = python("-c", KILLED, str(tmp_path / "config.yaml"), "26", folder=tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    identity = tmp_path / "runs" / "a" / {"mlflow": "mlflow-run-id.txt", "wandb": "wandb/run-id.txt"}[name]
    before = identity.read_text()
    resumed = KILLED.replace("Run(read_config(sys.argv[1]))", "Run.resumed(sys.argv[1])")
    done = python("-c", resumed, "runs/a", "45", folder=tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    done = python("-m", "mlp_numpy", "train", "--resume", "runs/a", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr.lower()
    history = History.read(tmp_path / "runs" / "a" / "history.json")
    assert history.info.tracker_errors == []
    (found,) = stored(name, tmp_path)
    check_whole(found, history, name, digits=1e-5)
    assert identity.read_text() == before == found["id"]


def test_a_finished_run_is_logged_once_and_trained_as_without(name: str, cifar_dir: Path, tmp_path: Path) -> None:
    for run, log in (("plain", ()), ("a", (name,))):
        write_config(tmp_path / "config.yaml", full_config(cifar_dir, tmp_path, name=run, log=log))
        done = python("-m", "mlp_numpy", "train", "--config", "config.yaml", folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert numbers(tmp_path / "runs" / "plain") == numbers(tmp_path / "runs" / "a")
    history = History.read(tmp_path / "runs" / "a" / "history.json")
    (live,) = stored(name, tmp_path)
    check_whole(live, history, name, digits=1e-5)
    for _ in range(2):
        done = python("-m", "mlp_numpy", "log", "runs/a", "--to", name, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    (again,) = stored(name, tmp_path)
    check_whole(again, history, name, digits=1e-5)


def test_a_store_that_cannot_be_written_is_one_warning(name: str, cifar_dir: Path, tmp_path: Path) -> None:
    config = full_config(cifar_dir, tmp_path, log=(name,))
    write_config(tmp_path / "config.yaml", config)
    if name == "mlflow":
        (tmp_path / "runs" / "mlflow-store" / "mlflow.db").mkdir(parents=True)
    done = python(
        *(
            "-c",
            f"import sys; sys.argv[1:] = {['train', '--config', 'config.yaml']}\n"
            + (BLOCKED if name == "wandb" else CALL),
        ),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert all(f"log {tmp_path / 'runs' / 'a'} --to {name} reports the run" in line for line in lines)
    history = History.read(tmp_path / "runs" / "a" / "history.json")
    assert (history.info.status, len(history.info.tracker_errors)) == ("finished", len(lines))
    # wandb hands its values to another process, and may not notice that this has gone
    assert len(lines) == 1 if name == "mlflow" else len(lines) <= 1


CALL = "from mlp_numpy.cli import main; sys.exit(main())"
# the service process of wandb is killed during the run
BLOCKED = (
    """
import os, signal, subprocess
from mlp_numpy.tracking.wandb import WeightsAndBiases
record = WeightsAndBiases.record
def kill(self, each):
    if each.step == 20:
        found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
        for line in found.stdout.splitlines():
            if "wandb-core" in line:
                os.kill(int(line.split()[0]), signal.SIGKILL)
    record(self, each)
WeightsAndBiases.record = kill
"""
    + CALL
)
