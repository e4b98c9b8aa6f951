"""The figures of the sources, drawn from the available results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.results import RecipeResult, Results
from mlp_numpy.search import TrialResult, draw_search
from mlp_numpy.training import EvaluationRecord
from mlp_numpy.viz import save_class_bars, save_curves, save_mean_std

Done = Sequence[tuple[Recipe, list[RecipeResult]]]


def draw_figures(recipes: Sequence[Recipe], results: Results) -> list[Path]:
    """Draw a figure for each experiment with results, next to them; returns the paths."""
    drawn = []
    for experiment in dict.fromkeys(recipe.experiment for recipe in recipes):
        rows = [(recipe, results.of(recipe)) for recipe in recipes if recipe.experiment == experiment]
        # A training that diverged before its first evaluation has no curve.
        drawable = [(recipe, [each for each in found if each.trials or _has_curves(each)]) for recipe, found in rows]
        done = [(recipe, found) for recipe, found in drawable if found]
        for kind in dict.fromkeys(recipe.figure for recipe, _ in done):
            shown = [(recipe, found) for recipe, found in done if recipe.figure == kind]
            if kind != "none":
                drawn += _draw(kind, results.folder / f"{experiment}.png", shown)
    return drawn


def _has_curves(result: RecipeResult) -> bool:
    return bool(result.train.get("step") and result.evaluations.get("step"))


def _draw(kind: str, path: Path, shown: Done) -> list[Path]:
    first, found = shown[0]
    title = f"{first.subject}\n{first.source}, {first.place}"
    if kind == "curves":
        batches = found[0].train["step"][0]
        thin = f"; seed {found[0].seed}, each point of training the mean of {batches} batches"
        save_curves(path, found[0].history(), title + thin, width=1)
        return [path]
    if kind == "trials":
        return [each for recipe, of in shown for each in _trials(path, recipe, of[0])]
    if kind == "bands":
        curves = {recipe.label: _curves(of) for recipe, of in shown}
        limits = _above_the_start([accuracy for _, accuracy in curves.values()])
        save_mean_std(path, curves, title, y_name=f"{found[0].part} accuracy", limits=limits)
    else:
        bars = {recipe.label: np.mean([list(each.classes.values()) for each in of], axis=0) for recipe, of in shown}
        save_class_bars(path, bars, list(found[0].classes), title)
    beside = path.with_name(f"{path.stem}-loss.png")
    losses = {recipe.label: _losses(of) for recipe, of in shown}
    save_mean_std(beside, losses, title, y_name="training loss", limits=_limits([loss for _, loss in losses.values()]))
    return [path, beside]


def _curves(found: Sequence[RecipeResult]) -> tuple[list[float], Any]:
    """Steps and accuracies of the seeds, truncated to the shortest."""
    n = min(len(result.evaluations["step"]) for result in found)
    return found[0].evaluations["step"][:n], np.array([result.evaluations["accuracy"][:n] for result in found])


def _losses(found: Sequence[RecipeResult]) -> tuple[list[float], Any]:
    n = min(len(result.train["step"]) for result in found)
    return found[0].train["step"][:n], np.array([result.train["loss"][:n] for result in found])


def _limits(losses: Sequence[Any]) -> tuple[float, float] | None:
    """Axis limits that cut off a steep beginning, which would compress the rest of the curve."""
    top, bottom = max(np.nanquantile(loss, 0.75) for loss in losses), min(np.nanmin(loss) for loss in losses)
    steep = max(np.nanmax(loss) for loss in losses) > 3 * top
    return (bottom - 0.05 * (top - bottom), 1.2 * top) if steep else None


def _above_the_start(accuracies: Sequence[Any]) -> tuple[float, float] | None:
    """Axis limits without the accuracy of untrained networks, if that is far below the rest."""
    low, high = min(np.nanquantile(each, 0.25) for each in accuracies), max(np.nanmax(each) for each in accuracies)
    far = min(np.nanmin(each) for each in accuracies) < low - (high - low)
    return (low - 0.25 * (high - low), high + 0.05 * (high - low)) if far else None


def outcomes_of(result: RecipeResult) -> list[TrialResult]:
    """The outcomes of a search, for its tables and figures."""
    made = []
    for trial in result.trials:
        accuracy = trial["accuracy"]
        point = {name: tuple(value) if isinstance(value, list) else value for name, value in trial.items()}
        del point["accuracy"]
        best = None if accuracy is None else EvaluationRecord(0, 0.0, accuracy)
        made.append(TrialResult(point, "finished", best, best, 0.0))
    return made


def _trials(path: Path, recipe: Recipe, result: RecipeResult) -> list[Path]:
    folder = path.parent / recipe.name
    folder.mkdir(exist_ok=True)
    title = f"{recipe.subject}\nbest {result.part} accuracy"
    return draw_search(folder, title, recipe.space(result.seed), outcomes_of(result))
