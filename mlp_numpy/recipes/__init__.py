"""Recipes that reproduce the experiments of the sources: settings, reported values, and results."""

from mlp_numpy.recipes.catalog import catalog, find_recipe, trained
from mlp_numpy.recipes.figures import draw_figures
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.report import rows, write_report
from mlp_numpy.recipes.reproduce import RecipeProgress, missing, reproduce, shortened
from mlp_numpy.recipes.results import RecipeResult, Results
from mlp_numpy.recipes.runners import Workspace

__all__ = [
    "Recipe",
    "RecipeProgress",
    "RecipeResult",
    "Results",
    "Workspace",
    "catalog",
    "draw_figures",
    "find_recipe",
    "missing",
    "reproduce",
    "rows",
    "shortened",
    "trained",
    "write_report",
]
