"""Recipes: what stands on the shelf, the whole way of each kind in short, resuming, and a report from files alone."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.cli import main
from mlp_numpy.config import Tree
from mlp_numpy.errors import DataError, OptionError, RunFolderError
from mlp_numpy.experiment.signals import Stopped
from mlp_numpy.recipes import (
    Recipe,
    RecipeResult,
    Results,
    Workspace,
    catalog,
    draw_figures,
    find_recipe,
    missing,
    reproduce,
    rows,
    shortened,
    trained,
    write_report,
)
from mlp_numpy.recipes.figures import _above_the_start
from mlp_numpy.recipes.recipe import recipes_of
from mlp_numpy.recipes.reproduce import RecipeProgress

# of each kind one, and of each figure
SOME = [
    *("earle-mlp-source", "gil-optimizers-sgd", "vannucci-mnist-sigmoid-1e-4", "lian-search-source"),
    "albertini-ascent",
]
TREE: Tree = {"source": "S", "place": "table 1", "subject": "nets", "kind": "run", "title": "a net", "seconds": "9"}


def recipe_of(**others: object) -> Recipe:
    return Recipe("one", "one", "nets", "a net", "S", "table 1", "run", {"lr": "0.1"}, **others)


def test_every_source_has_its_recipes() -> None:
    people = ("Vannucci", "Earle", "Gil Álamo", "Albertini", "Lian")
    assert {name for name in people for recipe in catalog() if name in recipe.source} == set(people)
    assert len({recipe.source for recipe in catalog()} - {"mlp_numpy"}) == len(people)


@pytest.mark.parametrize("recipe", catalog(), ids=lambda recipe: recipe.name)
def test_a_recipe_is_whole(recipe: Recipe) -> None:
    assert [other for other in catalog() if other.name == recipe.name] == [recipe]
    recipe.check()
    assert (recipe.command == "") == (recipe.kind != "elsewhere")
    if recipe.kind != "elsewhere":
        assert trained(recipe).seconds > 0
        assert len(set(recipe.seeds)) == len(recipe.seeds) >= 1
        assert missing([recipe], Results(Path("nowhere")))
        short = shortened(recipe)
        assert short.settings != recipe.settings
        short.check()
    if not recipe.better and recipe.experiment != "earle-proposed":
        assert recipe.reported
    if recipe.kind == "run":
        steps, every = recipe.config(0).steps, recipe.config(0).eval_every
        assert steps // every >= 2
    beside = [other.label for other in catalog() if other.experiment == recipe.experiment]
    assert beside.count(recipe.label) == 1, "its curve is that of another one"
    if recipe.within:
        (whole,) = find_recipe([recipe.within])
        unit = "epochs" if recipe.kind == "nodes" else "steps"
        assert recipe.settings | {unit: whole.settings[unit]} == whole.settings
        assert set(recipe.seeds) <= set(whole.seeds) and not whole.within
        assert int(recipe.settings[unit]) <= int(whole.settings[unit])
        if recipe.kind == "run":
            assert recipe.config(0).schedule == "constant" and steps % every == 0


def test_a_table_of_the_source_has_the_cells_of_the_search() -> None:
    grids = [recipe for recipe in catalog() if recipe.table]
    assert len(grids) == 2
    for recipe in grids:
        axes = recipe.space(0).axes
        assert {len(row) for row in recipe.table} == {len(axes["weight_decay"])}
        assert len(recipe.table) == len(axes["lr"])
        best = max(float(cell) for row in recipe.table for cell in row)
        assert recipe.reported == f"{best} at best"


def test_recipes_are_found_by_their_own_and_their_experiments_name() -> None:
    twice = find_recipe(["earle-mlp", "earle-mlp-source"])
    assert [recipe.name for recipe in twice] == ["earle-mlp-source", "earle-mlp-better"]
    seconds = [trained(recipe).seconds for recipe in find_recipe(["gil-batches-3", "earle-mlp"])]
    assert seconds == sorted(seconds)
    with pytest.raises(OptionError, match="unknown recipe 'earl-mlp'. Did you mean 'earle-mlp'"):
        find_recipe(["earl-mlp"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"kind": "walk"}, "kind must be one of run, nodes, search, elsewhere, got 'walk'"),
        ({"figure": "big"}, "figure must be one of"),
        ({"author": "x"}, "has also {'author'}"),
        ({"settings": {"rate": "1"}}, "unknown setting rate"),
        ({"kind": "nodes", "settings": {"rate": "1"}}, "must be those of a tape network, got 'rate'"),
        ({"kind": "nodes", "settings": {"activation": "tanh"}}, "activation must be one of relu, sigmoid"),
        ({"kind": "search", "settings": {}}, "either 'grid:' or 'random:'"),
    ],
)
def test_a_file_that_holds_no_recipes_is_refused(change: Tree, problem: str) -> None:
    assert recipes_of("fine", TREE)[0].name == "fine"
    with pytest.raises(DataError, match=problem):
        recipes_of("off", TREE | change)


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


@pytest.mark.parametrize("name", ["earle-mlp-source", "earle-depth-three", "gil-optimizers-sgd"])
def test_what_diverged_before_it_was_evaluated_stands_in_the_report(name: str, tmp_path: Path) -> None:
    (recipe,), kept = map(shortened, find_recipe([name])), Results(tmp_path)
    nothing: dict[str, list[float]] = {"step": [], "loss": [], "accuracy": []}
    about = {"status": "diverged: at step 1"}
    result = RecipeResult(recipe.name, 0, recipe.settings, about, 1.0, evaluations=nothing, train=nothing)
    kept.write(recipe, result)
    assert draw_figures([recipe], kept) == []
    assert rows([recipe], kept)[0].ours == "1 diverged"
    within = replace(recipe, name="within", within=recipe.name, seeds=(0,))
    assert kept.of(within)[0].diverged
    kept.write(recipe, replace(result, evaluations={}, train={}))
    assert kept.of(within)[0].diverged


def test_a_search_tells_how_many_of_its_trials_diverged(tmp_path: Path) -> None:
    (recipe,), kept = map(shortened, find_recipe(["earle-grid-7"])), Results(tmp_path)
    trials = [{"lr": 0.1, "weight_decay": 0.0, "accuracy": accuracy} for accuracy in (0.5, None)]
    kept.write(recipe, RecipeResult(recipe.name, 0, recipe.settings, {"status": "finished"}, 1.0, trials=trials))
    assert rows([recipe], kept)[0].ours == "0.5000 (best, test), 1 of 2 trials diverged"


@pytest.mark.slow
def test_side_by_side_comes_what_comes_one_after_the_other(tmp_path: Path) -> None:
    recipes = [
        shortened(recipe) for recipe in find_recipe(["earle-mlp-source", "earle-mlp-better", "lian-search-source"])
    ]
    one, two = Results(tmp_path / "one"), Results(tmp_path / "two")
    assert len([step for step in reproduce(recipes, one, Workspace("data", tmp_path / "a")) if step.result]) == 3
    ended = list(reproduce(recipes, two, Workspace("data", tmp_path / "b", jobs=2)))
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
    assert "jobs must be ≥ 1, got 0" in err
    assert err.count("--quick must come without --results and --report-file") == 2
    assert "--report-file must come with --report" in err
    assert f"--report must have results to report, found none in {tmp_path / 'none'}" in err
    theirs.unlink()
    assert main(words) == main(words) == 0
    figure = tmp_path / "quick" / "results" / "earle-mlp.png"
    assert f"figure  {figure}" in capsys.readouterr().out
    assert figure.stat().st_size > 5000


def test_a_result_is_of_its_settings(tmp_path: Path) -> None:
    recipe, kept = recipe_of(seeds=(0, 1)), Results(tmp_path)
    kept.write(recipe, RecipeResult("one", 0, {"lr": "0.1"}, {"status": "finished"}, 1.0))
    assert [seed for _, seed in missing([recipe], kept)] == [1]
    assert [seed for _, seed in missing([replace(recipe, settings={"lr": "0.2"})], kept)] == [0, 1]
    good = json.loads(kept.path(recipe, 0).read_text())
    damages: list[dict[str, object]] = [
        *({"recipe": "two"}, {"seed": 7}, {"settings": []}, {"about": {}}, {"seconds": None}, {"evaluations": None}),
        *({"evaluations": {"step": [1]}}, {"train": {"step": [1], "loss": [1.0], "accuracy": []}}),
        {"train": {"step": [1], "loss": ["a"], "accuracy": [0.5]}},
        *({"test": "0.5"}, {"trials": 3}, {"trials": [{}]}, {"trials": [{"accuracy": "0.5"}]}),
    ]
    for damaged in ({}, *(good | damage for damage in damages)):
        kept.path(recipe, 0).write_text(json.dumps(damaged))
        with pytest.raises(DataError, match="one-0.json must be the result of a recipe"):
            kept.of(recipe)


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


def test_a_recipe_within_another_one_is_its_beginning(tmp_path: Path) -> None:
    (recipe,) = find_recipe(["gil-batches-3-batch-24-epochs-30"])
    (whole,) = find_recipe([recipe.within])
    kept, last = Results(tmp_path), recipe.config(0).steps
    assert missing([recipe, whole], kept) == [(whole, 0)]
    steps = [0.0, last / 2, float(last), 1.5 * last]
    curve = {"step": steps, "loss": [4.0, 3.0, 2.0, 1.0], "accuracy": [0.1, 0.2, 0.3, 0.4]}
    about = {"status": "finished"}
    seconds = whole.config(0).steps / 10
    kept.write(whole, RecipeResult(whole.name, 0, whole.settings, about, seconds, evaluations=curve, train=curve))
    (found,) = kept.of(recipe)
    assert found.value("last") == 0.3
    assert (found.recipe, found.seconds) == (recipe.name, last / 10)
    assert found.train["step"] == found.evaluations["step"] == steps[:3]
    assert missing([recipe, whole], kept) == []
    assert kept.of(replace(recipe, settings=recipe.settings | {"lr": "1"})) == []


def test_a_net_of_nodes_within_another_one_goes_by_epochs(tmp_path: Path) -> None:
    recipe, base = find_recipe(["vannucci-mnist-sigmoid-1e-4", "gil-variants-base"])
    (whole,) = find_recipe([recipe.within])
    kept = Results(tmp_path)
    assert missing([base], kept) == [(whole, 0)]
    assert missing([base, recipe], kept) == [(whole, 0), (whole, 1), (whole, 2)]
    steps = [430.0 * epoch for epoch in range(21)]
    curve = {"step": steps, "loss": [1.0] * 21, "accuracy": [epoch / 100 for epoch in range(21)]}
    result = RecipeResult(whole.name, 0, whole.settings, {"status": "finished"}, 200.0, evaluations=curve, train=curve)
    kept.write(whole, result)
    (found,) = kept.of(recipe)
    assert (found.value("last"), found.seconds, found.evaluations["step"][-1]) == (0.1, 100.0, 4300)
    assert kept.of(base)[0].value("last") == 0.2
    early = {name: column[:5] for name, column in curve.items()}
    kept.write(whole, replace(result, about={"status": "diverged: x"}, evaluations=early, train=early))
    assert kept.of(recipe)[0].diverged and kept.of(recipe)[0].evaluations["step"] == steps[:5]


def test_the_report_says_what_the_results_say(tmp_path: Path) -> None:
    recipe, kept = recipe_of(seeds=(0, 1, 2), reported="0.5", differs="Nothing."), Results(tmp_path / "results")
    for seed, accuracies in enumerate(([0.1, 0.5, 0.4], [0.1, 0.2, 0.6])):
        about = {"status": "finished" if seed else "diverged: at step 3"}
        evaluations = {"step": [0, 1, 2], "loss": [1.0, 1.0, 1.0], "accuracy": accuracies}
        kept.write(recipe, RecipeResult("one", seed, recipe.settings, about, 10.0 + seed, evaluations=evaluations))
    (row,) = rows([recipe], kept)
    assert (row.ours, row.state) == ("0.6000 (last, test), 1 diverged", "2/3")
    result = kept.of(recipe)[1]
    kept.write(recipe, replace(result, seed=2, evaluations=result.evaluations | {"accuracy": [0.1, 0.9, 0.4]}))
    # the standard deviation of 0.6 and 0.4: √(2 · 0.1² / (2 − 1))
    assert rows([recipe], kept)[0].ours == f"0.5000 ± {math.sqrt(0.02):.4f} (last, test), 1 diverged"
    assert rows([replace(recipe, measured="best")], kept)[0].ours == "0.7500 ± 0.2121 (best, test), 1 diverged"
    chosen = replace(recipe, name="chosen", seeds=(0, 1))
    for seed, status in enumerate(("finished", "stopped early")):
        of_seed = replace(result, recipe="chosen", seed=seed, about={"status": status}, part="validation")
        kept.write(chosen, replace(of_seed, test=0.3 + seed / 5))
    assert rows([chosen], kept)[0].ours == "0.6000 ± 0.0000 (best, validation), 0.4000 ± 0.1414 (test), 1 stopped early"
    other = replace(recipe, name="two", title="better net", better=True, settings={"lr": "1"}, seconds=7)
    (kept.folder / "note.txt").write_text("On a copy.\n")
    write_report(tmp_path / "new" / "R.md", [recipe, other], kept, [kept.folder / "one.png"])
    report = (tmp_path / "new" / "R.md").read_text()
    assert "| a net | 0.5 | 0.5000 ± 0.1414 (last, test), 1 diverged | 3/3 | 11 |" in report
    assert "from the files in\n`../results`" in report
    assert "PyTorch here |" not in report
    Results(kept.folder / "pytorch").write(recipe, replace(result, seed=0))
    write_report(tmp_path / "P.md", [recipe, other], kept, [])
    compared = (tmp_path / "P.md").read_text()
    assert "| reported | here | PyTorch here | seeds | seconds a seed |\n|---|---|---|---|---|---|\n" in compared
    assert "1 diverged | 0.6000 (last, test) | 3/3 | 11 |" in compared
    assert "`python -m mlp_numpy reproduce two` | – | 0/3 | about 7 |" in compared
    write_report(tmp_path / "W.md", find_recipe(["vannucci-mnist-sigmoid-1e-4"]), kept, [])
    within = (tmp_path / "W.md").read_text()
    assert "| sigmoid, lr 1e-4 (from `gil-activations-sigmoid`) | 0.9646 | not run: " in within
    assert "| 0/3 | about 220 |" in within
    assert "| ours: better net | 0.5 | not run: `python -m mlp_numpy reproduce two` | 0/3 | about 7 |" in report
    assert "On a copy." in report and "Nothing." in report
    assert "![nets](../results/one.png)" in report


def test_a_figure_leaves_the_start_out_where_it_would_press_all_that_comes_after_it() -> None:
    rising = np.array([[0.1, 0.5, 0.52, 0.54, 0.56, 0.58]])
    low, high = _above_the_start([rising]) or (0.0, 0.0)
    assert 0.1 < low < 0.5
    assert 0.58 < high < 0.6
    assert _above_the_start([rising, np.full((1, 6), 0.11)]) is None


@pytest.mark.slow
def test_committed_results_stand_beside_and_take_the_place_of_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (recipe,) = find_recipe(["earle-mlp-source"])
    curve: dict[str, list[float]] = {"step": [0, 1500], "loss": [2.3, 1.5], "accuracy": [0.1, 0.47]}

    def result(seed: int, accuracy: float) -> RecipeResult:
        table = curve | {"accuracy": [0.1, accuracy]}
        about = {"status": "finished"}
        return RecipeResult(recipe.name, seed, recipe.settings, about, 8.0, evaluations=table, train=table)

    committed = Results("plots/results")
    for seed in recipe.seeds:
        committed.write(recipe, result(seed, 0.47))
    asked: list[Workspace] = []

    def trained_here(recipes: list[Recipe], results: Results, place: Workspace) -> Iterator[RecipeProgress]:
        asked.append(place)
        for one, seed in missing(recipes, results):
            results.write(one, result(seed, 0.5))
            yield RecipeProgress(one, seed, 1.0, result(seed, 0.5))

    monkeypatch.setattr("mlp_numpy.cli.recipes.reproduce", trained_here)
    before = {path: path.read_bytes() for path in Path("plots/results").iterdir()}
    assert main(["reproduce", recipe.name]) == 0
    out = capsys.readouterr().out
    assert f"reproduce {len(recipe.seeds)} trainings" in out
    assert f"{recipe.name} seed 0: 0.5000 (committed: 0.4700), 8 s" in out
    assert "0.4700 ± 0.0000 (best, test)  0.5000 ± 0.0000 (best, test)" in out
    assert main(["reproduce", recipe.name]) == 0
    assert "reproduce 0 trainings" in capsys.readouterr().out, "what was done here is not done again"
    assert {path: path.read_bytes() for path in Path("plots/results").iterdir()} == before
    assert main(["reproduce", recipe.name, "--results", "plots/results"]) == 0
    assert "reproduce 0 trainings" in capsys.readouterr().out
    assert main(["reproduce", "--report"]) == 0
    assert "0.4700 ± 0.0000 (best, test)" in Path("RESULTS.md").read_text()
    assert main(["reproduce", recipe.name, "--report"]) == 0
    assert "0.5000 ± 0.0000 (best, test)" in Path("runs/reproduce/results/RESULTS.md").read_text()
    assert [place.folder for place in asked] == [Path("runs/reproduce")] * 4
