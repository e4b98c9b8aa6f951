"""The hook: what trackers are told, and that their failures never reach the training."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_helpers import full_config, numbers

from mlp_numpy.config import Config
from mlp_numpy.errors import (
    DataNotFoundError,
    ExtraMissingError,
    NonFiniteError,
    OptionError,
    RunFolderError,
    TrackingError,
)
from mlp_numpy.experiment import Run, log_run, run
from mlp_numpy.tracking import TRACKERS, TrackerWarning, in_order, metrics
from mlp_numpy.training import EvaluationRecord, History, Record, RunInfo, StepRecord

pytestmark = pytest.mark.usefixtures("no_pictures")


class Memory:
    """A tracker that keeps what it is told, and calls ``fails`` in the method ``at``."""

    def __init__(self, at: str = "", fails: Callable[[], Any] = lambda: None) -> None:
        self.calls: list[str] = []
        self.records: list[Record] = []
        self.at, self.fails = at, fails

    def start(self, info: RunInfo, config: Config, step: int, folder: Path) -> None:
        self.info, self.config, self.step, self.folder = info, config, step, folder
        self.before, self.records = replace(info), []
        self._call("start")

    def record(self, record: Record) -> None:
        self.records.append(record)
        self._call("record")

    def finish(self, status: str, files: Sequence[Path]) -> None:
        self.status, self.files = status, files
        self._call("finish")

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name == self.at:
            self.fails()


def raises(error: BaseException) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return full_config(cifar_dir, tmp_path, steps=20, schedule="warmup:5+cosine")


def test_a_tracker_is_told_of_the_whole_run(config: Config) -> None:
    tracker = Memory()
    result = run(config, trackers=[tracker])
    steps, evaluations = result.history.steps, result.history.evaluations
    assert tracker.calls == ["start", *["record"] * (len(steps) + len(evaluations)), "finish"]
    assert tracker.records == list(in_order(result.history))
    assert [record.step for record in tracker.records] == [0, *range(1, 11), 10, *range(11, 21), 20]
    assert (tracker.config, tracker.step, tracker.folder) == (config, 0, result.folder)
    assert (tracker.before.name, tracker.before.dataset, tracker.before.status) == ("a", "CIFAR-10", "running")
    assert tracker.before.test is None
    assert (tracker.info.status, tracker.info.test) == ("finished", result.history.info.test)
    assert tracker.status == "finished"
    assert {path.name for path in tracker.files} == {
        *("config.yaml", "history.json", "history.csv", "model.npz", "versions.json", "watch.png", "a.png")
    }


@pytest.mark.parametrize("broken_at", [3, 10, 13, 20])
def test_a_resumed_run_tells_its_records_again(config: Config, broken_at: int) -> None:
    whole = Memory()
    run(replace(config, name="whole"), trackers=[whole])
    for record in Run(config).records():
        if record.step == broken_at:
            break
    tracker = Memory()
    with Run.resumed(Path(config.runs_dir, "a"), trackers=[tracker]) as again:
        for _ in again.records():
            pass
    assert tracker.step == broken_at
    assert tracker.records == whole.records


def test_a_run_that_is_stopped_or_diverges_ends_with_its_status(config: Config) -> None:
    stopped, diverged = Memory(), Memory()
    with Run(replace(config, name="b"), trackers=[stopped]) as under_way:
        for record in under_way.records():
            if record.step == 5:
                break
    assert (stopped.status, stopped.records[-1].step) == ("interrupted", 5)
    with pytest.raises(NonFiniteError):
        run(replace(config, divergence_factor=1e-3), trackers=[diverged])
    assert diverged.status.startswith("stopped: ")
    assert "capsule.npz" in {path.name for path in diverged.files}


@pytest.mark.parametrize("at", ["start", "record", "finish"])
@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), RuntimeError(), SystemExit(2), ValueError("\ud800 " * 999)],
    ids=lambda error: type(error).__name__,
)
def test_a_tracker_that_raises_changes_nothing_but_a_line_in_the_history(
    config: Config, at: str, error: BaseException
) -> None:
    run(replace(config, name="alone"))
    bad, good = Memory(at, raises(error)), Memory()
    with pytest.warns(TrackerWarning) as told:
        result = run(config, trackers=[bad, good])
    assert len(told) == 1
    assert bad.calls.count(at) == 1
    assert bad.calls[-1] == at
    assert good.calls[-1] == "finish"
    runs = Path(config.runs_dir)
    assert numbers(runs / "a") == numbers(runs / "alone")
    (line,) = History.read(runs / "a" / "history.json").info.tracker_errors
    where = {"start": "start", "record": "record at step 0", "finish": "finish"}[at]
    assert line.startswith(f"Memory: {where} must not raise, got {type(error).__name__}")
    assert str(told[0].message) == line
    assert (result.status, History.read(runs / "a" / "history.json").info.status) == ("finished", "finished")


def test_nor_does_it_if_warnings_are_errors(config: Config) -> None:
    # setup.cfg makes every warning an error
    bad = [Memory(at, raises(RuntimeError("no"))) for at in ("start", "record", "finish")]
    assert len(run(config, trackers=bad).history.info.tracker_errors) == 3


def test_a_tracker_cannot_change_the_run(config: Config) -> None:
    class Meddler(Memory):
        def record(self, record: Record) -> None:
            np.seterr(all="raise")
            self.info.config.clear()
            self.info.name = "other"
            if isinstance(record, StepRecord) and record.layer_stats:
                record.layer_stats.clear()  # type: ignore[attr-defined]

    run(replace(config, name="alone"))
    before = np.geterr()
    history = run(config, trackers=[Meddler()]).history
    assert np.geterr() == before
    assert (history.info.name, history.info.config["steps"]) == ("a", 20)
    assert history.info.tracker_errors == []
    assert history.layer_stats()
    assert numbers(Path(config.runs_dir, "a")) == numbers(Path(config.runs_dir, "alone"))


@pytest.mark.parametrize("trackers", ["mlflow", None, Memory(), [Memory], [object()], [None]])
def test_what_is_no_tracker_is_refused(config: Config, trackers: Any) -> None:
    with pytest.raises(OptionError, match="Run: .*trackers must be"):
        Run(config, trackers=trackers)
    assert not Path(config.runs_dir).exists()


@pytest.mark.parametrize(
    ("name", "library"),
    [
        ("tensorboard", "tensorboardX.event_file_writer"),
        ("mlflow", "mlflow"),
        ("mlflow", "sqlalchemy"),
        ("wandb", "wandb"),
    ],
)
def test_without_its_library_the_extra_is_named_before_anything_is_done(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ExtraMissingError, match=rf"the tracker {name} .*pip install 'mlp_numpy\[{name}\]'"):
        Run(replace(config, log=(name,)))
    assert not Path(config.runs_dir).exists()


def test_the_names_of_the_option_are_those_of_the_trackers() -> None:
    assert Config(log=tuple(TRACKERS)).log == tuple(TRACKERS)


def test_a_run_that_has_ended_is_reported_from_its_files(config: Config) -> None:
    live, later = Memory(), Memory()
    result = run(config, trackers=[live])
    before = {path: path.read_bytes() for path in result.folder.iterdir()}
    log_run(result.folder, later)
    assert later.calls == live.calls
    assert later.step == 20
    assert (later.config, later.status, later.info.test) == (live.config, live.status, live.info.test)
    assert set(later.files) == set(live.files)
    for now, then in zip(later.records, live.records, strict=True):
        assert (type(now), now.step) == (type(then), then.step)
        assert (now.loss, now.accuracy) == pytest.approx((then.loss, then.accuracy), abs=1e-6)
    assert {path: path.read_bytes() for path in result.folder.iterdir()} == before


def test_a_run_that_cannot_be_reported_is_an_error(config: Config, tmp_path: Path) -> None:
    folder = run(config).folder
    with pytest.raises(TrackingError, match=r"log: Memory must take the run in .*a, got OSError: full"):
        log_run(folder, Memory("record", raises(OSError("full"))))
    with pytest.raises(DataNotFoundError):
        log_run(tmp_path / "none", Memory())
    history = History.read(folder / "history.json")
    history.info.status = "running"
    history.write(folder / "history.json")
    with pytest.raises(RunFolderError, match="must have ended, found one that was killed. Hint: train --resume"):
        log_run(folder, Memory())


BROKEN = """
class Settings: __init__ = lambda self, **_: None
class Run:
    summary, dir = {}, "."
    def log(self, values, step):
        if step == 5: raise ConnectionError("the service is gone")
init = lambda **_: Run()
"""


@pytest.mark.slow
def test_a_command_with_a_broken_library_trains_to_its_end(config: Config, cifar_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "wandb.py").write_text(BROKEN)
    path = os.pathsep.join([str(tmp_path), *sys.path])
    command = [sys.executable, "-m", "mlp_numpy", "train", "--steps", "20", "--batch", "10", "--eval-every", "10"]
    command += ["--data-dir", str(cifar_dir), "--dataset", "cifar10", "--no-download"]
    for name, log in (("plain", []), ("logged", ["--log", "wandb"])):
        done = subprocess.run(
            [*command, "--name", name, *log],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "warning" in line.lower()]
    (warning,) = warnings
    assert warning.startswith(
        "warning: WeightsAndBiases: record at step 5 must not raise, got ConnectionError: the service"
    )
    assert warning.endswith(
        f"Hint: python -m mlp_numpy log {Path('runs', 'logged')} --to wandb reports the run once it has ended."
    )
    assert numbers(tmp_path / "runs" / "plain") == numbers(tmp_path / "runs" / "logged")
    assert History.read(tmp_path / "runs" / "logged" / "history.json").info.tracker_errors == [
        warning.removeprefix("warning: ")
    ]


def test_the_metrics_of_a_record_have_names() -> None:
    step = StepRecord(3, 0.5, 0.25, 0.1, {"0 LinearModule": {"gradient": 2.0}})
    named = {"loss/train": 0.5, "accuracy/train": 0.25, "learning rate": 0.1, "gradient/0 LinearModule": 2.0}
    assert metrics(step, "train") == named
    assert metrics(StepRecord(3, 0.5), "train") == {"loss/train": 0.5}
    evaluation = EvaluationRecord(3, 0.5, metrics={"r2": 0.75})
    assert metrics(evaluation, "validation") == {"loss/validation": 0.5, "r2/validation": 0.75}


def test_evaluations_follow_their_step() -> None:
    history = History(
        steps=[StepRecord(1, 1.0, 0.0), StepRecord(2, 1.0, 0.0)], evaluations=[EvaluationRecord(1, 1.0, 0.0)]
    )
    assert list(in_order(history)) == [history.steps[0], history.evaluations[0], history.steps[1]]
