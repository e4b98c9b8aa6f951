"""Rules of the doctor: one for each thing that can be measured in a training, with its advice.

The bounds are rules of thumb: a training that works is "ok", and one that is an "error" cannot work well.
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
"""The measures of one step: layer → name of a measure → value; see ``training.layer_stats``."""

_FEWEST_ROWS: Final = 16
_FEWEST_STEPS: Final = 40


@dataclass(frozen=True)
class Finding:
    """The result of one rule.

    measured   the measurement, in words and numbers
    status     "ok", "warning" (may be intended, could be better) or "error"
    advice     what to do; empty if the status is ok
    """

    name: str
    measured: str
    status: Literal["ok", "warning", "error"]
    advice: str


class Thresholds(NamedTuple):
    """From ``low`` to ``high`` ok; from ``lowest`` to ``highest`` a warning; beyond, an error."""

    lowest: float
    low: float
    high: float
    highest: float

    def status(self, *values: float) -> Literal["ok", "warning", "error"]:
        """The status of the worst of the values; a NaN is an error."""
        if all(self.low <= value <= self.high for value in values):
            return "ok"
        return "warning" if all(self.lowest <= value <= self.highest for value in values) else "error"


_UPDATES: Final = Thresholds(1e-9, 1e-7, 0.3, 1.0)
_GRADIENTS: Final = Thresholds(1e-4, 1e-2, 1e2, 1e4)
_SCALE: Final = Thresholds(1e-6, 1e-3, 10.0, 30.0)
_DEAD: Final = Thresholds(0.0, 0.0, 0.25, 0.8)
_START: Final = Thresholds(0.0, 0.5, 1.8, 4.0)
_CLASSES: Final = Thresholds(0.0, 0.0, 3.0, 1e9)


def data(name: str, n_examples: int, warning: str | None, word: str = "images") -> Finding:
    """Report the data set, and a warning if it is a fallback."""
    advice = "" if warning is None else " ".join(warning.splitlines()[:2])
    return _finding("data", f"{n_examples:,} {word} of {name} to train on", "warning" if advice else "ok", advice)


def first_loss(loss: float, n_classes: int, of_zeros: float | None = None) -> Finding:
    """The loss before the first step, relative to ln C, that of no preference for a class; for another loss than the
    cross-entropy, to that of outputs of 0."""
    expected = math.log(n_classes) if of_zeros is None else of_zeros
    name, measured = ("ln C", f"chance gives ln {n_classes} = {expected:.4g}")
    if of_zeros is not None:
        name, measured = ("that of outputs of 0", f"outputs of 0 give {expected:.4g}")
    status = _START.status(loss / (expected or 1.0))
    advice = f"the initial loss is far above {name}: reduce the initial weights or scale the inputs"
    if loss < expected:
        advice = f"initial loss below {name}: check for label leakage"
    return _finding("first loss", f"{loss:.4g}, {measured}", status, advice)


def input_scale(mean: float, std: float, measures: Measures) -> Finding:
    """The scale of the first trainable layer's outputs: inputs times initial weights."""
    first = next(layer for layer in measures.values() if "gradient" in layer and "std" in layer)
    size = math.hypot(first["mean"], first["std"])
    measured = f"inputs {mean:.3g} ± {std:.3g}, after the first layer {size:.2g}"
    advice = "preprocessing standardize with init kaiming"
    return _finding("input scale", measured, _SCALE.status(size), advice)


def one_batch(n: int, own: tuple[float, int], adam: tuple[float, int] | None) -> Finding:
    """A few examples overfitted: (loss, steps) with the run's own optimizer, and with Adam where that failed."""
    measured = f"{n} examples: loss {own[0]:.2g} after {own[1]} steps"
    if adam is None:
        return _finding("overfit one batch", measured, "ok", "")
    measured += f"; with Adam {adam[0]:.2g} after {adam[1]}"
    if not math.isfinite(own[0]):
        return _finding("overfit one batch", measured, "error", "the loss exploded: try a tenth of the learning rate")
    if adam[0] < 0.1:
        return _finding("overfit one batch", measured, "warning", "try 3× or ⅓ of the learning rate, or Adam")
    return _finding(
        "overfit one batch",
        measured,
        "error",
        "the net cannot fit a single batch: change the initialization or the preprocessing",
    )


def dead_units(when: str, measures: Measures, n_rows: int) -> Finding:
    """The fraction of units with the same output for every example, in the worst layer behind the first trainable."""
    if n_rows < _FEWEST_ROWS:
        return _finding(f"dead units {when}", f"cannot be measured with batches of {n_rows}", "ok", "")
    names = list(measures)
    first = next(place for place, name in enumerate(names) if "gradient" in measures[name])
    shares = {name: measures[name]["dead"] for name in names[first:] if "dead" in measures[name]}
    if not shares:
        return _finding(f"dead units {when}", "there are no hidden units", "ok", "")
    worst = max(shares, key=lambda name: shares[name])
    advice = "a dead unit gets no gradient: a smaller learning rate, biases initialized to 0, or a LeakyReLU"
    return _finding(f"dead units {when}", f"{shares[worst]:.0%} in {worst}", _DEAD.status(shares[worst]), advice)


def updates(when: str, measures: Measures) -> Finding:
    """‖Δw‖ / ‖w‖ of every layer; about 1e-3 is healthy."""
    ratios = {name: each["update"] / each["weight"] for name, each in measures.items() if each.get("weight")}
    if not ratios:
        return _finding(f"update / weight {when}", "all weights are 0", "error", "init kaiming")
    smallest, largest = (choose(ratios, key=lambda name: ratios[name]) for choose in (min, max))
    measured = f"{ratios[smallest]:.1e} in {smallest} to {ratios[largest]:.1e} in {largest}"
    status = _UPDATES.status(*ratios.values())
    advice = "a smaller learning rate, or a warmup"
    if ratios[largest] <= _UPDATES.high:
        advice = "a larger learning rate, unless the gradients vanish"
    return _finding(f"update / weight {when}", measured, status, advice)


def gradients(when: str, measures: Measures) -> Finding:
    """‖∂L/∂w‖ of the first trainable layer relative to the last."""
    norms = [each["gradient"] for each in measures.values() if "gradient" in each]
    ratio = norms[0] / norms[-1] if norms[-1] else math.inf
    advice = "vanishing gradients: init kaiming, batch norm or residual connections"
    if ratio > 1:
        advice = "exploding gradients: clip-norm, smaller initial weights or batch norm"
    measured = f"first layer / last layer {ratio:.2g}"
    return _finding(f"gradients {when}", measured, _GRADIENTS.status(ratio), advice)


def class_sizes(counts: Array, names: Sequence[str]) -> Finding:
    """The largest class relative to the smallest, by the number of training examples of each."""
    small, large = int(counts.argmin()), int(counts.argmax())
    measured = f"{counts[small]:,} of {names[small]} to {counts[large]:,} of {names[large]}"
    ratio = counts[large] / counts[small] if counts[small] else math.inf
    advice = "accuracy hides small classes: add examples of them, and see the confusion matrix"
    return _finding("class balance", measured, _CLASSES.status(ratio), advice)


def ending(status: str, *, at_work: bool, step: int | None) -> Finding:
    """The end of the run by its ``status``; a run with the status running and no process ``at_work`` was killed.

    step   step of its last checkpoint
    """
    name = "run status"
    if at_work:
        return _finding(name, "running, a process is at work", "ok", "")
    if status.startswith(("stopped:", "failed")):
        advice = "see the other findings, and replay for the step that failed"
        return _finding(name, status.split(". ")[0], "error", advice)
    if status in ("", "running"):
        left = "before its first step" if step is None else f"after its checkpoint of step {step}"
        return _finding(name, f"interrupted: its process ended {left}", "warning", "train --resume continues it")
    return _finding(name, status, "ok", "")


def model_file(problem: str, *, restorable: bool) -> Finding:
    """A missing or damaged model of a run."""
    advice = "train --resume restores it from the last checkpoint" if restorable else "train it again"
    return _finding("model file", problem.split(". Hint")[0], "error", advice)


def above_chance(history: History, counts: Array) -> Finding:
    """The best held-out accuracy relative to always predicting the largest class, by the examples held out of each."""
    n = int(counts.sum())
    share = float(counts.max() / n)
    bound = share + 3 * math.sqrt(share * (1 - share) / n)  # three standard deviations of a guess
    best = max((record.accuracy for record in history.evaluations), default=0.0)
    advice = "check that labels belong to their images; first resolve the warnings and errors above"
    measured = f"best {history.part} accuracy {best:.3f}, the largest class has {share:.3f}"
    return _finding("accuracy above chance", measured, "ok" if best > bound else "error", advice)


def above_mean(history: History) -> Finding:
    """The best held-out R² of a regression; always predicting the mean gives 0."""
    best = max((record.value("r2") for record in history.evaluations), default=math.nan)
    advice = "check that targets belong to their rows; first resolve the warnings and errors above"
    measured = f"best {history.part} R² {best:.3f}, the mean has 0"
    return _finding("better than the mean", measured, "ok" if best > 0 else "error", advice)


def gap(history: History, scale: float) -> Finding:
    """The held-out loss relative to the last training batches, and to its own best.

    scale   loss of outputs of 0: ln C for the cross-entropy
    """
    last = _tail([record.loss for record in history.steps], 0.1)
    losses = [record.loss for record in history.evaluations]
    measured = f"training {np.mean(last):.3f}, {history.part} {losses[-1]:.3f} (best {min(losses):.3f})"
    wide = losses[-1] - np.mean(last) > 0.5 * scale
    risen = losses[-1] > 1.25 * min(losses)
    advice = "overfitting: augmentation (flip, shift), dropout, weight-decay, or held-out validation with patience"
    return _finding("generalization gap", measured, "warning" if wide or risen else "ok", advice)


def still_falling(history: History, scale: float) -> Finding:
    """The last tenth of the training losses relative to the tenth before; ``scale`` as in ``gap``."""
    losses = [record.loss for record in history.steps]
    if len(losses) < _FEWEST_STEPS:
        return _finding("convergence", f"only {len(losses)} steps", "warning", "too few steps to judge: train longer")
    late = _tail(losses, 0.1)
    early = losses[-2 * len(late) : -len(late)]
    fall = float(np.mean(early) - np.mean(late))
    noise = math.sqrt((np.var(early) + np.var(late)) / len(late))
    falls = fall > max(3 * noise, 0.02 * float(np.mean(early)), 0.01 * scale)
    measured = f"{np.mean(early):.4g}, then {np.mean(late):.4g} over the last {len(late)} steps"
    return _finding("convergence", measured, "warning" if falls else "ok", "the loss is still falling: train longer")


def exploded(when: str, problem: str) -> Finding:
    """A step that failed."""
    return _finding(f"a step {when}", problem, "error", "a smaller learning rate, or see the other findings")


def _tail(values: Sequence[float], share: float) -> Sequence[float]:
    return values[-max(1, int(share * len(values))) :]


def _finding(name: str, measured: str, status: Literal["ok", "warning", "error"], advice: str) -> Finding:
    return Finding(name, measured, status, "" if status == "ok" else advice)
