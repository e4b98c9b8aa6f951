"""Runners for each kind of recipe: generators that yield their progress and return the result of one seed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.atomic_io import remove_parts
from mlp_numpy.config import Config, read_config
from mlp_numpy.data.json_files import number_of, understood
from mlp_numpy.errors import DataError, DataNotFoundError, NonFiniteError
from mlp_numpy.experiment import Run
from mlp_numpy.experiment.folder import usable
from mlp_numpy.experiment.lock import locked
from mlp_numpy.experiment.signals import Stopped, held_signals
from mlp_numpy.recipes.recipe import Recipe
from mlp_numpy.recipes.results import DIGITS, RecipeResult, thinned
from mlp_numpy.recipes.tape_mlp import node_trainer
from mlp_numpy.search import DataSource, Pool, ProcessPool, Search
from mlp_numpy.system_info import machine_fingerprint
from mlp_numpy.training import EvaluationRecord, History, load_checkpoint, save_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS
from mlp_numpy.training.records import as_columns

UnderWay: TypeAlias = Generator[float, None, RecipeResult]
"""Yields its progress, 0 to 1, and returns the result."""


@dataclass(frozen=True)
class Workspace:
    """Data folder, folder of unfinished trainings, and where several trainings, or the trials of a search, run."""

    data_dir: str
    folder: Path
    pool: Pool = field(default_factory=ProcessPool)
    download: bool = True

    def of(self, recipe: Recipe, seed: int) -> Path:
        """The folder of an unfinished seed of a recipe."""
        return self.folder / f"{recipe.name}-{seed}"

    def clear(self, recipe: Recipe, seed: int) -> None:
        """Remove the checkpoints of a finished training, by far its largest files."""
        for name in (NAME, PREVIOUS):
            (self.of(recipe, seed) / name).unlink(missing_ok=True)


def begin(recipe: Recipe, seed: int, place: Workspace) -> UnderWay:
    """Start or resume a seed of a recipe.

    Raises Stopped on a request to stop, and the exceptions of runs and searches.
    """
    return _KINDS[recipe.kind](recipe, seed, place)


def can_begin(recipe: Recipe) -> bool:
    """True if the recipe has a training."""
    return recipe.kind in _KINDS


def data_source(recipe: Recipe, place: Workspace) -> DataSource:
    """The data of a recipe of kind run or nodes."""
    dataset = recipe.nodes().dataset if recipe.kind == "nodes" else recipe.config(recipe.seeds[0]).dataset
    return DataSource(dataset, place.data_dir, place.download)


def _run(recipe: Recipe, seed: int, place: Workspace) -> UnderWay:
    folder = place.of(recipe, seed)
    here: dict[str, Any] = {"runs_dir": str(place.folder), "plots_dir": str(place.folder), "name": folder.name}
    # One checkpoint per minute suffices.
    config = recipe.config(seed, data_dir=place.data_dir, download=place.download, checkpoint_every=1_000_000, **here)
    if _is_of(folder, config):
        run = Run.resumed(folder, data_dir=place.data_dir, download=place.download)
    else:
        run = Run(replace(config, overwrite=True))
    diverged = None
    with run:
        try:
            for record in run.records():
                yield record.step / config.steps
        except NonFiniteError as error:
            diverged = f"diverged: {error}"
    if run.stopped_by is not None:
        raise Stopped(run.stopped_by)
    history = run.history
    status = diverged or history.info.status
    return RecipeResult(
        recipe=recipe.name,
        seed=seed,
        settings=recipe.settings,
        about=_about(status, run.dataset.name, repr(run.model), len(run.parameters)),
        seconds=round(history.info.seconds or 0.0, 1),
        part=history.part,
        evaluations=as_columns(EvaluationRecord, history.evaluations, DIGITS),
        train=thinned(history.steps),
        classes=_classes(run) if recipe.figure == "classes" else {},
        test=None if history.info.test is None else history.info.test.accuracy,
    )


def _nodes(recipe: Recipe, seed: int, place: Workspace) -> UnderWay:
    folder = place.of(recipe, seed)
    with usable("reproduce", folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        return (yield from _in_folder(folder, recipe, seed, place))


def _in_folder(folder: Path, recipe: Recipe, seed: int, place: Workspace) -> UnderWay:
    settings = recipe.nodes()
    trainer, history = node_trainer(settings, seed, place.data_dir, download=place.download), History(part="validation")
    remove_parts(folder)
    before = 0.0
    with contextlib.suppress(DataNotFoundError):
        kept = load_checkpoint(folder)
        if kept.about.get("settings") == recipe.settings:
            with understood("reproduce", f"{kept.path} must hold the state of this training"):
                trainer.load_state(kept.state)
                history, before = kept.history, number_of("seconds", kept.about["seconds"])
    began = time.perf_counter()
    steps = settings.epochs * trainer.batches.steps_per_epoch
    status, requests = "finished", list[int]()
    try:
        with held_signals(requests.append):
            for record in trainer.run(steps):
                history.add(record)
                yield record.step / steps
                if requests or isinstance(record, EvaluationRecord):
                    about = {"settings": recipe.settings, "seconds": before + time.perf_counter() - began}
                    with usable("reproduce", folder, "must take a checkpoint"):
                        save_checkpoint(folder, trainer.state(), history, about)
                if requests:
                    raise Stopped(requests[0])
    except NonFiniteError as error:
        status = f"diverged: {error}"
    return RecipeResult(
        recipe=recipe.name,
        seed=seed,
        settings=recipe.settings,
        about=_about(status, settings.dataset, "network of nodes", len(trainer.parameters)),
        seconds=round(before + time.perf_counter() - began, 1),
        part=history.part,
        evaluations=as_columns(EvaluationRecord, history.evaluations, DIGITS),
        train=thinned(history.steps),
    )


def _search(recipe: Recipe, seed: int, place: Workspace) -> UnderWay:
    space = recipe.space(seed)
    others: dict[str, Any] = {"data_dir": place.data_dir, "download": place.download}
    search = Search(space, place.of(recipe, seed), pool=place.pool, **others)
    outcomes = []
    for outcome in search.run():
        outcomes.append(outcome)
        yield len(outcomes) / (len(search.points) + 1)
    status, test = "finished", None
    seconds = sum(outcome.seconds for outcome in outcomes)
    if recipe.measured == "winner":
        try:
            history = search.train_winner()
        except NonFiniteError as error:
            status = f"diverged: {error}"
        else:
            if history.info.status == "interrupted" and search.stopped_by is not None:
                raise Stopped(search.stopped_by)
            test = None if history.info.test is None else history.info.test.accuracy
            seconds += history.info.seconds or 0.0
    in_order = [search.outcome(number) for number in range(len(search.points))]
    return RecipeResult(
        recipe=recipe.name,
        seed=seed,
        settings=recipe.settings,
        about=_about(status, search.configs[0].dataset, f"{len(search.points)} trials", 0),
        seconds=round(seconds, 1),
        part=search.configs[0].held_out,
        test=test,
        trials=[outcome.point | {"accuracy": outcome.best and outcome.best.accuracy} for outcome in in_order],
    )


def _is_of(folder: Path, config: Config) -> bool:
    """True if ``folder`` is a run with these settings, for any data folder."""
    here: dict[str, Any] = {name: getattr(config, name) for name in ("data_dir", "download", "runs_dir", "plots_dir")}
    try:
        return replace(read_config(folder / "config.yaml"), overwrite=False, **here) == config
    except (DataError, DataNotFoundError):
        return False


def _classes(run: Run) -> dict[str, float]:
    """The accuracy per class on the held-out examples."""
    trainer, held_out = run.trainer, run.parts.held_out
    found = trainer.measured(held_out)
    labels = held_out.labels
    right = found.predicted == labels
    return {name: round(float(np.mean(right[labels == k])), 5) for k, name in enumerate(run.dataset.class_names)}


def _about(status: str, dataset: str, model: str, parameters: int) -> dict[str, Any]:
    return {
        "status": status,
        "dataset": dataset,
        "model": model,
        "parameters": parameters,
        "machine": machine_fingerprint(),
    }


_KINDS: Final[dict[str, Callable[[Recipe, int, Workspace], UnderWay]]] = {
    "run": _run,
    "nodes": _nodes,
    "search": _search,
}
