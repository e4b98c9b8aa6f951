"""Results of recipes: one small JSON file per seed, and their statistics."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.atomic_io import write_json
from mlp_numpy.checks import shown
from mlp_numpy.data.json_files import count_of, list_of, number_of, object_of, read_json, text_of, understood
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import DataNotFoundError
from mlp_numpy.experiment.folder import usable
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord
from mlp_numpy.training.history import PARTS
from mlp_numpy.training.records import as_columns, from_columns, mean_record

DIGITS: Final = 5
"""Digits behind the point of every value in a result file."""
_POINTS: Final = 100
"""Number of points of a stored training curve, each the mean of the steps around it."""


@dataclass(frozen=True)
class RecipeResult:
    """The result of one seed of a recipe.

    recipe, seed   its name and seed
    settings     of the recipe, as strings: results with other settings are ignored
    about        data set, network, machine
    part         test or validation: the evaluated split
    seconds      duration on one core
    evaluations  columns step, loss, accuracy
    train        the same for the batches, subsampled
    classes      accuracy per class, if the figure shows it
    test         test accuracy of the winner, if any
    trials       of a search: settings and accuracy of each
    """

    recipe: str
    seed: int
    settings: dict[str, Any]
    about: dict[str, Any]
    seconds: float
    part: str = "test"
    evaluations: dict[str, list[float]] = field(default_factory=dict)
    train: dict[str, list[float]] = field(default_factory=dict)
    classes: dict[str, float] = field(default_factory=dict)
    test: float | None = None
    trials: list[dict[str, Any]] = field(default_factory=list)

    def value(self, measured: str) -> float:
        """The value of this result: the last accuracy, the best one, or the winner's test accuracy."""
        if measured == "winner":
            return math.nan if self.test is None else self.test
        accuracy = self.evaluations.get("accuracy") or [
            math.nan if trial["accuracy"] is None else trial["accuracy"] for trial in self.trials
        ]
        accuracy = [math.nan if a is None else a for a in accuracy]
        known = [a for a in accuracy if a == a]
        return max(known, default=math.nan) if measured == "best" or not accuracy else accuracy[-1]

    @property
    def diverged(self) -> bool:
        """True if it did not finish, or has no value."""
        return str(self.about["status"]).startswith("diverged")

    def history(self) -> History:
        """The curves, to draw."""
        steps = from_columns(StepRecord, self.train) if object_of("train", self.train) else []
        evaluations = object_of("evaluations", self.evaluations)
        return History(RunInfo(), steps, from_columns(EvaluationRecord, evaluations) if evaluations else [], self.part)


class Results:
    """The results in a folder, ``RECIPE-SEED.json`` each."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = as_path("Results", folder)

    def path(self, recipe: Recipe, seed: int) -> Path:
        """The path of the result of a seed."""
        return self.folder / f"{recipe.name}-{seed}.json"

    def read(self, recipe: Recipe, seed: int) -> RecipeResult | None:
        """The result of a seed; None if there is none with these settings.

        The result of a recipe within another one is a prefix of the other's. Raises DataError for an invalid file.
        """
        path, wanted = self.folder / f"{recipe.within or recipe.name}-{seed}.json", "the result of a recipe"
        try:
            content = read_json("Results.read", path, wanted)
        except DataNotFoundError:
            return None
        with understood("Results.read", f"{path} must be {wanted}"):
            result = _result(content)
            if (result.recipe, result.seed) != (recipe.within or recipe.name, seed):
                raise ValueError(f"that of {result.recipe}, seed {result.seed}")
            if recipe.within:
                result = _beginning(result, recipe)
        return result if result.settings == recipe.settings else None

    def prepare(self) -> None:
        """Make the folder. Raises RunFolderError if that cannot be done."""
        with usable("Results.prepare", self.folder, "must take results"):
            self.folder.mkdir(parents=True, exist_ok=True)

    def of(self, recipe: Recipe) -> list[RecipeResult]:
        """The results of a recipe, in the order of its seeds."""
        found = (self.read(recipe, seed) for seed in recipe.seeds)
        return [result for result in found if result is not None]

    def write(self, recipe: Recipe, result: RecipeResult) -> None:
        """Store a result. Raises RunFolderError if it cannot be written."""
        self.prepare()
        with usable("Results.write", self.folder, "must take results"):
            write_json(self.path(recipe, result.seed), asdict(result))


def _result(content: Any) -> RecipeResult:
    """The result of a JSON object. Raises ValueError or other exceptions for a damaged file."""
    result = RecipeResult(**object_of("it", content))
    text_of("recipe", result.recipe)
    count_of("seed", result.seed)
    object_of("settings", result.settings)
    text_of("status", object_of("about", result.about)["status"])
    if result.part not in PARTS:
        raise ValueError(f"part {shown(result.part)}")
    for name, value in (("seconds", result.seconds), ("test", result.test)):
        if not (value is None and name == "test" or number_of(name, value) >= 0):
            raise ValueError(f"{name} {shown(value)}")
    for trial in list_of("trials", result.trials):
        number_of("accuracy of a trial", object_of("a trial", trial)["accuracy"])
    for name, value in object_of("classes", result.classes).items():
        number_of(f"class {name}", value)
    result.history()
    return result


def _beginning(result: RecipeResult, recipe: Recipe) -> RecipeResult:
    """The prefix of a result up to the length of ``recipe``, with a proportional number of seconds."""
    unit = "epochs" if recipe.kind == "nodes" else "steps"
    length, of_whole = int(recipe.settings[unit]), int(result.settings[unit])
    evaluated = result.evaluations.get("step", [])
    # A tape network is evaluated before its first epoch and after each epoch.
    steps = length if unit == "steps" else evaluated[length] if length < len(evaluated) else math.inf
    # Later records and the final evaluation are dropped.
    reached = any(step >= steps for step in evaluated)
    return replace(
        result,
        recipe=recipe.name,
        about=result.about | ({"status": "finished"} if reached else {}),
        classes={},
        test=None,
        settings=result.settings | {unit: recipe.settings[unit]},
        seconds=round(result.seconds * length / of_whole, 1),
        evaluations=_up_to(steps, result.evaluations),
        train=_up_to(steps, result.train),
    )


def _up_to(steps: float, table: dict[str, list[float]]) -> dict[str, list[float]]:
    n = sum(step <= steps for step in table.get("step", []))
    return {name: column[:n] for name, column in table.items()}


def thinned(records: Sequence[StepRecord]) -> dict[str, list[float]]:
    """The records of the steps as at most a hundred, each the mean of its neighbors and at the last one's step."""
    width = max(1, math.ceil(len(records) / _POINTS))
    parts = [records[start : start + width] for start in range(0, len(records), width)]
    return as_columns(StepRecord, [mean_record(StepRecord, part) for part in parts], DIGITS)


def mean_and_std(values: Sequence[float]) -> tuple[float, float]:
    """The mean and the sample standard deviation, which is NaN for a single value."""
    known = np.array(values, np.float64)
    return float(known.mean()), float(known.std(ddof=1)) if len(known) > 1 else math.nan
