"""The recipes that come with the library: its YAML files, an experiment each."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from pathlib import Path

from mlp_numpy.config import read_tree
from mlp_numpy.errors import unknown_name
from mlp_numpy.recipes.recipe import Recipe, recipes_of


@functools.cache
def shelf() -> tuple[Recipe, ...]:
    """All recipes, source by source, in the order in which they stand there.

    Raises DataError for a damaged file.
    """
    files = sorted(Path(__file__).parent.glob("*.yaml"))
    found = [recipe for path in files for recipe in recipes_of(path.stem, read_tree("recipe", path))]
    return tuple(sorted(found, key=lambda recipe: (recipe.source, _numbers(recipe.place), recipe.experiment)))


def _numbers(place: str) -> list[int]:
    """The numbers of sections and figures, so that question 9 comes before question 10."""
    return [int(number) for number in re.findall(r"\d+", place)]


def find(names: Sequence[str]) -> list[Recipe]:
    """The recipes of these names; that of an experiment means all its rows. Those that are done sooner come first.

    Raises OptionError for a name that there is not.
    """
    found: dict[str, Recipe] = {}
    for name in names:
        asked = [recipe for recipe in shelf() if name in (recipe.name, recipe.experiment)]
        if not asked:
            known = {recipe.name for recipe in shelf()} | {recipe.experiment for recipe in shelf()}
            raise unknown_name("recipe", name, known)
        found |= {recipe.name: recipe for recipe in asked}
    return sorted(found.values(), key=lambda recipe: recipe.seconds)
