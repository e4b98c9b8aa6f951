"""Execution of recipes: trains missing seeds, resumes stopped ones, and shortens recipes for smoke tests."""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlp_numpy.config import Tree
from mlp_numpy.recipes.catalog import trained
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.results import RecipeResult, Results
from mlp_numpy.recipes.runners import Workspace, begin, can_begin
from mlp_numpy.search import exit_with_parent, parallel_map, scikit_learn


@dataclass(frozen=True)
class RecipeProgress:
    """Progress of a seed of a recipe, 0 to 1; with the ``result`` at the end."""

    recipe: Recipe
    seed: int
    share: float
    result: RecipeResult | None = None


def missing(recipes: Sequence[Recipe], results: Results) -> list[tuple[Recipe, int]]:
    """The seeds to train: the first one of every recipe, then the second ones, and so on.

    A recipe within another one shares its training.
    """
    wholes = [(trained(recipe), recipe.seeds) for recipe in recipes if can_begin(recipe)]
    rounds = range(max((len(seeds) for _, seeds in wholes), default=0))
    todo = {(whole.name, seeds[turn]): whole for turn in rounds for whole, seeds in wholes if turn < len(seeds)}
    return [(whole, seed) for (_, seed), whole in todo.items() if results.read(whole, seed) is None]


def reproduce(recipes: Sequence[Recipe], results: Results, place: Workspace) -> Iterator[RecipeProgress]:
    """Train the missing seeds, and store the result of each on completion.

    With several jobs, as many seeds run in parallel, each in a process with one core, and only their completion is
    reported; a single search runs its trials in parallel.

    A request to stop raises Stopped, or KeyboardInterrupt; unfinished trainings are resumed next time. A search
    restarts its current trial, and parallel trainings resume from their last checkpoint, at most a minute or an epoch
    old. Raises the exceptions of the runs, and ExtraMissingError for a search without its library, before anything is
    started.
    """
    todo = missing(recipes, results)
    if any(recipe.kind == "search" for recipe, _ in todo):
        scikit_learn()
    if todo:
        results.prepare()
    if place.jobs > 1 and len(todo) > 1:
        within = replace(place, jobs=1, parent=os.getpid())
        calls = ((recipe, seed, results, within) for recipe, seed in todo)
        yield from parallel_map(_end, calls, place.jobs)
        return
    for recipe, seed in todo:
        yield from _steps(recipe, seed, results, place)


def _steps(recipe: Recipe, seed: int, results: Results, place: Workspace) -> Iterator[RecipeProgress]:
    """Train a seed of a recipe to its end, resuming it if possible."""
    with contextlib.closing(begin(recipe, seed, place)) as under_way:
        while True:
            if place.parent is not None:
                exit_with_parent(place.parent)
            try:
                share = next(under_way)
            except StopIteration as end:
                results.write(recipe, end.value)
                place.clear(recipe, seed)
                yield RecipeProgress(recipe, seed, 1.0, end.value)
                return
            yield RecipeProgress(recipe, seed, share)


def _end(recipe: Recipe, seed: int, results: Results, place: Workspace) -> RecipeProgress:
    """The last item of the progress, for calls in another process."""
    return deque(_steps(recipe, seed, results, place), maxlen=1).pop()


def shortened(recipe: Recipe) -> Recipe:
    """A shortened recipe for smoke tests: few synthetic images, small layers, two steps."""
    if not can_begin(recipe):
        return recipe
    settings: Tree = dict(recipe.settings)
    classes = ":disk,square" if ":" in settings.get("dataset", "") else ""
    small: dict[str, Any] = {"dataset": f"few-shapes{classes}"}
    if recipe.kind == "nodes":
        small |= {"epochs": "1", "multiple": "0.002", "validation": "100", "batch": "100"}
    else:
        # Two steps suffice, except for a schedule that must rise and fall.
        steps = "8" if settings.get("schedule") == "one-cycle" else "2"
        small |= {"steps": steps, "eval_every": steps, "batch": "4"}
        if settings.get("schedule", "").startswith("warmup"):  # of more steps than these
            small["schedule"] = "constant"
        if "hidden" in settings:
            small["hidden"] = ["8"] * len(settings["hidden"])
        if settings.get("held_out") == "validation" or recipe.kind == "search":
            small["validation"] = "20"
    if settings.get("held_out") == "test":
        small.pop("validation", None)
    for way in ("grid", "random"):
        if way in settings:
            few = {name: _few(value) for name, value in settings[way].items()}
            small |= {way: few, **({"trials": "2"} if way == "random" else {})}
    return replace(recipe, settings=settings | small, seeds=recipe.seeds[:1], seconds=1, within="")


def _few(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    return [["8"] * len(value) if isinstance(value, list) else value for value in values[:2]]
