"""Recipes: the whole way of each kind in short, stopping and resuming."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

import pytest

from mlp_numpy.cli import main
from mlp_numpy.errors import RunFolderError
from mlp_numpy.experiment.signals import Stopped
from mlp_numpy.recipes import Recipe, RecipeResult, Results, Workspace, find_recipe, missing, reproduce, shortened
from mlp_numpy.search import ProcessPool

# of each kind one, and of each figure
SOME = [
    *("earle-mlp-source", "gil-optimizers-sgd", "vannucci-mnist-sigmoid-1e-4", "lian-search-source"),
    "albertini-ascent",
]


@pytest.mark.slow
def test_the_whole_way_in_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", *SOME, "--quick", "--runs-dir", str(tmp_path)]
    assert main([*words, "--report"]) == 0
    out = capsys.readouterr().out
    assert "reproduce 4 trainings" in out
    folder = tmp_path / "quick" / "results"
    kept = {path.name: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert kept.keys() == {f"{name}-0.json" for name in SOME[:-1]}
    assert kept["earle-mlp-source-0.json"]["evaluations"]["step"] == [0, 2]
    assert len(kept["gil-optimizers-sgd-0.json"]["classes"]) == 10
    assert [trial.keys() for trial in kept["lian-search-source-0.json"]["trials"]] == [
        {"lr", "weight_decay", "momentum", "accuracy"}
    ] * 2
    report = (folder / "RESULTS.md").read_text()
    for name, measured in (("earle-mlp-source", "best, test"), ("vannucci-mnist-sigmoid-1e-4", "last, validation")):
        found = kept[f"{name}-0.json"]["evaluations"]["accuracy"]
        value = max(found) if "best" in measured else found[-1]
        assert f"| {value:.4f} ({measured}) | 1/1 |" in report
    assert f"| {kept['lian-search-source-0.json']['test']:.4f} (test) | 1/1 |" in report
    assert "not run: `python -m mlp_numpy reproduce earle-cnn-source`" in report
    drawn = ("earle-mlp", "gil-optimizers", "gil-optimizers-loss", "vannucci-mnist", "lian-search-source/parallel")
    for picture in drawn:
        assert f"({picture}.png)" in report
        assert (folder / f"{picture}.png").stat().st_size > 5000
    assert str(tmp_path) not in "".join(map(json.dumps, kept.values()))
    assert main([*words, "--list"]) == 0
    listed = capsys.readouterr().out
    assert "earle-mlp-source               1/1  0.46" in listed
    assert main(["reproduce", "earle-mlp", "--list", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out.count("not run") == 2
    assert main(["reproduce"]) == 1


@pytest.mark.parametrize("name", ["earle-mlp-source", "vannucci-mnist-sigmoid-1e-4", "lian-search-source"])
@pytest.mark.slow
def test_what_was_stopped_goes_on(name: str, tmp_path: Path) -> None:
    (short,) = map(shortened, find_recipe([name]))
    longer = {"run": {"steps": "6"}, "nodes": {"epochs": "3"}, "search": {"trials": "3"}}[short.kind]
    recipe = replace(short, settings=short.settings | longer)
    whole = Results(tmp_path / "whole")
    *_, last = reproduce([recipe], whole, Workspace("data", tmp_path / "a"))
    assert last.result is not None
    kept, place = Results(tmp_path / "kept"), Workspace("data", tmp_path / "b")
    broken = reproduce([recipe], kept, place)
    first = next(step for step in broken if step.share > 0.5)
    broken.close()
    assert first.result is None
    assert missing([recipe], kept) == [(recipe, 0)]
    moved = replace(place, data_dir="elsewhere", download=False)
    shares = [step.share for step in reproduce([recipe], kept, moved)]
    (one,), (other,) = whole.of(recipe), kept.of(recipe)
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)
    if recipe.kind != "search":
        assert shares[0] >= 1 / 3, "it began again instead of going on"
    assert missing([recipe], kept) == []


@pytest.mark.parametrize("name", ["earle-mlp-source", "vannucci-mnist-sigmoid-1e-4"])
@pytest.mark.slow
def test_a_request_to_stop_waits_until_all_is_saved(name: str, tmp_path: Path) -> None:
    (short,) = map(shortened, find_recipe([name]))
    recipe = replace(short, settings=short.settings | ({"epochs": "2"} if short.kind == "nodes" else {"steps": "6"}))
    whole, kept, place = Results(tmp_path / "whole"), Results(tmp_path / "kept"), Workspace("data", tmp_path / "b")
    deque(reproduce([recipe], whole, Workspace("data", tmp_path / "a")), maxlen=0)
    shares = []
    with pytest.raises(Stopped) as stopped:
        for step in reproduce([recipe], kept, place):
            shares.append(step.share)
            if len(shares) == 3:
                os.kill(os.getpid(), signal.SIGTERM)
    assert (stopped.value.number, str(stopped.value)) == (signal.SIGTERM, "15")
    assert next(reproduce([recipe], kept, place)).share >= shares[-1], "a step was lost"
    deque(reproduce([recipe], kept, place), maxlen=0)
    (one,), (other,) = whole.of(recipe), kept.of(recipe)
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


@pytest.mark.slow
def test_the_command_tells_which_signal_stopped_it(tmp_path: Path) -> None:
    words = ["reproduce", "earle-mlp-source", "--quick", "--runs-dir", str(tmp_path)]
    program = (
        "import os, signal, sys\nfrom mlp_numpy.cli import main, recipes\n"
        "def stopping(*args, of=recipes.reproduce):\n"
        "    for step in of(*args):\n        os.kill(os.getpid(), signal.SIGTERM)\n        yield step\n"
        "recipes.reproduce = stopping\nsys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert done.returncode == 128 + signal.SIGTERM
    assert done.stderr.endswith("error: interrupted, and saved\n")


@pytest.mark.slow
def test_side_by_side_comes_what_comes_one_after_the_other(tmp_path: Path) -> None:
    recipes = [
        shortened(recipe) for recipe in find_recipe(["earle-mlp-source", "earle-mlp-better", "lian-search-source"])
    ]
    one, two = Results(tmp_path / "one"), Results(tmp_path / "two")
    assert len([step for step in reproduce(recipes, one, Workspace("data", tmp_path / "a")) if step.result]) == 3
    ended = list(reproduce(recipes, two, Workspace("data", tmp_path / "b", ProcessPool(2))))
    assert {step.recipe.name for step in ended if step.result} == {recipe.name for recipe in recipes}
    for recipe in recipes:
        (of_one,), (of_two,) = one.of(recipe), two.of(recipe)
        assert replace(of_one, seconds=0.0) == replace(of_two, seconds=0.0)


@pytest.mark.slow
def test_quick_clears_no_run_of_somebody_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["reproduce", "earle-mlp-source", "--quick", "--runs-dir", str(tmp_path)]
    theirs = tmp_path / "quick" / "journal.jsonl"
    theirs.parent.mkdir()
    theirs.touch()
    assert main(words) == 1
    assert theirs.exists()
    assert main([*words, "--all"]) == 1
    err = capsys.readouterr().err
    assert "which holds other files. Hint: another --runs-dir" in err
    assert "names and --all exclude each other, got earle-mlp-source with --all" in err
    assert main([*words, "--jobs", "0"]) == 1
    assert main([*words, "--report-file", "R.md"]) == main([*words, "--results", "R"]) == 1
    assert main(["reproduce", "earle-mlp", "--list", "--report-file", "R.md"]) == 1
    assert main(["reproduce", "--report", "--results", str(tmp_path / "none")]) == 1
    err = capsys.readouterr().err
    assert "jobs must be an integer ≥ 1, got 0" in err
    assert err.count("--quick must come without --results and --report-file") == 2
    assert "--report-file must come with --report" in err
    assert f"--report must have results to report, found none in {tmp_path / 'none'}" in err
    theirs.unlink()
    assert main(words) == main(words) == 0
    figure = tmp_path / "quick" / "results" / "earle-mlp.png"
    assert f"figure  {figure}" in capsys.readouterr().out
    assert figure.stat().st_size > 5000


def test_what_cannot_be_kept_is_not_begun_and_what_ended_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recipe,) = map(shortened, find_recipe(["earle-mlp-source"]))
    (tmp_path / "file").touch()
    place = Workspace("data", tmp_path / "runs")
    with pytest.raises(RunFolderError, match="must take results"):
        next(reproduce([recipe], Results(tmp_path / "file" / "results"), place))
    assert not place.folder.exists()
    kept = Results(tmp_path / "results")

    def full(self: Results, recipe: Recipe, result: RecipeResult) -> None:
        raise RunFolderError("no space")

    with monkeypatch.context() as disk:
        disk.setattr(Results, "write", full)
        with pytest.raises(RunFolderError, match="no space"):
            list(reproduce([recipe], kept, place))
    (only,) = reproduce([recipe], kept, place)
    assert only.result is not None, "it was trained again"
    assert list(place.of(recipe, 0).glob("checkpoint*")) == []


def test_a_net_of_nodes_is_trained_by_one_at_a_time(tmp_path: Path) -> None:
    (recipe,) = map(shortened, find_recipe(["vannucci-mnist-sigmoid-1e-4"]))
    place = Workspace("data", tmp_path)
    first = reproduce([recipe], Results(tmp_path / "results"), place)
    next(first)
    with pytest.raises(RunFolderError, match="in use by another run"):
        next(reproduce([recipe], Results(tmp_path / "results"), place))
    first.close()
