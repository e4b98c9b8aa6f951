"""One experiment with several seeds: its runs, their mean, and how it goes on after a stop."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_helpers import small_config

from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.errors import OptionError, RunFolderError
from mlp_numpy.experiment import Run, run, run_seeds, seed_configs
from mlp_numpy.training import History

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return small_config(cifar_dir, tmp_path, steps=12, eval_every=4, lr=1e-4, name="a")


def test_each_seed_has_its_run_and_all_a_mean(config: Config, tmp_path: Path) -> None:
    histories = list(run_seeds(replace(config, held_out="validation", validation=40), [3, 0]))
    single = run(replace(config, held_out="validation", validation=40, seed=3, name="single"))
    assert histories[0].evaluations == single.history.evaluations
    assert histories[1].evaluations != single.history.evaluations
    told = json.loads((tmp_path / "runs" / "a-seeds.json").read_text())
    assert [each["name"] for each in told["runs"]] == ["a-seed-3", "a-seed-0"]
    last = [history.evaluations[-1].accuracy for history in histories]
    assert told["accuracy"]["last"]["values"] == pytest.approx(last, abs=1e-6)
    assert told["accuracy"]["last"]["mean"] == pytest.approx((last[0] + last[1]) / 2, abs=1e-6)
    assert told["accuracy"]["last"]["std"] == pytest.approx(abs(last[0] - last[1]) / np.sqrt(2), abs=1e-6)
    best = [history.best.accuracy for history in histories if history.best is not None]
    assert told["accuracy"]["best"]["values"] == pytest.approx(best, abs=1e-6)
    assert told["accuracy"]["test"]["values"] == [history.info.test.accuracy for history in histories]
    with Image.open(tmp_path / "plots" / "a-seeds.png") as picture:
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50


def test_names_are_checked_before_the_first_run_begins(config: Config) -> None:
    (Path(config.runs_dir) / "a-seed-1").mkdir(parents=True)
    with pytest.raises(RunFolderError, match="a run named 'a-seed-1' already exists"):
        next(run_seeds(config, [0, 1]))
    assert not (Path(config.runs_dir) / "a-seed-0").exists()
    (Path(config.runs_dir) / "b-seeds.json").touch()
    with pytest.raises(RunFolderError, match="b-seeds.json already exists"):
        seed_configs(replace(config, name="b"), [0])
    assert seed_configs(replace(config, name=""), [5])[0].name == "seeds-001-seed-5"
    (Path(config.runs_dir) / "seeds-001-seed-5").mkdir()
    assert seed_configs(replace(config, name=""), [5])[0].name == "seeds-002-seed-5"
    for seeds in ([], [1, 1]):
        with pytest.raises(OptionError, match="one or more different numbers"):
            seed_configs(config, seeds)
    with pytest.raises(OptionError, match="go_on must come with the name"):
        seed_configs(replace(config, name=""), [0], go_on=True)


def test_going_on_repeats_nothing_that_is_finished(config: Config) -> None:
    all_at_once = [history.evaluations for history in run_seeds(replace(config, name="b"), [0, 1, 2])]
    first, second = seed_configs(config, [0, 1])
    run(first)
    with Run(second) as under_way:
        for record in under_way.records():
            if record.step == 6:
                break
    before = {path: path.stat().st_mtime_ns for path in Path(config.runs_dir, "a-seed-0").iterdir()}
    histories = list(run_seeds(config, [0, 1, 2], go_on=True))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert histories[1].evaluations == all_at_once[1]
    assert histories[2].evaluations == all_at_once[2]
    with pytest.raises(RunFolderError, match="has other settings, so it cannot be resumed"):
        seed_configs(replace(config, lr=0.5), [0], go_on=True)


def test_a_seed_that_diverges_does_not_stop_the_others(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    histories = list(run_seeds(replace(config, lr=1e30, init="kaiming"), [0, 1]))
    assert [history.info.status.split(":")[0] for history in histories] == ["stopped", "stopped"]
    told = json.loads(Path(config.runs_dir, "a-seeds.json").read_text())
    assert told["accuracy"] == {}
    assert not Path(config.plots_dir, "a-seeds.png").exists()


def test_on_the_command_line(
    cifar_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["train", "--steps", "9", "--batch", "20", "--hidden", "8", "--lr", "1e-4", "--no-download"]
    words += ["--data-dir", str(cifar_dir), "--name", "c"]
    assert main([*words, "--seeds", "0,1"]) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines()]
    last = [History.read(Path(f"runs/c-seed-{seed}/history.json")).evaluations[-1].accuracy for seed in (0, 1)]
    assert ["mean", f"{np.mean(last):.4f}"] in [row[:2] for row in rows]
    assert ["±", "std", f"{np.std(last, ddof=1):.4f}"] in [row[:3] for row in rows]
    assert "figure  plots/c-seeds.png" in shown
    assert main([*words, "--seeds", "0,1", "--go-on"]) == 0
    assert "c-seed-0: skipped, already finished" in capsys.readouterr().out
    for wrong, meant in (
        (["--seeds", "0,1", "--seed", "3"], "--seeds: must come without --seed, got both"),
        (["--seeds", "0,x"], "must be integers such as 0,1,2, got '0,x'"),
        (["--go-on"], "--continue: must come with --seeds"),
        (["--continue"], "--continue: must come with --seeds"),
        (["--seeds=-1"], "seed must be an integer ≥ 0, got -1"),
    ):
        assert main([*words, *wrong]) == 1
        assert meant in capsys.readouterr().err
    assert main([*words[:-1], "d", "--seeds", "0,1", "--lr", "1e30", "--init", "kaiming"]) == 3
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines()].count(["1", "stopped"]) == 1
