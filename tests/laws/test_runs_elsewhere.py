"""A run is gone on with, examined and evaluated from any folder: it knows its data set, and what is missing is said."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from run_helpers import full_config, numbers

from mlp_numpy.cli import main
from mlp_numpy.config import Config, write_config
from mlp_numpy.data import sources
from mlp_numpy.data.synthetic import shapes
from mlp_numpy.diagnose import examine, examine_run
from mlp_numpy.errors import DataError, DataNotFoundError
from mlp_numpy.experiment import Run, finished, run
from mlp_numpy.training import History, load_model
from mlp_numpy.training.checkpoint import NAME, PREVIOUS

pytestmark = pytest.mark.usefixtures("no_pictures")


def tree(folder: Path) -> set[Path]:
    return set(folder.rglob("*"))


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    """A run with data in ``data`` beside it, as it is without any option."""
    shutil.copytree(cifar_dir, tmp_path / "data")
    return full_config(Path("data"), tmp_path, dataset="auto", steps=30)


@pytest.fixture
def stopped(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of such a run that was stopped; the program is elsewhere now."""
    monkeypatch.chdir(tmp_path)
    with Run(config) as one:
        for record in one.records():
            if record.step == 13:
                break
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return one.folder


@pytest.mark.slow
def test_from_elsewhere_it_finds_its_data_and_writes_nothing_there(stopped: Path, config: Config) -> None:
    assert any("CIFAR-10" in finding.measured for finding in examine_run(stopped))
    assert main(["train", "--resume", str(stopped)]) == 0
    assert main(["evaluate", str(stopped)]) == 0
    assert tree(Path.cwd()) == set()
    assert main(["train", "--resume", str(stopped)]) == 0
    with Run(replace(config, data_dir=str(stopped.parents[1] / "data"), name="b", dataset="cifar10")) as one:
        list(one.records())
    same, other = numbers(stopped), numbers(one.folder)
    assert same.pop("history")[:2] == other.pop("history")[:2]
    assert same == other


@pytest.mark.slow
def test_data_that_were_moved_are_told(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = (stopped.parents[1] / "data").rename(stopped.parents[1] / "moved")
    with pytest.raises(DataNotFoundError, match="must hold CIFAR-10"):
        Run.resumed(stopped)
    assert main(["doctor", str(stopped)]) == main(["train", "--resume", str(stopped)]) == 1
    assert tree(Path.cwd()) == set()
    assert main(["doctor", str(stopped), "--data-dir", str(moved)]) in (0, 1)
    assert "CIFAR-10" in capsys.readouterr().out
    assert main(["train", "--resume", str(stopped), "--data-dir", str(moved)]) == 0
    assert finished(str(stopped)) is not None
    assert tree(Path.cwd()) == set()


@pytest.mark.parametrize("words", [["--lr", "1"], ["--download", "--lr", "1"]])
@pytest.mark.slow
def test_other_settings_are_refused_beside(stopped: Path, words: list[str]) -> None:
    assert main(["train", "--resume", str(stopped), *words]) == 1
    assert main(["doctor", str(stopped), *words]) == 1
    with pytest.raises(SystemExit):
        main(["doctor", str(stopped), "--data-dir"])


def test_another_data_set_under_its_name_is_refused_by_the_doctor_too(stopped: Path) -> None:
    path = next((stopped.parents[1] / "data").rglob("data_batch_3"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="the data set .* differs from the one that .* began with"):
        examine_run(stopped)


def test_without_a_checkpoint_the_name_tells_another_data_set(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = run(config).folder
    for name in (NAME, PREVIOUS):
        (folder / name).unlink()
    drawn = sources.Loaded(shapes.generate(60, 20))
    monkeypatch.setattr("mlp_numpy.experiment.build.load_dataset", lambda *_, **__: drawn)
    with pytest.raises(DataError, match="the data set shapes differs from the one that .* began with"):
        Run.resumed(folder)


@pytest.mark.slow
def test_what_is_drawn_is_not_kept_by_whoever_only_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(shapes, "N_TRAIN", 300)
    monkeypatch.setattr(shapes, "N_TEST", 60)
    monkeypatch.setattr("mlp_numpy.data.sources.download.fetch", lambda *_, **__: pytest.fail("a download"))
    examine(Config(dataset="auto", steps=4, batch=20, hidden=(4,)))
    examine(Config(dataset="shapes", steps=4, batch=20, hidden=(4,)))
    assert tree(tmp_path) == set()
    with Run(Config(dataset="auto", download=False, steps=4, batch=20, hidden=(4,), name="a")) as one:
        next(one.records())
    shutil.rmtree("data")
    again = Run.resumed("runs/a")
    assert "THIS IS NOT CIFAR-10" in (again.warning or "")
    examine_run("runs/a")
    assert main(["evaluate", "runs/a"]) == 0
    assert not Path("data").exists()


def findings(folder: Path) -> dict[str, tuple[str, str, str]]:
    return {each.name: (each.measured, each.status, each.advice) for each in examine_run(folder)}


@pytest.mark.slow
def test_the_doctor_sees_that_a_run_was_killed(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program = (
        "import os, signal, sys\n"
        "from mlp_numpy.config import read_config\n"
        "from mlp_numpy.experiment import Run\n"
        "sys.modules['mlp_numpy.experiment.recorder']._SAVE_SECONDS = -1\n"
        "with Run(read_config(sys.argv[1])) as one:\n"
        "    for record in one.records():\n"
        "        if record.step == 14: os.kill(os.getpid(), signal.SIGKILL)"
    )
    write_config(tmp_path / "c.yaml", config)
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "c.yaml")], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    folder = Path(config.runs_dir, "a")
    measured, verdict, advice = findings(folder)["run status"]
    assert (measured, verdict) == ("interrupted: its process ended after its checkpoint of step 14", "warning")
    assert "--resume" in advice
    with Run.resumed(folder) as one:
        next(one.records())
        assert findings(folder)["run status"][:2] == ("running, a process is at work", "ok")
    for path in folder.glob("*.npz"):
        path.unlink()
    (folder / "history.json").unlink()
    assert findings(folder)["run status"][0] == "interrupted: its process ended before its first step"


@pytest.mark.parametrize("damage", ["deleted", "cut", "empty"])
@pytest.mark.slow
def test_a_model_that_is_gone_is_seen_and_restored(
    config: Config, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = run(config).folder
    path = folder / "model.npz"
    whole = path.read_bytes()
    path.unlink()
    if damage != "deleted":
        path.write_bytes(whole[:-100] if damage == "cut" else b"")
    measured, verdict, advice = findings(folder)["model file"]
    assert (verdict, "restores it from the last checkpoint" in advice) == ("error", True)
    assert str(path) in measured
    assert main(["doctor", str(folder)]) == 1
    assert main(["evaluate", str(folder)]) == 1
    counted = numbers_of_openings(folder)
    assert main(["train", "--resume", str(folder)]) == 0
    assert "some files of the run are missing: rewriting them" in capsys.readouterr().out
    assert path.read_bytes() == whole
    assert load_model(str(path)).about["status"] == "finished"
    assert numbers_of_openings(folder) == counted
    assert main(["doctor", str(folder)]) in (0, 1)
    assert "model file" not in capsys.readouterr().out


def numbers_of_openings(folder: Path) -> list[str]:
    return History.read(folder / "history.json").info.test_openings


def test_a_model_that_nothing_can_restore_is_said(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = run(config).folder
    for path in folder.glob("*.npz"):
        path.unlink()
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert "train it again" in findings(folder)["model file"][2]
    assert main(["train", "--resume", str(folder)]) == 1
    assert "a checkpoint to restore it from, found neither" in capsys.readouterr().err
    assert main(["predict", str(folder), "x.png"]) == 1
    assert "it is complete, its model is gone" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
