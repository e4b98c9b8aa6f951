"""The command ``crash-test``: it kills real trainings, and tells when a run that goes on is another one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_helpers import full_config

from mlp_numpy.checking.crash import crash_test as crash
from mlp_numpy.checking.crash.process import KillableTraining
from mlp_numpy.checking.crash.report import AIMS, CrashReport
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError, RunFolderError
from mlp_numpy.exchange.archive import read_archive, write_archive
from mlp_numpy.experiment import run
from mlp_numpy.training import History, load_checkpoint, save_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crash-test", "--kills", "2", "--seed", "1", "--steps", "40", "--json", str(tmp_path / "r.json")]) == 0
    out = capsys.readouterr().out
    assert "2 kills in 40 steps, 2 times resumed, seed 1" in out
    assert "arrays and lists compared bit by bit with the uninterrupted run, 0 failures" in out
    report = json.loads((tmp_path / "r.json").read_text())
    assert (report["failures"], report["differences"], len(report["kills"])) == (0, [], 2)
    assert report["compared"] > 30


@pytest.mark.parametrize("numbers", [(0, 0, None), (1, -1, None), (1, 0, 0)])
def test_numbers_that_cannot_be_meant_are_refused(numbers: tuple[int, int, int | None]) -> None:
    with pytest.raises(OptionError):
        next(crash.crash_test(*numbers))


@pytest.fixture(scope="module")
def undisturbed(cifar_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(full_config(cifar_dir, tmp_path_factory.mktemp("one"), steps=30)).folder


@pytest.fixture
def other(undisturbed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(undisturbed, tmp_path / "other"))


def differences(one: Path, other: Path) -> list[str]:
    report = CrashReport(0, 30)
    found = crash._differences(one, other, report)
    assert report.compared > 30
    return found


@pytest.mark.slow
def test_the_same_run_has_no_differences(undisturbed: Path, other: Path) -> None:
    assert differences(undisturbed, other) == []


def test_a_bit_of_a_weight_is_a_difference(undisturbed: Path, other: Path) -> None:
    arrays, about = read_archive("test", other / "model.npz", "model file")
    name = next(name for name in arrays if name.endswith("weight"))
    arrays[name].view(np.uint32)[0, 0] ^= 1
    write_archive(other / "model.npz", arrays, about)
    assert differences(undisturbed, other) == [f"model.npz: {name}"]


def test_a_zero_with_another_sign_and_another_dtype_are_differences(undisturbed: Path, other: Path) -> None:
    found = load_checkpoint(other)
    name = next(name for name, array in found.state.items() if array.dtype == np.float32 and array.ndim == 2)
    state = {**found.state, name: found.state[name].astype(np.float64), "first_loss": np.array(-0.0)}
    save_checkpoint(other, state, found.history, found.about)
    assert differences(undisturbed, other) == ["checkpoint: first_loss", f"checkpoint: {name}"]


def test_what_is_missing_or_more_is_a_difference(undisturbed: Path, other: Path) -> None:
    found = load_checkpoint(other)
    state = dict(found.state) | {"more": np.zeros(1)}
    del state["first_loss"]
    save_checkpoint(other, state, found.history, found.about)
    assert differences(undisturbed, other) == ["checkpoint: first_loss", "checkpoint: more"]


def test_another_record_and_another_opening_are_differences(undisturbed: Path, other: Path) -> None:
    history = History.read(other / "history.json")
    history.steps[3] = replace(history.steps[3], loss=history.steps[3].loss + 1e-5)
    history.info.test_openings *= 2
    history.write(other / "history.json")
    assert differences(undisturbed, other) == ["history.json: steps", "history.json: test_openings"]
    (other / "history.csv").write_text("")
    assert "history.csv" in differences(undisturbed, other)


def test_what_a_kill_left_is_looked_at(other: Path) -> None:
    whole = crash._look("training", other, True)
    assert (whole.step, whole.previous, whole.half, whole.lost) == (30, False, False, None)
    (other / ".checkpoint.npz.abcdefgh.part").touch()
    (other / NAME).write_bytes(b"torn")
    before = crash._look("writing", other, True)
    assert (before.previous, before.half, before.lost) == (True, True, None)
    (other / PREVIOUS).write_bytes(b"torn")
    lost = crash._look("renaming", other, True)
    assert lost.step is None
    assert "must be a checkpoint" in (lost.lost or "")
    assert crash._look("starting", other, False).lost is None, "there was none yet"


def test_kills_are_aimed_at_everything() -> None:
    rng = np.random.default_rng(0)
    aims = [crash._aim(number, 50, rng) for number in range(50)]
    assert set(aims) == set(AIMS)
    assert aims[-5:] == ["ending"] * 5
    assert "ending" not in aims[:-5]


@pytest.mark.slow
def test_a_training_that_fails_by_itself_is_no_kill(tmp_path: Path) -> None:
    training = KillableTraining(tmp_path, tmp_path / "run", ["--steps", "0"])
    with pytest.raises(RunFolderError, match="the training process failed with status 2: error: Config: steps must be"):
        training.end(kill=False)
    assert not training.trains
    assert not training.lives(0)
