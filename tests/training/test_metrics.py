"""Accuracy and confusion matrix: what they count, and what they refuse to count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.arrays import Array
from mlp_numpy.errors import LabelError, OptionError, ShapeError
from mlp_numpy.training import accuracy, confusion_matrix


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
