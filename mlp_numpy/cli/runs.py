"""The commands about runs: ``train``, ``evaluate`` and ``predict``."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from tqdm import tqdm

from mlp_numpy.cli.console import FAILED, PROGRAM, banner, on_terminal
from mlp_numpy.config import Config, as_options
from mlp_numpy.data.images import read_image
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.errors import DataError, NonFiniteError, OptionError
from mlp_numpy.experiment import Run, finished, load_run, replay, report_opening, sealed_again
from mlp_numpy.modules import SoftMaxCrossEntropyModule
from mlp_numpy.texts import confusion_table, evaluation_line, summary
from mlp_numpy.training import StepRecord, confusion_matrix, evaluate
from mlp_numpy.viz import save_confusion


def train(options: Sequence[str]) -> int:
    """Train an MLP and leave a run folder and a picture of its curves.

    Options may also come from a file, one "name: value" a line: --config FILE.yaml. Those on the command line
    override it. --resume RUN goes on with a run that was stopped or killed, as if it had never stopped.
    """
    folder, options = _resumed(options)
    if folder is None:
        description = inspect.cleandoc(train.__doc__ or "")
        settings = tyro.cli(Config, prog=PROGRAM + "train", description=description, args=with_config_file(options))
        experiment = Run(settings, progress=on_terminal())
    else:
        done = finished(folder)
        if done is not None:
            print(f"{summary(done)}\nrun     {folder}\nnothing is left to do")
            return 0
        experiment = Run.resumed(folder, progress=on_terminal())
    with experiment as run:
        try:
            _follow(run)
        except NonFiniteError:
            print(f"run     {run.folder}\npicture {run.picture}", flush=True)
            raise
    if run.result is None:
        return FAILED
    print(f"{summary(run.result.history)}\nrun     {run.folder}\npicture {run.picture}")
    # A request that came when everything was done has not stopped anything.
    return 128 + run.stopped_by if run.stopped_by is not None and run.result.status == "interrupted" else 0


def _resumed(options: Sequence[str]) -> tuple[Path | None, Sequence[str]]:
    """The folder behind ``--resume``, if it is there, and the other options, of which there must be none then."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--resume", type=Path)
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--resume: must be followed by the folder of a run, got none.") from error
    if found.resume is not None and others:
        raise OptionError(
            f"--resume: a run goes on with its own settings, got {' '.join(others)} besides. "
            "Hint: other settings are another run."
        )
    return found.resume, others


def _follow(run: Run) -> None:
    """Tell what is trained on what, and follow it to its end: with a bar where someone looks on, else with lines."""
    if run.warning is not None:
        banner(run.warning)
    settings, how = run.config, run.trainer.optimizer
    sizes = f"{len(run.parts.train):,} + {len(run.trainer.held_out):,} images ({settings.held_out})"
    print(f"data    {run.dataset.name}, {sizes}, from {run.dataset.source}")
    print(f"model   {run.model!r}, {len(run.parameters):,} parameters")
    print(f"train   {how!r}, batch {settings.batch}, {settings.steps} steps, seed {settings.seed}", flush=True)
    done = run.trainer.step
    if done:
        print(f"resumed after step {done}", flush=True)
    with tqdm(total=settings.steps, initial=done, unit="step", disable=not on_terminal(), dynamic_ncols=True) as bar:
        latest: StepRecord | None = None
        for record in run.records():
            if isinstance(record, StepRecord):
                latest = record
                bar.update()
            else:
                bar.set_postfix_str(f"{settings.held_out} accuracy {record.accuracy:.3f}")
                if bar.disable:
                    print(evaluation_line(record, latest, settings.held_out), flush=True)


def evaluate_run(
    run: Annotated[Path, tyro.conf.Positional],
    data_dir: str = "",
    download: bool = True,
) -> int:
    """Accuracy and confusion matrix of a run's model on the whole test set.

    Args:
        run: folder of a run, such as runs/run-cifar10-001
        data_dir: folder where data sets are found; by default the run's own
        download: whether data may be fetched from the network
    """
    config, trained = load_run(run)
    folder = data_dir or config.data_dir
    option = trained.about["dataset_option"]
    dataset = load_dataset(option, folder, download=download, progress=on_terminal()).dataset
    if (dataset.n_features, *dataset.class_names) != (trained.model.n_inputs, *trained.about["class_names"]):
        raise DataError(
            f"evaluate: the data set must have the pixels and classes that {run} was trained on, "
            f"{trained.model.n_inputs} and {trained.about['class_names']}, got {dataset.name} with "
            f"{dataset.n_features} and {list(dataset.class_names)}."
        )
    sealed = sealed_again(run, dataset.test)
    test = sealed.open("evaluate")
    outcome = evaluate(trained.model.logits, SoftMaxCrossEntropyModule(), test, trained.preprocessing, chunk=250)
    report_opening(run, sealed)
    counts = confusion_matrix(test.labels, outcome.predicted, dataset.n_classes)
    name = str(trained.about["name"])
    print(f"{name}: {trained.model.title} after step {trained.about['step']} on {dataset.name}")
    print(f"test accuracy {outcome.accuracy:.4f}, loss {outcome.loss:.4f}, {len(test):,} images")
    print(f"the test set of this run has been opened {len(sealed.openings)} times: {', '.join(sealed.openings)}\n")
    print(confusion_table(counts, dataset.class_names))
    picture = run / "confusion.png"
    title = f"{trained.model.title} on {dataset.name}: test accuracy {outcome.accuracy:.3f}"
    save_confusion(picture, counts, dataset.class_names, title)
    print(f"\npicture {picture}")
    return 0


def predict(
    run: Annotated[Path, tyro.conf.Positional],
    images: Annotated[tuple[Path, ...], tyro.conf.Positional],
    top: int = 3,
) -> int:
    """Name the class of image files, with the probabilities that a run's model gives.

    Args:
        run: folder of a run, such as runs/run-cifar10-001
        images: image files of any size and kind; they are scaled to the size that the model knows
        top: how many classes to name for each
    """
    if top < 1:
        raise OptionError(f"predict: top must be ≥ 1, got {top}.")
    if not images:
        raise OptionError("predict: there must be at least one image file, got none.")
    _, trained = load_run(run)
    names = trained.about["class_names"]
    shape = tuple(trained.about["image_shape"])
    pixels = np.stack([read_image(path, shape) for path in images])
    dtype = next(array.dtype for array in trained.model.state().values())
    probabilities = trained.model.forward(trained.preprocessing.apply(pixels, dtype))
    width = max(len(str(path)) for path in images)
    for path, row in zip(images, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        print(f"{path!s:<{width}}  " + "  ".join(f"{names[i]} {row[i]:.3f}" for i in best))
    return 0


def replay_step(run: Annotated[Path, tyro.conf.Positional]) -> int:
    """Run the step at which a run stopped again, and see it fail at the same place.

    Args:
        run: folder of a run that diverged, or the capsule it left
    """
    found = replay(run)
    (then, now), (loss_then, loss_now) = found.places, found.losses
    print(f"step {found.step}: {found.problem}")
    for when, loss, place in (("then", loss_then, then), ("now", loss_now, now)):
        print(f"{when + ':':<5} loss {loss:.9g}, {f'first in {place}' if place else 'all numbers are finite'}")
    print("the same, to the last bit of the loss" if found.same else "not the same")
    return 0 if found.same else FAILED


def with_config_file(options: Sequence[str]) -> list[str]:
    """The options of a command line, those of a ``--config`` file put before the others, which so override them."""
    finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    finder.add_argument("--config", type=Path, action="append", default=[])
    try:
        found, others = finder.parse_known_args(options)
    except argparse.ArgumentError as error:
        raise OptionError("--config: must be followed by the name of a YAML file, got none.") from error
    return [word for path in found.config for word in as_options(path)] + others
