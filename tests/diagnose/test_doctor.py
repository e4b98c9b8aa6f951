"""The doctor finds what ails nets that were made ill on purpose, and nothing in a healthy one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny

from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.sources import Loaded
from mlp_numpy.diagnose import Finding, examine, examine_run
from mlp_numpy.errors import DataNotFoundError, NonFiniteError
from mlp_numpy.experiment import Run, build, run
from mlp_numpy.training import load_checkpoint, save_checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")

Serve = Callable[[Dataset], None]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Lets every run have a given data set."""
    return lambda dataset: monkeypatch.setattr(build, "load_dataset", lambda *_, **__: Loaded(dataset))


@pytest.fixture
def config(serve: Serve, tmp_path: Path) -> Config:
    serve(tiny())
    return Config(
        lr=0.05,
        steps=200,
        batch=30,
        hidden=(16,),
        init="kaiming",
        preprocessing="standardize",
        eval_every=50,
        runs_dir=str(tmp_path / "runs"),
        plots_dir=str(tmp_path / "plots"),
    )


def verdicts(findings: list[Finding]) -> dict[str, str]:
    found = {finding.name: finding.status for finding in findings}
    assert len(found) == len(findings)
    assert all(bool(finding.advice) == (finding.status != "ok") for finding in findings)
    return found


def test_a_healthy_net_is_all_fine_and_nothing_is_written(config: Config) -> None:
    before = verdicts(examine(config))
    assert set(before.values()) == {"ok"}
    assert not Path(config.runs_dir).exists()
    folder = run(config).folder
    files = {path: path.read_bytes() for path in folder.iterdir()}
    after = verdicts(examine_run(folder))
    assert set(after.values()) == {"ok"}
    assert len(after) == len(before) + 7
    assert {path: path.read_bytes() for path in folder.iterdir()} == files


def test_a_learning_rate_far_too_high(config: Config) -> None:
    ill = replace(config, lr=100.0)
    found = verdicts(examine(ill))
    assert found["update / weight at the start"] == found["overfit one batch"] == "error"
    assert found["first loss"] == found["input scale"] == "ok"
    under_way = Run(ill)
    with pytest.raises(NonFiniteError):
        list(under_way.records())
    assert verdicts(examine_run(under_way.folder))["run status"] == "error"


def test_a_learning_rate_far_too_low(config: Config) -> None:
    findings = {finding.name: finding for finding in examine(replace(config, lr=1e-7))}
    assert findings["overfit one batch"].status == "warning"
    assert "of the learning rate" in findings["overfit one batch"].advice


def test_dead_units(config: Config) -> None:
    folder = run(replace(config, neg_slope=0.0)).folder
    assert verdicts(examine_run(folder))["dead units now"] == "ok"
    found = load_checkpoint(folder)
    found.state["model/0.bias"][...] = -100
    save_checkpoint(folder, found.state, found.history, found.about)
    ill = verdicts(examine_run(folder))
    assert ill["dead units now"] == ill["gradients now"] == "error"
    assert ill["dead units at the start"] == "ok"


def test_raw_pixels_with_weights_for_scaled_ones(config: Config) -> None:
    found = verdicts(examine(replace(config, preprocessing="raw")))
    assert found["input scale"] == found["first loss"] == "error"


@pytest.mark.parametrize("std", [0.0, 1e-4])
def test_weights_too_small_for_a_deep_net(config: Config, std: float) -> None:
    ill = replace(config, init="normal", init_std=std, hidden=(16, 16, 16, 16))
    found = verdicts(examine(ill))
    assert found["gradients at the start"] == found["update / weight at the start"] == "error"
    assert found["gradients at the start"] == found["overfit one batch"] == "error"


def test_labels_of_other_images(config: Config, serve: Serve) -> None:
    whole, rng = tiny(), np.random.default_rng(3)
    shuffled = [Split(split.images, rng.permutation(split.labels)) for split in (whole.train, whole.test)]
    serve(replace(whole, train=shuffled[0], test=shuffled[1]))
    assert verdicts(examine_run(run(config).folder))["accuracy above chance"] == "error"


def test_learning_by_heart_and_stopping_too_early(config: Config, serve: Serve) -> None:
    whole = tiny()
    few = Split(whole.train.images[:40], np.random.default_rng(0).permutation(whole.train.labels[:40]))
    serve(replace(whole, train=few))
    ill = verdicts(examine_run(run(replace(config, optimizer="adam", lr=0.01)).folder))
    assert ill["generalization gap"] == "warning"
    serve(whole)
    short = verdicts(examine_run(run(replace(config, lr=2e-3)).folder))
    assert short["convergence"] == "warning"


def test_classes_of_unequal_size(config: Config, serve: Serve) -> None:
    whole = tiny()
    for kept, verdict in ((10, "warning"), (0, "error")):
        rows = np.concatenate([np.flatnonzero(whole.train.labels != 2), np.flatnonzero(whole.train.labels == 2)[:kept]])
        serve(replace(whole, train=Split(whole.train.images[rows], whole.train.labels[rows])))
        assert verdicts(examine(config))["class balance"] == verdict


def test_data_that_stand_in_for_others_are_worth_a_look(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    first = examine(config)[0]
    assert first.measured == f"{len(tiny().train):,} images of {tiny().name} to train on"
    warned = Loaded(tiny(), "THIS IS NOT IT.\nIt could not be had.\nWhy: a long story")
    monkeypatch.setattr(build, "load_dataset", lambda *_, **__: warned)
    found = examine(config)[0]
    assert (found.name, found.status, found.advice) == ("data", "warning", "THIS IS NOT IT. It could not be had.")


def test_on_the_command_line(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--lr", "0.05", "--batch", "30", "--hidden", "16", "--preprocessing", "standardize", "--init", "kaiming"]
    assert main(["doctor", *words]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert rows[0].split() == ["measured", "status", "what", "to", "do"]
    assert all(row.rstrip().endswith(" ok") for row in rows[1:])
    assert main(["doctor", str(run(replace(config, lr=100.0, steps=2)).folder)]) == 1
    assert "a smaller learning rate" in capsys.readouterr().out
    with pytest.raises(DataNotFoundError, match="must be the folder of a run"):
        examine_run(Path("nowhere"))
    assert main(["doctor", "nowhere"]) == 1
