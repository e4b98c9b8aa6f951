"""Accuracy and confusion matrix: what they count, and what they refuse to count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DTypeError, LabelError, MlpNumpyError, OptionError, ShapeError
from mlp_numpy.training import EvaluationRecord, Metric, accuracy, confusion_matrix, log_loss, mae, r2, rmse
from mlp_numpy.training.metrics import METRICS, MetricFunction, best_of, chosen_metrics, greater_is_better


def test_accuracy_is_a_plain_number() -> None:
    assert type(accuracy(np.eye(3), np.arange(3, dtype=np.uint8))) is float


@pytest.mark.parametrize(
    ("scores", "labels", "kind", "message"),
    [
        (np.zeros(3), [0, 1, 2], ShapeError, r"scores must be \(N, C\), N and C ≥ 1, got \(3,\)"),
        (np.zeros((0, 3)), [], ShapeError, r"got \(0, 3\)"),
        (np.zeros((3, 0)), [0, 0, 0], ShapeError, r"got \(3, 0\)"),
        (np.eye(3), np.arange(3)[:, None], LabelError, r"labels must be \(3,\), one a row, got \(3, 1\). Hint: argmax"),
        (np.eye(3), [0, 1], LabelError, r"labels must be \(3,\), one a row, got \(2,\)"),
        (np.eye(3), [0.0, 1.0, 2.0], LabelError, "labels must be integers, got float64"),
    ],
)
def test_what_has_no_accuracy_is_refused(scores: Array, labels: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=f"accuracy: .*{message}"):
        accuracy(scores, np.asarray(labels))


def test_confusion_counts_bytes_without_overflow() -> None:
    labels = np.arange(200, dtype=np.uint8)
    np.testing.assert_array_equal(confusion_matrix(labels, labels, 200), np.eye(200))


@pytest.mark.parametrize(
    ("labels", "predicted", "n_classes", "kind", "message"),
    [
        ([0, 1], [0], 2, LabelError, r"predicted must be \(2,\), one a row, got \(1,\)"),
        ([[0, 1]], [0], 2, LabelError, r"labels must be \(2,\), one a row, got \(1, 2\)"),
        ([0, 2], [0, 1], 2, LabelError, r"labels must lie in \[0, 2\), got 2 at row 1"),
        ([0, 1], [-1, 1], 2, LabelError, r"predicted must lie in \[0, 2\), got -1 at row 0"),
        ([0, 1], [0.0, 1.0], 2, LabelError, "predicted must be integers, got float64"),
        ([], [], 0, OptionError, "n_classes must be an integer ≥ 1, got 0"),
        ([0], [0], 2.0, OptionError, "n_classes must be an integer ≥ 1, got 2.0"),
        (0, 0, 2, LabelError, r"labels must be \(1,\), one a row, got \(\)"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    labels: Any, predicted: Any, n_classes: int, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=f"confusion_matrix: {message}"):
        confusion_matrix(np.asarray(labels), np.asarray(predicted), n_classes)


TARGETS = np.array([[1.0, 0.0], [2.0, 1.0], [4.0, 0.5]])
OUTPUTS = np.array([[1.5, 0.0], [2.0, 2.0], [3.0, 0.5]])
WEIGHTS = np.array([1.0, 0.0, 3.0])


def test_metrics_of_numbers_are_their_definitions() -> None:
    # R² of the columns: 1 − 1.25/(14/3), 1 − 1/0.5
    assert r2(OUTPUTS, TARGETS) == pytest.approx((1 - 1.25 * 3 / 14 + 1 - 2) / 2)
    assert mae(OUTPUTS, TARGETS) == pytest.approx(2.5 / 6)
    assert rmse(OUTPUTS, TARGETS) == pytest.approx((math.sqrt(1.25 / 3) + math.sqrt(1 / 3)) / 2)


@pytest.mark.parametrize("metric", [r2, mae, rmse])
def test_weights_count_the_rows_of_numbers(metric: MetricFunction) -> None:
    rows = [0, 2, 2, 2]
    assert metric(OUTPUTS, TARGETS, WEIGHTS) == pytest.approx(metric(OUTPUTS[rows], TARGETS[rows], None))


def test_r2_of_constant_targets_is_one_or_zero() -> None:
    constant = np.full((3, 1), 0.1)
    assert r2(constant, constant) == 1
    assert r2(constant + [[0], [0], [1]], constant) == 0


def test_accuracy_of_weighted_rows_and_of_sets_of_labels() -> None:
    scores = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert accuracy(scores, np.array([0, 0, 1]), np.array([1.0, 2.0, 1.0])) == 0.5
    assert accuracy(scores, np.array([0, 0, 1]), np.zeros(3)) == 0
    assert accuracy(scores, np.array([[1, 0], [1, 1], [0, 1]], np.uint8)) == pytest.approx(2 / 3)


def test_log_loss_is_that_of_the_softmax() -> None:
    scores, labels = np.log([[0.5, 0.5], [0.25, 0.75]]), np.array([0, 1])
    assert log_loss(scores, labels) == pytest.approx(-(math.log(0.5) + math.log(0.75)) / 2)


@pytest.mark.parametrize(
    ("outputs", "targets", "error"),
    [
        (OUTPUTS[:, 0], TARGETS[:, 0], ShapeError),
        (OUTPUTS, TARGETS[:2], ShapeError),
        (OUTPUTS.astype(str), TARGETS, DTypeError),
    ],
)
@pytest.mark.parametrize("metric", [r2, mae, rmse])
def test_numbers_that_do_not_match_are_refused(
    metric: MetricFunction, outputs: np.ndarray, targets: np.ndarray, error: type[MlpNumpyError]
) -> None:
    with pytest.raises(error, match=f"{metric.__name__}: "):
        metric(outputs, targets, None)


@pytest.mark.parametrize(("name", "function"), [("loss", r2), ("a b", r2), (3, r2), ("mine", 3)])
def test_a_metric_is_a_name_and_a_function(name: Any, function: Any) -> None:
    with pytest.raises(OptionError, match="Metric: "):
        Metric(name, function)


def test_ties_and_sets_of_labels_at_zero() -> None:
    assert accuracy(np.array([[1.0, 1.0], [0.0, 2.0]]), np.array([0, 0])) == 0.5
    sets = np.array([[1, 0]], np.uint8)
    assert accuracy(np.array([[1e-9, 0.0]]), sets) == 1  # only a score above 0 predicts its label
    assert accuracy(np.array([[0.0, -1.0]]), sets) == 0
    with pytest.raises(DTypeError, match="accuracy: scores must be real numbers, got complex128"):
        accuracy(np.ones((1, 2)) * 1j, np.array([0]))
    with pytest.raises(OptionError, match=r"accuracy: weights must be \(1,\) real numbers"):
        accuracy(np.ones((1, 2)), np.array([0]), np.ones(2))


def test_r2_of_weights_that_leave_one_row() -> None:
    weights = np.array([0.0, 1.0, 0.0])
    assert r2(TARGETS, TARGETS, weights) == 1
    assert r2(OUTPUTS, TARGETS, weights) == 0.5  # the column that is missed has no spread, and counts 0


def test_a_confusion_matrix_by_hand() -> None:
    found = confusion_matrix(np.array([0, 0, 2, 1]), np.array([0, 2, 2, 0], np.int8), 3)
    assert found.tolist() == [[1, 0, 1], [1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("name", ["step", "loss", "lr", "", "1a", "a-b"])
def test_names_of_metrics(name: str) -> None:
    with pytest.raises(OptionError, match="Metric: name must be an identifier but step, loss and lr, got"):
        Metric(name, r2)


def test_metrics_of_a_task() -> None:
    assert [metric.name for metric in chosen_metrics("W", "regression", None)] == ["r2", "mae"]
    assert [metric.name for metric in chosen_metrics("W", "multilabel", None)] == ["accuracy"]
    mine = Metric("mine", r2)
    assert chosen_metrics("W", "classification", ["log_loss", mine]) == (METRICS["log_loss"], mine)
    for metrics, words in (
        ("r2", "W: metrics must be a list of names or Metrics, got 'r2'"),
        (["r2", "r2"], "W: metrics must have different names, got r2, r2"),
        (["accuracy"], "W: metric must be one for a regression, got accuracy"),
        (["log_loss"], "W: metric must be one for a regression, got log_loss"),
        (["r3"], "W: unknown metric 'r3'"),
    ):
        with pytest.raises(OptionError, match=words):
            chosen_metrics("W", "regression", metrics)


def test_directions_and_the_best() -> None:
    names = ("loss", "accuracy", "log_loss", "r2", "mae", "rmse", "of my own")
    assert [greater_is_better(name) for name in names] == [False, True, False, True, False, False, True]
    records = [EvaluationRecord(i, loss, accuracy) for i, (loss, accuracy) in enumerate([(2, 0.1), (1, 0.9), (1, 0.9)])]
    records.append(EvaluationRecord(9, math.nan, math.nan))
    for monitor in ("loss", "accuracy"):
        best = best_of(records, monitor)
        assert best is not None
        assert best.step == 1
    assert best_of(records, "mae") is None
