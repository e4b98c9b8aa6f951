"""What is healthy in a training and what is not: one rule for each thing that can be measured, and what to do.

The bounds are rules of thumb: wide enough that what trains well is "fine", and what is "wrong" cannot train well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.training import History

Measures = Mapping[str, Mapping[str, float]]
"""What was watched in one step: layer → name of a measure → value; see ``training.watch``."""

_FEWEST_ROWS: Final = 16
_FEWEST_STEPS: Final = 40


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    measured   what was found, in words and numbers
    verdict    "fine", "look" (may be meant, may be better) or "wrong"
    advice     what to do, empty where all is fine
    """

    name: str
    measured: str
    verdict: Literal["fine", "look", "wrong"]
    advice: str


class Thresholds(NamedTuple):
    """From ``low`` to ``high`` all is fine; from ``lowest`` to ``highest`` it is worth a look; beyond, wrong."""

    lowest: float
    low: float
    high: float
    highest: float

    def verdict(self, *values: float) -> Literal["fine", "look", "wrong"]:
        """That of the worst of the values; a NaN is wrong."""
        if all(self.low <= value <= self.high for value in values):
            return "fine"
        return "look" if all(self.lowest <= value <= self.highest for value in values) else "wrong"


_UPDATES: Final = Thresholds(1e-9, 1e-7, 0.3, 1.0)
_GRADIENTS: Final = Thresholds(1e-4, 1e-2, 1e2, 1e4)
_SCALE: Final = Thresholds(1e-6, 1e-3, 10.0, 30.0)
_DEAD: Final = Thresholds(0.0, 0.0, 0.25, 0.8)
_START: Final = Thresholds(0.0, 0.5, 1.8, 4.0)
_CLASSES: Final = Thresholds(0.0, 0.0, 3.0, 1e9)


def data(name: str, n_images: int, warning: str | None) -> Finding:
    """Which data set it is, and whether it stands in for the one that was asked for; the gist opens the warning."""
    advice = "" if warning is None else " ".join(warning.splitlines()[:2])
    return _finding("data", f"{n_images:,} images of {name} to train on", "look" if advice else "fine", advice)


def first_loss(loss: float, n_classes: int) -> Finding:
    """The loss before the first step, which is ln C where no class is preferred."""
    expected = math.log(n_classes)
    verdict = _START.verdict(loss / expected)
    advice = "weights that start smaller, or inputs that are scaled down: the net is sure before it has learned"
    if loss < expected:
        advice = "look for the label among the inputs: the net knows before it has learned"
    return _finding("first loss", f"{loss:.4g}, guessing gives ln {n_classes} = {expected:.4g}", verdict, advice)


def input_scale(mean: float, std: float, measures: Measures) -> Finding:
    """Inputs times start weights: how large the first learning layer's outputs are."""
    first = next(layer for layer in measures.values() if "gradient" in layer and "std" in layer)
    size = math.hypot(first["mean"], first["std"])
    measured = f"inputs {mean:.3g} ± {std:.3g}, after the first layer {size:.2g}"
    advice = "preprocessing standardize with init kaiming"
    return _finding("input scale", measured, _SCALE.verdict(size), advice)


def one_batch(n: int, own: tuple[float, int], adam: tuple[float, int] | None) -> Finding:
    """A few examples learned by heart: (loss, steps) with the run's own optimizer, and with Adam where that failed."""
    measured = f"{n} examples: loss {own[0]:.2g} after {own[1]} steps"
    if adam is None:
        return _finding("one batch by heart", measured, "fine", "")
    measured += f"; with Adam {adam[0]:.2g} after {adam[1]}"
    if not math.isfinite(own[0]):
        return _finding("one batch by heart", measured, "wrong", "a learning rate ten times smaller: the loss exploded")
    if adam[0] < 0.1:
        return _finding("one batch by heart", measured, "look", "another learning rate: thrice, or a third; or Adam")
    return _finding("one batch by heart", measured, "wrong", "another initialization or preprocessing: it cannot learn")


def dead_units(when: str, measures: Measures, n_rows: int) -> Finding:
    """The share of units behind the first learning layer that give the same to every row, in the worst layer."""
    if n_rows < _FEWEST_ROWS:
        return _finding(f"dead units {when}", f"not to be told from batches of {n_rows}", "fine", "")
    names = list(measures)
    first = next(place for place, name in enumerate(names) if "gradient" in measures[name])
    shares = {name: measures[name]["dead"] for name in names[first:] if "dead" in measures[name]}
    if not shares:
        return _finding(f"dead units {when}", "there are no hidden units", "fine", "")
    worst = max(shares, key=lambda name: shares[name])
    advice = "a smaller learning rate, biases that start at 0, or a LeakyReLU: a dead unit gets no gradient"
    return _finding(f"dead units {when}", f"{shares[worst]:.0%} in {worst}", _DEAD.verdict(shares[worst]), advice)


def updates(when: str, measures: Measures) -> Finding:
    """‖Δw‖ / ‖w‖ of every layer; about 1e-3 is healthy."""
    ratios = {name: each["update"] / each["weight"] for name, each in measures.items() if each.get("weight")}
    if not ratios:
        return _finding(f"update / weight {when}", "all weights are 0", "wrong", "init kaiming")
    smallest, largest = (choose(ratios, key=lambda name: ratios[name]) for choose in (min, max))
    measured = f"{ratios[smallest]:.1e} in {smallest} to {ratios[largest]:.1e} in {largest}"
    verdict = _UPDATES.verdict(*ratios.values())
    advice = "a smaller learning rate, or one that rises slowly at first"
    if ratios[largest] <= _UPDATES.high:
        advice = "a larger learning rate, unless the gradients vanish"
    return _finding(f"update / weight {when}", measured, verdict, advice)


def gradients(when: str, measures: Measures) -> Finding:
    """‖∂L/∂w‖ of the first learning layer against that of the last."""
    norms = [each["gradient"] for each in measures.values() if "gradient" in each]
    ratio = norms[0] / norms[-1] if norms[-1] else math.inf
    advice = "init kaiming, batch norm or shortcuts: gradients vanish on their way back"
    if ratio > 1:
        advice = "clip-norm, smaller start weights or batch norm: gradients explode on their way back"
    measured = f"first layer / last layer {ratio:.2g}"
    return _finding(f"gradients {when}", measured, _GRADIENTS.verdict(ratio), advice)


def class_sizes(labels: Array, names: Sequence[str]) -> Finding:
    """The largest class against the smallest, in the training part."""
    counts = np.bincount(labels, minlength=len(names))
    small, large = int(counts.argmin()), int(counts.argmax())
    measured = f"{counts[small]:,} of {names[small]} to {counts[large]:,} of {names[large]}"
    ratio = counts[large] / counts[small] if counts[small] else math.inf
    advice = "more examples of the small classes, and a look at the confusion matrix: accuracy hides them"
    return _finding("sizes of classes", measured, _CLASSES.verdict(ratio), advice)


def ending(status: str, *, at_work: bool, step: int | None) -> Finding:
    """How the run ended, by its ``status``; one that says it runs and has no process ``at_work`` was killed.

    step   of its last checkpoint
    """
    name = "end of the run"
    if at_work:
        return _finding(name, "running, a process is at work", "fine", "")
    if status.startswith(("stopped:", "failed")):
        advice = "see the other findings, and replay for the step that failed"
        return _finding(name, status.split(". ")[0], "wrong", advice)
    if status in ("", "running"):
        left = "before its first step" if step is None else f"after its checkpoint of step {step}"
        return _finding(name, f"interrupted: its process ended {left}", "look", "train --resume goes on with it")
    return _finding(name, status, "fine", "")


def model_file(problem: str, *, restorable: bool) -> Finding:
    """The model that a run should have left, and has not, or not whole."""
    advice = "train --resume restores it from the last checkpoint" if restorable else "train it again"
    return _finding("model file", problem.split(". Hint")[0], "wrong", advice)


def better_than_guessing(history: History, labels: Array) -> Finding:
    """The best held-out accuracy against that of always naming the largest class."""
    share = float(np.bincount(labels).max() / len(labels))
    bound = share + 3 * math.sqrt(share * (1 - share) / len(labels))  # three standard deviations of a guess
    best = max((record.accuracy for record in history.evaluations), default=0.0)
    advice = "check that labels belong to their images; if the first findings are not fine, begin with them"
    measured = f"best {history.part} accuracy {best:.3f}, the largest class has {share:.3f}"
    return _finding("better than guessing", measured, "fine" if best > bound else "wrong", advice)


def gap(history: History, n_classes: int) -> Finding:
    """The held-out loss against that of the last training batches, and against its own best."""
    last = _tail([record.loss for record in history.steps], 0.1)
    losses = [record.loss for record in history.evaluations]
    measured = f"training {np.mean(last):.3f}, {history.part} {losses[-1]:.3f} (best {min(losses):.3f})"
    wide = losses[-1] - np.mean(last) > 0.5 * math.log(n_classes)
    risen = losses[-1] > 1.25 * min(losses)
    advice = "it over-fits: augmentation (flip, shift), dropout, weight-decay, or held-out validation with patience"
    return _finding("loss gap", measured, "look" if wide or risen else "fine", advice)


def still_falling(history: History, n_classes: int) -> Finding:
    """The last tenth of the training losses against the tenth before."""
    losses = [record.loss for record in history.steps]
    if len(losses) < _FEWEST_STEPS:
        return _finding("end of the curve", f"only {len(losses)} steps", "look", "more steps: too few to judge")
    late = _tail(losses, 0.1)
    early = losses[-2 * len(late) : -len(late)]
    fall = float(np.mean(early) - np.mean(late))
    noise = math.sqrt((np.var(early) + np.var(late)) / len(late))
    falls = fall > max(3 * noise, 0.02 * float(np.mean(early)), 0.01 * math.log(n_classes))
    measured = f"{np.mean(early):.4g}, then {np.mean(late):.4g} over the last {len(late)} steps"
    return _finding("end of the curve", measured, "look" if falls else "fine", "more steps: the loss is still falling")


def exploded(when: str, problem: str) -> Finding:
    """A step that could not be made."""
    return _finding(f"a step {when}", problem, "wrong", "a smaller learning rate, or see the other findings")


def _tail(values: Sequence[float], share: float) -> Sequence[float]:
    return values[-max(1, int(share * len(values))) :]


def _finding(name: str, measured: str, verdict: Literal["fine", "look", "wrong"], advice: str) -> Finding:
    return Finding(name, measured, verdict, "" if verdict == "fine" else advice)
