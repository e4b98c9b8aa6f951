"""The experiments of the sources as recipes: what to train, what was reported, and what came of it here."""

from mlp_numpy.recipes.catalog import find, shelf, trained
from mlp_numpy.recipes.figures import draw_figures
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.report import rows, write_report
from mlp_numpy.recipes.reproduce import Progress, missing, reproduce, shortened
from mlp_numpy.recipes.results import Result, Results
from mlp_numpy.recipes.runners import Place

__all__ = [
    "Place",
    "Progress",
    "Recipe",
    "Result",
    "Results",
    "draw_figures",
    "find",
    "missing",
    "reproduce",
    "rows",
    "shelf",
    "shortened",
    "trained",
    "write_report",
]
