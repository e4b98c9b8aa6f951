"""Each rule of the doctor at both sides of each of its bounds, with the whole of what it says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from mlp_numpy.diagnose import rules
from mlp_numpy.diagnose.rules import Finding, Measures, Thresholds
from mlp_numpy.training import EvaluationRecord, History, StepRecord

UP, DOWN = math.inf, -math.inf


def finding(found: Finding) -> tuple[str, str, str, str]:
    return found.name, found.measured, found.status, found.advice


def test_thresholds() -> None:
    bounds = Thresholds(1, 2, 3, 4)
    statuses = {0.9: "error", 1: "warning", 1.9: "warning", 2: "ok", 3: "ok", 3.1: "warning", 4: "warning"}
    statuses |= {4.1: "error", math.nan: "error"}
    for value, status in statuses.items():
        assert bounds.status(value) == status
        assert bounds.status(2.5, value) == bounds.status(value, 2.5) == status
    assert bounds.status(1, 3) == "warning"


RATIOS: dict[str, tuple[Callable[[float], Finding], tuple[float, ...]]] = {
    "updates": (lambda r: rules.updates("now", {"a": {"update": r, "weight": 1.0}}), (1e-9, 1e-7, 0.3, 1.0)),
    "gradients": (
        lambda r: rules.gradients("now", {"a": {"gradient": r}, "b": {}, "c": {"gradient": 1.0}}),
        (1e-4, 1e-2, 1e2, 1e4),
    ),
    "input scale": (
        lambda r: rules.input_scale(0, 1, {"a": {"gradient": 1.0, "mean": 0.0, "std": r}}),
        (1e-6, 1e-3, 10.0, 30.0),
    ),
    "first loss": (lambda r: rules.first_loss(r, 10, 1.0), (0.0, 0.5, 1.8, 4.0)),
    "dead units": (
        lambda r: rules.dead_units("now", {"a": {"gradient": 1.0}, "b": {"dead": r}}, 16),
        (-1.0, 0.0, 0.25, 0.8),
    ),
}


@pytest.mark.parametrize("name", RATIOS)
def test_the_bounds_of_a_ratio(name: str) -> None:
    rule, (lowest, low, high, highest) = RATIOS[name]
    statuses = [rule(value).status for value in (low, high, np.nextafter(high, UP), highest, np.nextafter(highest, UP))]
    assert statuses == ["ok", "ok", "warning", "warning", "error"]
    if low > 0:
        assert [rule(np.nextafter(value, DOWN)).status for value in (low, lowest)] == ["warning", "error"]
        assert rule(lowest).status == "warning"


def test_data() -> None:
    assert finding(rules.data("cifar10", 1234, None)) == ("data", "1,234 images of cifar10 to train on", "ok", "")
    found = rules.data("t", 2, "One.\nTwo.\nThree.", "rows")
    assert finding(found) == ("data", "2 rows of t to train on", "warning", "One. Two.")


def test_first_loss() -> None:
    assert finding(rules.first_loss(2.5, 10)) == ("first loss", "2.5, chance gives ln 10 = 2.303", "ok", "")
    high = "the initial loss is far above ln C: reduce the initial weights or scale the inputs"
    assert rules.first_loss(9, 10).advice == high
    assert rules.first_loss(1, 10).advice == "initial loss below ln C: check for label leakage"
    found = finding(rules.first_loss(9, 10, 2))
    assert found == ("first loss", "9, outputs of 0 give 2", "error", high.replace("ln C", "that of outputs of 0"))
    # outputs of 0 may be right
    assert [rules.first_loss(loss, 1, 0.0).status for loss in (1.0, 1.9, 5.0)] == ["ok", "warning", "error"]


def test_input_scale() -> None:
    layers = {"0 Flatten": {"mean": 9.0, "std": 9.0}, "1 Linear": {"gradient": 0.0, "mean": -30.0, "std": 40.0}}
    assert finding(rules.input_scale(0.5, 0.25, layers)) == (
        "input scale",
        "inputs 0.5 ± 0.25, after the first layer 50",
        "error",
        "preprocessing standardize with init kaiming",
    )


def test_one_batch() -> None:
    name = "overfit one batch"
    assert finding(rules.one_batch(64, (0.05, 7), None)) == (name, "64 examples: loss 0.05 after 7 steps", "ok", "")
    said = "8 examples: loss 0.3 after 300 steps; with Adam "
    assert finding(rules.one_batch(8, (0.3, 300), (0.09, 20))) == (
        name, f"{said}0.09 after 20", "warning", "try 3× or ⅓ of the learning rate, or Adam",
    )  # fmt: skip
    assert finding(rules.one_batch(8, (0.3, 300), (0.1, 300))) == (
        name,
        f"{said}0.1 after 300",
        "error",
        "the net cannot fit a single batch: change the initialization or the preprocessing",
    )
    for exploded in (math.inf, math.nan):
        found = rules.one_batch(8, (exploded, 3), (0.01, 20))
        assert (found.status, found.advice) == ("error", "the loss exploded: try a tenth of the learning rate")


def test_dead_units() -> None:
    layers = {"0": {"dead": 0.9}, "1": {"gradient": 1.0}, "2 ReLU": {"dead": 0.1}, "3": {}, "4 ReLU": {"dead": 0.3}}
    advice = "a dead unit gets no gradient: a smaller learning rate, biases initialized to 0, or a LeakyReLU"
    assert finding(rules.dead_units("now", layers, 16)) == ("dead units now", "30% in 4 ReLU", "warning", advice)
    few = rules.dead_units("at the start", layers, 15)
    assert finding(few) == ("dead units at the start", "cannot be measured with batches of 15", "ok", "")
    none = rules.dead_units("now", {"1": {"gradient": 1.0}}, 16)
    assert finding(none) == ("dead units now", "there are no hidden units", "ok", "")


def test_updates() -> None:
    def layers(*ratios: float) -> Measures:
        return {f"{i}": {"update": 2 * ratio, "weight": 2.0} for i, ratio in enumerate(ratios)} | {"x": {"mean": 1.0}}

    name = "update / weight now"
    assert finding(rules.updates("now", layers(1e-3, 1e-2))) == (name, "1.0e-03 in 0 to 1.0e-02 in 1", "ok", "")
    assert rules.updates("now", layers(0.5, 1e-8)).advice == "a smaller learning rate, or a warmup"
    assert rules.updates("now", layers(0.3, 1e-8)).advice == "a larger learning rate, unless the gradients vanish"
    without = {"0": {"update": 1.0, "weight": 0.0}}
    assert finding(rules.updates("now", without)) == (name, "all weights are 0", "error", "init kaiming")


def test_gradients() -> None:
    def between(first: float, last: float) -> Finding:
        return rules.gradients("now", {"0": {"gradient": first}, "1": {}, "2": {"gradient": last}})

    assert finding(between(3, 2)) == ("gradients now", "first layer / last layer 1.5", "ok", "")
    exploding = "exploding gradients: clip-norm, smaller initial weights or batch norm"
    assert between(1000, 2).advice == exploding
    assert finding(between(1, 0)) == ("gradients now", "first layer / last layer inf", "error", exploding)
    assert between(1, 1000).advice == "vanishing gradients: init kaiming, batch norm or residual connections"


def test_class_sizes() -> None:
    def of(*counts: int) -> Finding:
        return rules.class_sizes(np.array([*counts, 0][:3]), ["a", "b", "c"])

    assert finding(of(3, 2, 6)) == ("class balance", "2 of b to 6 of c", "ok", "")
    advice = "accuracy hides small classes: add examples of them, and see the confusion matrix"
    assert finding(of(2, 7, 3)) == ("class balance", "2 of a to 7 of b", "warning", advice)
    assert finding(of(5, 2000)) == ("class balance", "0 of c to 2,000 of b", "error", advice)


def test_endings() -> None:
    def of(status: str, at_work: bool = False, step: int | None = None) -> tuple[str, str, str]:
        found = rules.ending(status, at_work=at_work, step=step)
        assert found.name == "run status"
        return finding(found)[1:]

    assert of("running", at_work=True) == ("running, a process is at work", "ok", "")
    seek = "see the other findings, and replay for the step that failed"
    assert of("stopped: the loss is NaN. Hint: x") == ("stopped: the loss is NaN", "error", seek)
    assert of("failed. Why") == ("failed", "error", seek)
    resume = "train --resume continues it"
    assert of("running", step=8) == ("interrupted: its process ended after its checkpoint of step 8", "warning", resume)
    assert of("", step=0) == ("interrupted: its process ended after its checkpoint of step 0", "warning", resume)
    assert of("") == ("interrupted: its process ended before its first step", "warning", resume)
    assert of("finished") == ("finished", "ok", "")


def test_model_file_and_exploded() -> None:
    for restorable, advice in (
        (True, "train --resume restores it from the last checkpoint"),
        (False, "train it again"),
    ):
        found = rules.model_file("it is gone. Hint: look", restorable=restorable)
        assert finding(found) == ("model file", "it is gone", "error", advice)
    advice = "a smaller learning rate, or see the other findings"
    assert finding(rules.exploded("now", "NaN")) == ("a step now", "NaN", "error", advice)


def history(
    evaluations: list[EvaluationRecord] | None = None, losses: list[float] | None = None, part: str = "validation"
) -> History:
    steps = [StepRecord(i + 1, loss) for i, loss in enumerate(losses or [])]
    return History(steps=steps, evaluations=evaluations or [], part=part)


def test_above_chance() -> None:
    counts = np.array([36, 64])
    # 64 of 100: a guess of the largest class has the standard deviation 0.048
    for accuracy, status in ((0.783, "error"), (0.785, "ok")):
        found = rules.above_chance(history([EvaluationRecord(1, 1.0, accuracy), EvaluationRecord(2, 1.0, 0.1)]), counts)
        measured = f"best validation accuracy {accuracy:.3f}, the largest class has 0.640"
        assert finding(found)[:3] == ("accuracy above chance", measured, status)
    advice = "check that labels belong to their images; first resolve the warnings and errors above"
    assert rules.above_chance(history(part="test"), counts) == Finding(
        "accuracy above chance", "best test accuracy 0.000, the largest class has 0.640", "error", advice
    )
    alone = rules.above_chance(history([EvaluationRecord(1, 1.0, 1.0)]), np.array([5]))
    assert alone.status == "error"  # nothing is above certainty


def test_above_mean() -> None:
    for r2, status in ((0.0, "error"), (1e-9, "ok"), (-1.0, "error"), (math.nan, "error")):
        found = rules.above_mean(history([EvaluationRecord(1, 1.0, metrics={"r2": r2})]))
        assert found.status == status
    advice = "check that targets belong to their rows; first resolve the warnings and errors above"
    assert rules.above_mean(history()) == Finding(
        "better than the mean", "best validation R² nan, the mean has 0", "error", advice
    )


def test_gap() -> None:
    def status(last: float, best: float, train: float = 1.0, scale: float = 1.0) -> str:
        evaluations = [EvaluationRecord(1, best), EvaluationRecord(2, last)]
        return rules.gap(history(evaluations, [9.0] * 18 + [train] * 2), scale).status

    assert status(1.5, 1.5) == "ok"
    assert status(1.51, 1.51) == "warning"
    assert status(1.51, 1.51, scale=2.0) == "ok"
    assert status(1.25, 1.0) == "ok"
    assert status(1.26, 1.0) == "warning"
    found = rules.gap(history([EvaluationRecord(1, 1.0), EvaluationRecord(2, 4.0)], [9.0] * 9 + [2.0]), 1.0)
    advice = "overfitting: augmentation (flip, shift), dropout, weight-decay, or held-out validation with patience"
    assert finding(found) == (
        "generalization gap", "training 2.000, validation 4.000 (best 1.000)", "warning", advice,
    )  # fmt: skip


def test_still_falling() -> None:
    def found(losses: list[float], scale: float = 0.0) -> Finding:
        return rules.still_falling(history(losses=losses), scale)

    assert finding(found([1.0] * 39)) == (
        "convergence",
        "only 39 steps",
        "warning",
        "too few steps to judge: train longer",
    )
    assert finding(found([1.0] * 40)) == ("convergence", "1, then 1 over the last 4 steps", "ok", "")
    advice = "the loss is still falling: train longer"
    assert finding(found([5.0] * 36 + [4.0] * 4)) == (
        "convergence", "5, then 4 over the last 4 steps", "warning", advice,
    )  # fmt: skip
    assert found([5.0] * 37 + [4.0] * 3).status == "warning"
    # within 2 % of the loss, or 1 % of the scale, is no fall
    for late, status in ((0.985, "ok"), (0.975, "warning")):
        assert found([1.0] * 36 + [late] * 4).status == status
    for scale, status in ((11.0, "ok"), (9.0, "warning")):
        assert found([1.0] * 36 + [0.9] * 4, scale).status == status
    # nor is what is within three standard errors: the variances of 4 and 4 losses are 1, their sum over 4 is ½
    early, late = [9.0, 11.0] * 18, [1.0, 3.0, 1.0, 3.0]
    for shift, status in ((2.2, "warning"), (2.0, "ok")):
        assert found([*early, *(loss + 8 - shift for loss in late)]).status == status
