"""What recipes there are, and by which names."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlp_numpy.errors import OptionError
from mlp_numpy.recipes import Recipe, Results, catalog, find_recipe, missing, shortened, trained


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
