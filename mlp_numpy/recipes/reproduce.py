"""Execution of recipes: trains missing seeds, resumes stopped ones, and shortens recipes for smoke tests."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlp_numpy.config import Tree
from mlp_numpy.errors import WorkerLostError
from mlp_numpy.recipes.catalog import trained
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.results import RecipeResult, Results
from mlp_numpy.recipes.runners import Workspace, begin, can_begin, data_source
from mlp_numpy.search import ProcessPool, exit_with_parent, scikit_learn


@dataclass(frozen=True)
class RecipeProgress:
    """Progress of a seed of a recipe, 0 to 1; with the ``result`` at the end, or why it was ``lost`` by a cluster."""

    recipe: Recipe
    seed: int
    share: float
    result: RecipeResult | None = None
    lost: str = ""


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

    The pool of ``place`` runs several seeds in parallel, each on one core, and only their completion is reported;
    then the trials of one search after another. On a cluster, the folder of unfinished trainings should be one that all
    machines share; a training that moves to another one begins again otherwise. Results are stored by this process.

    A request to stop raises Stopped, or KeyboardInterrupt; unfinished trainings are resumed next time. A search
    restarts its current trial, and parallel trainings resume from their last checkpoint, at most a minute or an epoch
    old. Raises the exceptions of the runs, ExtraMissingError for a search without its library, before anything is
    started, and at the end WorkerLostError if the workers of a training died again and again.
    """
    todo = missing(recipes, results)
    if any(recipe.kind == "search" for recipe, _ in todo):
        scikit_learn()
    if todo:
        results.prepare()
    spread = [(recipe, seed) for recipe, seed in todo if recipe.kind != "search"]
    if place.pool.in_process(len(spread)):
        spread = []
    within = replace(place, pool=ProcessPool())
    calls = [(recipe, seed, within) for recipe, seed in spread]
    data = list(dict.fromkeys(data_source(recipe, place) for recipe, _ in spread))
    here = (_steps(recipe, seed, place) for recipe, seed in todo if (recipe, seed) not in spread)
    elsewhere = place.pool.map(_last, calls, data=data, lost=_lost) if calls else ()
    lost = []
    for step in itertools.chain(elsewhere, itertools.chain.from_iterable(here)):
        if step.result is not None:
            results.write(step.recipe, step.result)
            place.clear(step.recipe, step.seed)
        if step.lost:
            lost.append(f"{step.recipe.name} seed {step.seed}")
        yield step
    if lost:
        raise WorkerLostError(
            f"reproduce: {', '.join(lost)} must end, but their workers died again and again. "
            "Nothing that was finished is lost. Hint: the same command tries them again."
        )


def _steps(recipe: Recipe, seed: int, place: Workspace) -> Iterator[RecipeProgress]:
    """Train a seed of a recipe to its end, resuming it if possible."""
    with contextlib.closing(begin(recipe, seed, place)) as under_way:
        while True:
            exit_with_parent()
            try:
                share = next(under_way)
            except StopIteration as end:
                yield RecipeProgress(recipe, seed, 1.0, end.value)
                return
            yield RecipeProgress(recipe, seed, share)


def _last(recipe: Recipe, seed: int, place: Workspace) -> RecipeProgress:
    """The last item of the progress, for calls in another process."""
    return deque(_steps(recipe, seed, place), maxlen=1).pop()


def _lost(reason: str, recipe: Recipe, seed: int, place: Workspace) -> RecipeProgress:
    return RecipeProgress(recipe, seed, 1.0, lost=reason)


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
