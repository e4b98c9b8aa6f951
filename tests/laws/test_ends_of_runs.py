"""How a run ends: chosen weights, a test set that is opened once, and a failed step that can be seen again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_helpers import full_config

from mlp_numpy.checking.crash.report import CrashReport, Kill
from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.diagnose import replay
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment import Run, run
from mlp_numpy.experiment.recorder import WINNER
from mlp_numpy.training import EvaluationRecord, History, load_model

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return full_config(cifar_dir, tmp_path, accumulate=1, schedule="constant", checkpoint_every=500)


def weights_by_step(one: Run, end: int | None = None) -> dict[int, np.ndarray]:
    """The averaged weights at each evaluation; at ``end`` the program is told to stop by Ctrl-C."""
    found = {}
    for record in one.records():
        if isinstance(record, EvaluationRecord):
            found[record.step] = one.trainer.update.average.values.copy()
        if record.step == end:
            os.kill(os.getpid(), signal.SIGINT)
    return found


def assert_best(one: Run, weights: dict[int, np.ndarray]) -> None:
    best = one.history.best
    assert load_model(one.folder / "model.npz").about["step"] == best.step
    np.testing.assert_array_equal(one.parameters.values, weights[best.step])


def test_patience_ends_a_run_with_its_best_weights(config: Config) -> None:
    with Run(replace(config, lr=1e-12, patience=2)) as one:
        weights = weights_by_step(one)
    assert one.result.status == "stopped early"
    assert one.trainer.step < config.steps
    assert_best(one, weights)


def test_ctrl_c_leaves_the_best_weights_and_the_test_set_sealed(config: Config) -> None:
    # Whoever starts the suite may have SIGINT ignored, as `cmd &` in a script does.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Run(config) as one:
            weights = weights_by_step(one, end=50)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (one.stopped_by, one.result.status) == (signal.SIGINT, "interrupted")
    assert_best(one, weights)
    assert one.history.info.test_openings == []


def test_divergence_leaves_the_best_weights(config: Config) -> None:
    with Run(replace(config, clip_norm=0.0)) as one:
        weights = {}
        with pytest.raises(NonFiniteError):
            for record in one.records():
                if isinstance(record, EvaluationRecord):
                    weights[record.step] = one.trainer.update.average.values.copy()
                if record.step == 30:
                    one.trainer.optimizer.lr = 1e38
    assert_best(one, weights)
    assert one.history.info.test_openings == []


@pytest.mark.slow
def test_the_test_set_is_opened_once_and_every_time_is_counted(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(replace(config, steps=20)).folder
    assert History.read(folder / "history.json").info.test_openings == [WINNER]
    assert main(["evaluate", str(folder)]) == 0
    assert main(["evaluate", str(folder)]) == 0
    assert "opened 3 times: " + WINNER + "; evaluate; evaluate" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_that_goes_on_forgets_no_opening(config: Config) -> None:
    with Run(config) as one:
        for record in one.records():
            if record.step == 13:
                break
    assert main(["evaluate", str(one.folder)]) == 0
    assert main(["train", "--resume", str(one.folder)]) == 0
    assert History.read(one.folder / "history.json").info.test_openings == ["evaluate", WINNER]


@pytest.mark.slow
def test_a_run_that_begins_again_forgets_no_opening(config: Config) -> None:
    folder = run(replace(config, steps=20)).folder
    for path in folder.glob("checkpoint*"):
        path.unlink()
    with Run.resumed(folder) as again:
        list(again.records())
    assert History.read(folder / "history.json").info.test_openings == [WINNER, WINNER]


@pytest.mark.slow
def test_a_failed_step_is_seen_again_in_another_process(config: Config) -> None:
    """With dropout and batch norm in the net, whose state the capsule must hold."""
    with pytest.raises(NonFiniteError), Run(replace(config, divergence_factor=1.2, lr=3.0, clip_norm=0.0)) as one:
        list(one.records())
    found = replay(one.folder)
    assert found.same
    assert found.step == one.trainer.failure.step
    assert found.losses[0] == one.trainer.failure.loss
    words = [sys.executable, "-m", "mlp_numpy", "replay", str(one.folder)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "the same, to the last bit of the loss" in done.stdout


def test_a_crash_report_fails_for_a_lost_checkpoint_and_for_a_difference() -> None:
    fine = Kill("writing", 4, True, True, None)
    assert CrashReport(0, 10, [fine]).failures == 0
    lost = CrashReport(0, 10, [fine, Kill("training", None, False, False, "none is whole")], ["model.npz: w"])
    assert lost.failures == 2
    assert "lost: none is whole\nnot the same: model.npz: w\n2 kills in 10 steps" in str(lost)
    assert lost.as_json()["failures"] == 2
