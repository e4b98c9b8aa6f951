"""Milestones: figures that a network of a learner's own layers must reach."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.errors import DataNotFoundError, ExtraMissingError, unknown_name
from mlp_numpy.experiment.folder import ended
from mlp_numpy.learn.folder import OWN_NET
from mlp_numpy.learn.lessons import EXERCISES
from mlp_numpy.learn.process import failure_of_output, run_limited
from mlp_numpy.learn.verdict import check_file, failure_in_words

Cure = Literal["", "ours", "theirs"]
_LAYERS: Final = ("linear_dx", "linear_dweight", "linear_dbias", "relu", "leaky_relu")
_N_TRAIN: Final = 1297
_CIFAR10: Final = "CIFAR-10"
"""The name that a run has of the real data; generated images have another one."""
_SECONDS: Final = 300.0


@dataclass(frozen=True)
class Training:
    """The settings of one training of a learner's network.

    scale    largest value of a pixel
    summed   the loss is summed over the batch, not averaged
    cure     "theirs": scale and summed are those of the learner's dead_relu.py, whose dead_units is called if not ""
    """

    folder: str
    steps: int
    batch: int
    lr: float
    momentum: float = 0.0
    seed: int = 0
    scale: float = 1.0
    summed: bool = False
    cure: Cure = ""


@dataclass(frozen=True)
class MilestoneResult:
    """The outcome of a milestone: whether it is reached, its figure in a few words, and the report."""

    name: str
    status: Literal["reached", "not reached", "not run"]
    figure: str = ""
    report: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The outcome in JSON types."""
        return {"milestone": self.name, "status": self.status, "figure": self.figure, "report": list(self.report)}

    def __str__(self) -> str:
        return "\n".join(
            [f"{self.name}: {self.status}. {self.figure}".rstrip(), *(f"  {line}" for line in self.report)]
        )


class _NotRun(Exception):
    """The learner's network could not be trained; the message says why."""


@dataclass(frozen=True)
class Milestone:
    """One milestone: its title with the figure to reach, the exercises it stands on, and its check of a folder."""

    name: str
    title: str
    needs: tuple[str, ...]
    check: Callable[[Path], MilestoneResult]


def check_milestone(name: str, folder: Path) -> MilestoneResult:
    """Check the exercises that a milestone needs, then train the learner's network in a process of its own.

    Raises OptionError for an unknown milestone, DataNotFoundError for a missing file, ExtraMissingError without the
    extra ``sklearn``, which has the digits.
    """
    if name not in MILESTONES:
        raise unknown_name("milestone", name, MILESTONES)
    milestone = MILESTONES[name]
    if not (folder / OWN_NET).is_file():
        raise DataNotFoundError(f"learn: there must be a file {folder / OWN_NET}, found none. Hint: learn start.")
    verdicts = [check_file(EXERCISES[need], folder / f"{need}.py") for need in milestone.needs]
    missing = [verdict.exercise for verdict in verdicts if verdict.status != "right"]
    if missing:
        told = f"It needs right answers to {', '.join(missing)} first."
        return MilestoneResult(name, "not run", report=(told,))
    try:
        return milestone.check(folder)
    except _NotRun as error:
        return MilestoneResult(name, "not run", report=(str(error),))


def _xor(folder: Path) -> MilestoneResult:
    x, labels = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), np.array([0, 1, 1, 0])
    found = _train(Training(str(folder), steps=500, batch=8, lr=0.1), x, one_hot(labels, 2), x)
    right = int((found["scores"].argmax(axis=1) == labels).sum())
    report = ("No line separates the two classes: without your hidden layer and its ReLU, 3 of 4 is the most.",)
    return MilestoneResult("xor", "reached" if right == 4 else "not reached", f"{right} of 4 points right", report)


def _digits(folder: Path) -> MilestoneResult:
    x, labels = _digit_images()
    settings = Training(str(folder), steps=1000, batch=50, lr=0.1, momentum=0.9)
    accuracy = _accuracy(_train(settings, x[:_N_TRAIN], one_hot(labels[:_N_TRAIN], 10), x[_N_TRAIN:]), labels)
    figure = f"accuracy {accuracy:.3f} on {len(x) - _N_TRAIN} images that it has not seen; 0.970 is to be reached"
    return MilestoneResult("digits", "reached" if accuracy >= 0.97 else "not reached", figure)


def _dead_relu(folder: Path) -> MilestoneResult:
    x, labels = _digit_images()
    runs: list[tuple[float, float]] = []
    cures: tuple[Cure, ...] = ("ours", "theirs")
    for cure in cures:
        settings = Training(str(folder), steps=300, batch=128, lr=1e-3, scale=255.0, summed=True, cure=cure)
        found = _train(settings, x[:_N_TRAIN], one_hot(labels[:_N_TRAIN], 10), x[_N_TRAIN:])
        dead = (found["hidden"] == 0).all(axis=0)
        if not np.array_equal(found["dead"], dead):
            told = f"dead_units finds {int(found['dead'].sum())} of {len(dead)} units dead, {int(dead.sum())} are."
            return MilestoneResult("dead_relu", "not reached", report=(told,))
        runs.append((float(dead.mean()), _accuracy(found, labels)))
    (dead_before, accuracy_before), (dead_after, accuracy_after) = runs
    reached = dead_after <= 0.1 and accuracy_after >= 0.9
    report = (
        f"As it was given, {dead_before:.0%} of the units are dead, and the accuracy is {accuracy_before:.3f}.",
        "A dead unit is 0 for every example: its slope is 0, so its rows of dW and db are 0, and no step changes it.",
        "The first steps threw the units there: a sum over 128 examples times pixels of 255 is a gradient that is",
        f"{128 * 255:,} times that of a mean over pixels of 1. Smaller pixels, a mean, or a smaller lr cure it.",
    )
    figure = (
        f"{dead_after:.0%} of the units dead, accuracy {accuracy_after:.3f}; at most 10% and 0.900 are to be reached"
    )
    return MilestoneResult("dead_relu", "reached" if reached else "not reached", figure, report)


def _cifar10(folder: Path) -> MilestoneResult:
    best = max(_test_accuracies(folder / "runs"), default=None)
    report = (
        "Train in this folder, for some minutes, and check this milestone again:",
        "python -m mlp_numpy train --model own_net:build --dataset cifar10 --preprocessing standardize "
        "--lr 0.02 --momentum 0.9 --steps 3000",
    )
    if best is None:
        return MilestoneResult("cifar10", "not run", report=("There is no complete run of it in runs/ yet.", *report))
    accuracy, name = best
    figure = f"accuracy {accuracy:.4f} on the test images in runs/{name}; 0.46 is to be reached"
    reached = accuracy >= 0.46
    return MilestoneResult("cifar10", "reached" if reached else "not reached", figure, () if reached else report)


def _train(settings: Training, x: Array, y: Array, test_x: Array) -> dict[str, Array]:
    """Train the learner's network in a process of its own; returns its scores of ``test_x``, and its hidden units."""
    with tempfile.TemporaryDirectory(prefix="learn-") as name:
        place = Path(name)
        (place / "settings.json").write_text(json.dumps(asdict(settings)), encoding="utf-8")
        np.savez(place / "data.npz", x=x, y=y, test_x=test_x)
        words = ["-m", "mlp_numpy.learn.training_worker", str(place / "settings.json")]
        status = run_limited(words, place / "printed.txt", _SECONDS)
        if status is None:
            raise _NotRun(f"The training ran for {_SECONDS:g} s without an end.")
        if status:
            printed = (place / "printed.txt").read_text(encoding="utf-8", errors="replace")
            raise _NotRun(failure_in_words(failure_of_output(printed, Path(settings.folder), status)))
        with np.load(place / "trained.npz", allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}


def _accuracy(found: dict[str, Array], labels: Array) -> float:
    return float((found["scores"].argmax(axis=1) == labels[_N_TRAIN:]).mean())


def _digit_images() -> tuple[Array, Array]:
    """scikit-learn's 1,797 digits in a fixed random order: pixels (N, 64) from 0 to 1, and labels."""
    try:
        from sklearn import datasets
    except ImportError as error:
        raise ExtraMissingError(
            "learn milestone: needs scikit-learn, which has the digits. Hint: pip install 'mlp_numpy[sklearn]'."
        ) from error
    x, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    return x[order] / 16, labels[order]


def _test_accuracies(runs: Path) -> Iterator[tuple[float, str]]:
    """The test accuracy and name of every complete run with the learner's network on CIFAR-10 below ``runs``."""
    for folder in sorted(runs.iterdir()) if runs.is_dir() else ():
        history = ended(folder)  # reads no model file, which would import the learner's network here
        if history is None or not str(history.info.config.get("model", "")).startswith("own_net:"):
            continue
        if history.info.dataset == _CIFAR10 and history.evaluations:
            test = history.info.test if history.part != "test" else history.evaluations[-1]
            if test is not None:
                yield test.accuracy, folder.name


MILESTONES: Final = {
    milestone.name: milestone
    for milestone in (
        Milestone("xor", "XOR: 4 of 4 points", (*_LAYERS, "softmax_cross_entropy"), _xor),
        Milestone("digits", "digits: accuracy ≥ 0.97", (*_LAYERS, "softmax_cross_entropy"), _digits),
        Milestone("dead_relu", "the dead-ReLU collapse, cured", (*_LAYERS, "softmax_cross_entropy"), _dead_relu),
        Milestone("cifar10", "CIFAR-10 by train.py: accuracy ≥ 0.46", _LAYERS, _cifar10),
    )
}
