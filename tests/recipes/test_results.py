"""Results are those of their settings, and of shorter recipes within longer ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlp_numpy.errors import DataError
from mlp_numpy.recipes import Recipe, RecipeResult, Results, find_recipe, missing


def recipe_of(**others: object) -> Recipe:
    return Recipe("one", "one", "nets", "a net", "S", "table 1", "run", {"lr": "0.1"}, **others)


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
