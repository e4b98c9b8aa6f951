"""Searches: what is tried, what a kill leaves, who wins, and how often the test set is opened."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from search_helpers import BASE, grid

from mlp_numpy.cli import main
from mlp_numpy.errors import (
    CallOrderError,
    ExtraMissingError,
    MlpNumpyError,
    NonFiniteError,
    OptionError,
    RunFolderError,
)
from mlp_numpy.experiment import Run
from mlp_numpy.search import Search, Space
from mlp_numpy.training import History, Record

GRID = """
dataset: few-shapes:disk,square
validation: 40
hidden: [8]
batch: 20
steps: 6
eval-every: 3
grid:
  lr: [1e-2, 1e-3, 1e-4]
  seed: [0, 1]
"""


def test_a_trial_that_cannot_be_meant_stops_the_search_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="momentum must come with optimizer"):
        Search(Space({"optimizer": "adam"}, {"momentum": [0.0, 0.9]}), tmp_path / "s")
    assert not (tmp_path / "s").exists()


@pytest.mark.slow
def test_a_search_side_by_side_finds_what_one_after_the_other_finds(tmp_path: Path) -> None:
    alone, together = Search(grid(), tmp_path / "a"), Search(grid(), tmp_path / "b", jobs=2)
    outcomes = {search: list(search.run()) for search in (alone, together)}
    assert len(outcomes[alone]) == len(outcomes[together]) == 8
    for number in range(8):
        one, other = alone.outcome(number), together.outcome(number)
        assert (one.point, one.status, one.best, one.last) == (other.point, other.status, other.best, other.last)
    assert alone.winner == together.winner


def test_the_winner_is_trained_again_and_meets_the_test_set_once(tmp_path: Path) -> None:
    search = Search(grid(), tmp_path / "s")
    with pytest.raises(CallOrderError, match="all trials must have ended"):
        search.train_winner()
    list(search.run())
    best = max(outcome.value for outcome in search.outcomes.values())
    assert search.winner is not None
    assert search.outcome(search.winner).value == best
    history = search.train_winner()
    # the same training, bit by bit
    assert history.best == search.outcome(search.winner).best
    assert len(history.info.test_openings) == 1
    again = Search(grid(), tmp_path / "s")
    list(again.run())
    assert again.train_winner().info == History.read(tmp_path / "s" / history.info.name / "history.json").info


def test_the_winner_of_an_earlier_search_is_not_taken_for_that_of_this_one(tmp_path: Path) -> None:
    for rate in (1e-2, 1e-3):
        search = Search(Space(BASE | {"hidden": (4,)}, {"lr": [rate]}), tmp_path / "s")
        list(search.run())
        assert search.winner == 0
        if rate == 1e-2:
            search.train_winner()
    with pytest.raises(RunFolderError, match=r"winner-000 must .* lr 0\.001, found 0\.01,.*another folder"):
        search.train_winner()


@pytest.mark.slow
def test_a_winner_is_known_by_its_settings_whatever_its_number(tmp_path: Path) -> None:
    base = BASE | {"hidden": (4,)}
    first = Search(Space(base, {"lr": [1e-1]}), tmp_path)
    list(first.run())
    kept = tmp_path / str(first.train_winner().info.name) / "history.json"
    written = kept.read_bytes()
    longer = Search(Space(base, {"lr": [1e30, 1e-1]}), tmp_path)
    list(longer.run())
    assert longer.winner == 1
    assert longer.train_winner().info.name == "winner-000"
    assert kept.read_bytes() == written
    assert [folder.name for folder in tmp_path.glob("winner-*/")] == ["winner-000"]
    other = Search(Space(base, {"lr": [1e30, 1e29, 1e-2]}), tmp_path)
    list(other.run())
    assert other.train_winner().info.name == "winner-002"
    assert (first.openings, other.openings) == (2, 2)


@pytest.mark.slow
def test_a_winners_history_that_tells_nothing_is_written_anew(tmp_path: Path) -> None:
    search = Search(Space(BASE | {"hidden": (4,)}, {"lr": [1e-2]}), tmp_path)
    list(search.run())
    whole = search.train_winner()
    path = tmp_path / "winner-000" / "history.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"about": {}}))
    again = search.train_winner()
    assert (again.info.status, again.info.test) == ("finished", whole.info.test)
    assert search.openings == 1


def test_a_winner_that_is_stopped_ends_like_a_training_and_goes_on_with_data_elsewhere(
    tmp_path: Path, cifar_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mlp_numpy.cli.searches.draw_search", lambda *_: [])
    file, data = tmp_path / "space.yaml", tmp_path / "data"
    file.write_text("dataset: cifar10\nvalidation: 40\nhidden: [4]\nbatch: 20\nsteps: 6\ngrid: {lr: [1e-3]}\n")
    data.symlink_to(cifar_dir)
    words = ["search", str(file), "--runs-dir", str(tmp_path), "--no-download", "--data-dir"]
    records = Run.records

    def stopped(run: Run) -> Iterator[Record]:
        for record in records(run):
            if record.step == 3:
                os.kill(os.getpid(), signal.SIGTERM)
            yield record

    with monkeypatch.context() as patched:
        patched.setattr(Run, "records", stopped)
        assert main([*words, str(data)]) == 128 + signal.SIGTERM
    assert "interrupted after step 3" in capsys.readouterr().out
    data.unlink()
    assert main([*words, str(cifar_dir)]) == 0
    assert ", openings: 1" in capsys.readouterr().out


def test_a_trial_that_diverges_has_no_number_and_never_wins(tmp_path: Path) -> None:
    search = Search(Space(BASE | {"hidden": (4,)}, {"lr": [1e30, 1e-2]}), tmp_path / "s")
    diverged, fine = list(search.run())
    assert diverged.status.startswith("diverged: Trainer.run")
    assert diverged.best is None and math.isnan(diverged.value)
    assert search.winner == 1
    assert [outcome.status for outcome in Search(search.space, tmp_path / "s").run()] == [diverged.status, fine.status]


@pytest.mark.slow
def test_killed_and_begun_again_it_repeats_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(GRID)
    words = ["search", str(file), "--runs-dir", str(tmp_path), "--name", "killed"]
    command = [sys.executable, "-m", "mlp_numpy", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        # the first line tells what is searched, each other one that a trial has ended
        for _ in range(3):
            process.stdout.readline()
        process.kill()
    journal = tmp_path / "killed" / "journal.jsonl"
    before = journal.read_bytes()
    assert before.count(b"\n") >= 3
    with journal.open("ab") as torn:
        torn.write(b'{"point": {"lr": 0.1')
    assert main(words) == 0
    out = capsys.readouterr().out
    after = journal.read_bytes()
    assert after.startswith(before)
    entries = [json.loads(line) for line in after.splitlines()[1:]]
    assert len({json.dumps(entry["point"]) for entry in entries}) == len(entries) == 6
    assert main([*words[:-1], "whole"]) == 0
    whole = [json.loads(line) for line in (tmp_path / "whole" / "journal.jsonl").read_text().splitlines()[1:]]
    assert [(e["point"], e["best"], e["last"]) for e in entries] == [(e["point"], e["best"], e["last"]) for e in whole]
    assert "6 trials of lr, seed, 1 side by side" in out
    assert ", openings: 1" in out
    names = {path.name.split("-")[0] for path in (tmp_path / "killed").iterdir()}
    assert names == {"journal.jsonl", "tables.md", "heat", "parallel.png", "winner"}
    assert (tmp_path / "killed" / "tables.md").read_text().startswith("| learning rate \\ seed | 0 | 1 |")


def test_without_joblib_there_is_one_job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "joblib", None)
    search = Search(Space(BASE | {"hidden": (4,)}, {"lr": [1e-2]}), tmp_path / "s", jobs=2)
    with pytest.raises(ExtraMissingError, match=r"joblib must be installed.*or --jobs 1"):
        list(search.run())
    assert len(list(Search(search.space, tmp_path / "s").run())) == 1


def test_where_all_diverged_there_is_no_winner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = Space(BASE | {"clip_norm": 0.0}, {"lr": [1e30, 1e35]})
    search = Search(space, tmp_path / "s")
    with pytest.raises(CallOrderError, match="all trials must have ended"):
        search.train_winner()
    assert all(outcome.status.startswith("diverged") for outcome in search.run())
    assert search.winner is None
    with pytest.raises(NonFiniteError, match="some trial must have a result, but all diverged"):
        search.train_winner()
    path = tmp_path / "off.yaml"
    path.write_text(
        "\n".join(
            [*(f"{n}: {list(v) if isinstance(v, tuple) else v}" for n, v in BASE.items()), "grid:", "  lr: [1.0e+30]"]
        )
    )
    assert main(["search", str(path), "--runs-dir", str(tmp_path)]) == 1
    assert "winner  none: all trials diverged" in capsys.readouterr().out


@pytest.mark.parametrize("number", [-1, 2, None, "0", 0.5, True])
def test_trials_are_asked_for_by_their_number(tmp_path: Path, number: Any) -> None:
    search = Search(Space(BASE, {"lr": [0.1, 0.01]}), tmp_path)
    with pytest.raises(MlpNumpyError, match=r"Search.outcome: number must be"):
        search.outcome(number)
    with pytest.raises(CallOrderError, match="trial 0 must have ended"):
        search.outcome(0)
