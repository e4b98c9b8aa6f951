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

import numpy as np
import pytest

from mlp_numpy.cli import main
from mlp_numpy.config import read_tree
from mlp_numpy.errors import (
    CallOrderError,
    DataError,
    ExtraMissingError,
    MlpNumpyError,
    NonFiniteError,
    OptionError,
    RunFolderError,
)
from mlp_numpy.experiment import Run
from mlp_numpy.search import Journal, Range, Search, Space, TrialResult, read_space, table_text, tables
from mlp_numpy.training import EvaluationRecord, History, Record

BASE = {
    "dataset": "few-shapes",
    "validation": 100,
    "batch": 20,
    "steps": 6,
    "eval_every": 3,
    "preprocessing": "standardize",
    "init": "kaiming",
}
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


def grid() -> Space:
    return Space(BASE, {"lr": [1e-1, 1e-2], "weight_decay": [0.0, 1e-4], "hidden": [(4,), ()]})


def test_a_grid_has_every_combination() -> None:
    points = grid().points()
    assert len(points) == 8
    assert {(p["lr"], p["weight_decay"], p["hidden"]) for p in points} == {
        (lr, decay, hidden) for lr in (0.1, 0.01) for decay in (0.0, 1e-4) for hidden in ((4,), ())
    }
    assert grid().config(points[0]).held_out == "validation"


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        *((name, value, "what is measured") for name, value in (("held_out", "test"), ("validation", 50))),
        *((name, value, "what is measured") for name, value in (("split", "last"), ("dataset", "mnist"))),
        *((name, value, "no result") for name, value in (("data_dir", "a"), ("name", "b"), ("checkpoint_every", 1))),
    ],
)
def test_what_winners_are_chosen_by_is_the_same_in_all_trials(name: str, value: object, why: str) -> None:
    with pytest.raises(OptionError, match=f"{name} must be the same in all trials, since it changes {why}"):
        Space({}, {"lr": [0.1], name: [value]})


def test_no_more_is_drawn_than_there_is() -> None:
    axes = {"lr": [0.1, 0.2], "seed": [0, 1, 2]}
    points = Space({}, axes, trials=40).points()
    assert len({(point["lr"], point["seed"]) for point in points}) == len(points) == 6
    assert len(Space({}, axes | {"momentum": Range(0, 0.9, log=False)}, trials=40).points()) == 40


def test_random_draws_are_the_seeds_and_cover_their_ranges() -> None:
    axes = {"lr": Range(1e-5, 1e-1, log=True), "batch": Range(10, 50, log=False, whole=True), "hidden": [(8,), (9,)]}
    free = {name: value for name, value in BASE.items() if name != "batch"}
    points = Space(free, axes, trials=200).points()
    rates = np.array([point["lr"] for point in points])
    assert rates.min() >= 1e-5 and rates.max() <= 1e-1
    # even in the logarithm: a quarter in each of the four decades, within three standard deviations
    assert all(abs(np.sum((rates >= 10.0**k) & (rates < 10.0 ** (k + 1))) - 50) < 20 for k in range(-5, -1))
    assert {type(point["batch"]) for point in points} == {int}
    assert {point["hidden"] for point in points} == {(8,), (9,)}
    assert Space(free, axes, trials=40).points() == points[:40]
    assert Space(free, axes, trials=200, draws=1).points() != points


def test_a_file_of_a_search(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(
        "optimizer: sgd\nhidden: [512, 32]\nrandom:\n  lr: log 1e-4 1e-1\n  momentum: uniform 0 0.9\n"
        "  weight-decay: [0, 1e-3]\ntrials: 5\ndraws: 7\n"
    )
    found = read_space(path)
    assert found.base == {"optimizer": "sgd", "hidden": (512, 32)}
    axes = {"lr": Range(1e-4, 0.1, log=True), "momentum": Range(0, 0.9, log=False), "weight_decay": [0.0, 1e-3]}
    assert found == Space({"optimizer": "sgd", "hidden": (512, 32)}, axes, 5, 7)


@pytest.mark.parametrize(
    ("text", "kind", "problem"),
    [
        ("lr: 0.1\n", DataError, "either 'grid:' or 'random:'"),
        ("grid: {lr: [0.1]}\nrandom: {lr: [0.1]}\n", DataError, "either 'grid:' or 'random:'"),
        ("random: {lr: log 1 2}\n", DataError, "how many trials"),
        ("random: {lr: log 1 2}\ntrials: x\n", DataError, "trials must be an integer"),
        ("random: {lr: 1 to 2}\ntrials: 3\n", DataError, "lr must be a list of values"),
        ("random: {optimizer: log 1 2}\ntrials: 3\n", DataError, "optimizer must be a list of values"),
        ("random: {lr: log 0 2}\ntrials: 3\n", OptionError, "0 < low < high"),
        ("grid: {lr: log 1 2}\n", OptionError, "must list its values in a grid"),
        ("grid: {lr: []}\n", OptionError, "lr must have values"),
        ("grid: {}\n", OptionError, "settings to vary"),
        ("lr: 1\ngrid: {lr: [2]}\n", OptionError, "lr must be the same in all trials or varied"),
        ("grid: {rate: [2]}\n", DataError, "unknown setting rate"),
        ("grid: {lr: [1]}\nlr: 1\nlr: 2\n", DataError, "must come once"),
        ("grid: {lr: [!!python/name:os.system ]}\n", DataError, "expected a plain value"),
        ("grid: {lr: [null]}\n", DataError, "expected a plain value.*got none"),
        ("grid:\n", DataError, "values or settings below the name, got none"),
        ("grid: {lr: 0.1}\n", DataError, "lr must be a list of values, got '0.1'"),
        ("grid: {hidden: [[[1]]]}\n", DataError, "hidden must be a list of integers"),
        ("grid: {lr: [1]}\nhidden: [[1]]\n", DataError, "hidden must be a list of integers"),
        ("grid: &a {lr: *a}\n", DataError, "found some without an end"),
        ("random: {lr: log 1 2}\ntrials: ²\n", DataError, "trials must be an integer"),
        ("random: {lr: log 1 2}\ntrials: 3\ndraws: 4294967296\n", OptionError, "draws must be an integer from 0"),
        ("random: {neg_slope: uniform -1.7e308 1.7e308}\ntrials: 3\n", OptionError, "high - low must be a finite"),
    ],
)
def test_what_is_no_search_is_refused(tmp_path: Path, text: str, kind: type[Exception], problem: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(text)
    with pytest.raises(kind, match=problem):
        read_space(path)


def test_a_trial_that_cannot_be_meant_stops_the_search_before_the_first(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="momentum must come with optimizer"):
        Search(Space({"optimizer": "adam"}, {"momentum": [0.0, 0.9]}), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_names_and_texts_of_a_file_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("first-name: 007\nmore: {lr: 1e-3, on: [yes, [2, 3]]}\n")
    assert read_tree("test", path) == {"first_name": "007", "more": {"lr": "1e-3", "on": ["yes", ["2", "3"]]}}


def test_the_journal_keeps_what_ended_and_drops_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"hidden": (1, 2)}).add({"a": 1})
    whole = path.read_bytes()
    for torn in (b'{"b": 2', b'{"b": 2}', b"\0\0\0\n"):
        path.write_bytes(whole + torn)
        journal = Journal(path, {"hidden": (1, 2)})
        assert journal.entries == [{"a": 1}]
        assert path.read_bytes() == whole
    journal.add({"b": 3})
    assert Journal(path, {"hidden": [1, 2]}).entries == [{"a": 1}, {"b": 3}]
    path.write_bytes(whole + b"half\n" + whole)
    with pytest.raises(DataError, match="line 3 is damaged"):
        Journal(path, {"hidden": (1, 2)})


def test_a_journal_tells_how_it_is_another_searchs(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"hidden": (1, 2), "steps": 6})
    # a setting that is newer than the journal, and has no effect
    Journal(path, {"hidden": (1, 2), "steps": 6, "momentum": 0.0})
    differs = r"hidden \[1\], found \[1, 2\]; momentum 0.5, found none, which means 0.0; steps varied, found 6\."
    with pytest.raises(RunFolderError, match=differs + " Hint: another folder"):
        Journal(path, {"hidden": (1,), "momentum": 0.5})
    for line in ("{}", '{"format": 2, "base": {}}', '{"format": 1, "base": 3}'):
        path.write_text(line + "\n")
        with pytest.raises(DataError, match="must begin with format 1 and a base, line 1 has others"):
            Journal(path, {})


TRIAL = {"point": {"lr": 0.1}, "status": "finished", "seconds": 1.0, "last": None}
BEST = {"step": 1, "loss": 0.5, "accuracy": 0.5}


@pytest.mark.parametrize(
    ("entry", "kind", "problem"),
    [
        ({}, DataError, "must hold a trial of a search, got KeyError"),
        (TRIAL, DataError, "KeyError.'best'"),
        (TRIAL | {"best": {"x": 1}}, DataError, "KeyError.'step'"),
        (TRIAL | {"best": [1]}, DataError, "TypeError"),
        (TRIAL | {"best": BEST, "seconds": "abc"}, DataError, "'abc'"),
        (TRIAL | {"best": BEST | {"accuracy": 7.0}}, DataError, "accuracy 7.0"),
        (TRIAL | {"best": BEST | {"accuracy": None}}, DataError, "TypeError"),
        (TRIAL | {"best": BEST, "point": {"seed": 1}}, RunFolderError, "search, of lr, found a trial of seed"),
    ],
)
def test_a_line_that_is_no_trial_of_the_search_is_refused(
    tmp_path: Path, entry: dict[str, Any], kind: type[Exception], problem: str
) -> None:
    search = Search(Space(BASE, {"lr": [0.1]}), tmp_path)
    next(search.run())
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps(entry) + "\n")
    with pytest.raises(kind, match=problem) as caught:
        next(Search(search.space, tmp_path).run())
    assert str(tmp_path / "journal.jsonl") in str(caught.value)
    assert "line 3" in str(caught.value)


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
    best = max(outcome.accuracy for outcome in search.outcomes.values())
    assert search.winner is not None
    assert search.outcome(search.winner).accuracy == best
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


def test_a_search_goes_with_the_process_that_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)
    space = Space(BASE | {"hidden": (4,)}, {"lr": [1e-2, 1e-3]})
    # No process has this number.
    alone, gone = Search(space, tmp_path, parent=os.getppid()), Search(space, tmp_path, parent=-1)
    with pytest.raises(SystemExit):
        next(gone.run())
    assert not gone.outcomes
    next(alone.run())
    # Processes of its own wait for it, and not for its parent.
    together = Search(space, tmp_path, jobs=2, parent=os.getppid())
    assert len(list(together.run())) == len(list(gone.run())) == 2
    with pytest.raises(SystemExit):
        gone.train_winner()
    assert gone.openings == 0
    assert together.train_winner().info.status == "finished"


def test_a_trial_that_diverges_has_no_number_and_never_wins(tmp_path: Path) -> None:
    search = Search(Space(BASE | {"hidden": (4,)}, {"lr": [1e30, 1e-2]}), tmp_path / "s")
    diverged, fine = list(search.run())
    assert diverged.status.startswith("diverged: Trainer.run")
    assert diverged.best is None and math.isnan(diverged.accuracy)
    assert search.winner == 1
    assert [outcome.status for outcome in Search(search.space, tmp_path / "s").run()] == [diverged.status, fine.status]


def test_the_table_has_rates_as_rows_and_decays_as_columns() -> None:
    space = Space({}, {"weight_decay": [0.0, 1e-4, 1e-3], "hidden": [(4,), ()], "lr": [1e-2, 1e-3]})

    def outcome(accuracy: float, **point: object) -> TrialResult:
        record = EvaluationRecord(1, 0.0, accuracy)
        return TrialResult(point, "finished", record, record, 1.0)

    known = [
        outcome(0.5, lr=1e-2, weight_decay=1e-4, hidden=(4,)),
        outcome(0.25, lr=1e-3, weight_decay=0.0, hidden=()),
        outcome(0.75, lr=1e-3, weight_decay=1e-3, hidden=(4,)),
    ]
    first, second = tables(space, known)
    assert first.fixed == {"hidden": (4,)}
    np.testing.assert_array_equal(first.values, [[np.nan, 0.5, np.nan], [np.nan, np.nan, 0.75]])
    np.testing.assert_array_equal(second.values, [[np.nan] * 3, [0.25, np.nan, np.nan]])
    assert table_text(first).splitlines() == [
        "hidden 4",
        "",
        "| learning rate \\ weight decay | 0 | 0.0001 | 0.001 |",
        "|---|---|---|---|",
        "| 0.01 | – | 0.5000 | – |",
        "| 0.001 | – | – | **0.7500** |",
    ]
    assert tables(Space({}, {"lr": [0.1]}), known) == []


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


def test_without_scikit_learn_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ExtraMissingError, match=r"scikit-learn must be installed.*mlp_numpy\[search\]"):
        grid().points()


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
