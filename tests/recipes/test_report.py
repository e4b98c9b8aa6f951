"""The report of recipes, from files alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlp_numpy.cli import main
from mlp_numpy.recipes import (
    Recipe,
    RecipeResult,
    Results,
    Workspace,
    draw_figures,
    find_recipe,
    missing,
    rows,
    shortened,
    write_report,
)
from mlp_numpy.recipes.reproduce import RecipeProgress


def recipe_of(**others: object) -> Recipe:
    return Recipe("one", "one", "nets", "a net", "S", "table 1", "run", {"lr": "0.1"}, **others)


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
