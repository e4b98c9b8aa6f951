"""The catalog of recipes, one YAML file per experiment."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from mlp_numpy.config import read_tree
from mlp_numpy.errors import unknown_name
from mlp_numpy.recipes.recipe import Recipe, recipes_of


@functools.cache
def catalog() -> tuple[Recipe, ...]:
    """All recipes by source, in the order of the source.

    Raises DataError for a damaged file.
    """
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    found = [recipe for path in files for recipe in recipes_of(path.stem, read_tree("recipe", path))]
    return tuple(sorted(found, key=lambda recipe: (recipe.source, _numbers(recipe.place), recipe.experiment)))


def _numbers(place: str) -> list[float]:
    """The numbers of sections and figures as a sort key: question 9 before question 10; "after figure 3" is 3.5."""
    shift = {"before ": -0.5, "after ": 0.5, "": 0.0}
    found = re.findall(r"(before |after |)(?:\w+ )?(\d+)", place)
    return [int(number) + shift[where] for where, number in found]


def find_recipe(names: Sequence[str]) -> list[Recipe]:
    """Find recipes by name; the name of an experiment selects all its rows. Shorter trainings come first.

    Raises OptionError for an unknown name.
    """
    found: dict[str, Recipe] = {}
    for name in names:
        asked = [recipe for recipe in catalog() if name in (recipe.name, recipe.experiment)]
        if not asked:
            known = {recipe.name for recipe in catalog()} | {recipe.experiment for recipe in catalog()}
            raise unknown_name("recipe", name, known)
        found |= {recipe.name: recipe for recipe in asked}
    return sorted(found.values(), key=lambda recipe: trained(recipe).seconds)


def trained(recipe: Recipe) -> Recipe:
    """The recipe whose training provides the result of this one: itself, or the one named by ``within``."""
    return next(each for each in catalog() if each.name == recipe.within) if recipe.within else recipe
