"""Targets and weights of every task: the form they are stored in, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data import Batches, Dataset, Preprocessing, Split, chunks, hold_out
from mlp_numpy.data.targets import checked_targets, checked_weights
from mlp_numpy.errors import LabelError, MlpNumpyError, OptionError, ShapeError

RAW = Preprocessing("raw", None, None)
X = np.arange(12, dtype=np.float32).reshape(6, 2)


@pytest.mark.parametrize(
    ("task", "given", "stored", "dtype"),
    [
        ("classification", np.array([0, 2, 1], np.uint8), [0, 2, 1], np.int64),
        ("multilabel", np.array([[True, False], [0, 0], [1, 1]]), [[1, 0], [0, 0], [1, 1]], np.uint8),
        ("multilabel", np.array([[1.0], [0.0], [1.0]]), [[1], [0], [1]], np.uint8),
        ("regression", np.array([1, 2, 3]), [[1], [2], [3]], np.float64),
        ("regression", np.array([[0.5, 1], [2, 3], [4, 5]], np.float32), [[0.5, 1], [2, 3], [4, 5]], np.float32),
        ("regression", np.array([1, 2, 3], np.float16), [[1], [2], [3]], np.float32),
    ],
)
def test_the_stored_form(task: Any, given: np.ndarray, stored: list[Any], dtype: Any) -> None:
    found = checked_targets("T", task, given, 3)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, stored)
    assert Split(X[:3], given, task=task).targets.tolist() == stored


@pytest.mark.parametrize(
    ("task", "given", "message"),
    [
        ("classification", np.array([0.5, 1, 2]), "must be integers, got float64. Hint: real numbers are task='regr"),
        ("classification", np.eye(3, dtype=int), "sets of labels are task='multilabel'"),
        ("multilabel", np.array([0, 1, 1]), r"must be \(3, K\)"),
        ("multilabel", np.array([[0, 1], [2, 0], [1, 1]]), "got 2 in row 1, column 0"),
        ("multilabel", np.array([["a"], ["b"], ["c"]]), "must be 0 or 1, got <U1"),
        ("multilabel", np.zeros((3, 0)), r"must be \(3, K\)"),
        ("regression", np.array([1.0, np.nan, 2]), "must be finite, got nan in row 1, column 0"),
        ("regression", np.array([[1.0, 2], [3, 4], [5, np.inf]]), "must be finite, got inf in row 2, column 1"),
        ("regression", np.zeros((2, 2)), r"must be \(3, K\) or \(3,\)"),
        ("regression", np.zeros((3, 1, 1)), r"must be \(3, K\) or \(3,\)"),
        ("regression", np.array(["a", "b", "c"]), "must be real numbers"),
    ],
)
def test_what_is_refused(task: Any, given: np.ndarray, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        Split(X[:3], given, task=task)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(2), r"must be \(3,\) real numbers, got float64 of shape \(2,\)"),
        (np.array([1.0, -1, 1]), "must be finite and ≥ 0, got -1.0 at row 1"),
        (np.array([1.0, 1, np.nan]), "got nan at row 2"),
        (np.zeros(3), "must not all be 0"),
        (np.array(["a", "b", "c"]), "real numbers"),
    ],
)
def test_weights_that_are_refused(weights: np.ndarray, message: str) -> None:
    with pytest.raises(OptionError, match=f"Split: weights .*{message}"):
        Split(X[:3], np.array([0, 1, 2]), weights)


def test_weights_are_doubles() -> None:
    assert checked_weights("W", np.array([1, 2], np.int8), 2).dtype == np.float64
    unknown: Any = "ranking"
    with pytest.raises(OptionError, match="unknown task 'ranking'"):
        Split(X[:3], np.array([0, 1, 2]), task=unknown)


def test_weights_follow_their_rows_through_batches_and_parts() -> None:
    split = Split(X, np.arange(6) % 2, np.arange(6.0))
    for parts in (hold_out(split, 2, "random", seed=1), hold_out(split, 2, "stratified"), hold_out(split, 2, "last")):
        for part in parts:
            np.testing.assert_array_equal(part.weights, part.inputs[:, 0] / 2)
    batches = Batches(split, 4, RAW, seed=3, drop_last=False)
    assert batches.steps_per_epoch == 2
    seen = []
    for step in (0, 1):
        x, y, w = batches.at(step)
        np.testing.assert_array_equal(w, x[:, 0] / 2)
        np.testing.assert_array_equal(y, w % 2)
        seen += w.tolist()
    assert sorted(seen) == [0, 1, 2, 3, 4, 5]
    assert [w.tolist() for _, _, w in chunks(split, 4, RAW)] == [[0, 1, 2, 3], [4, 5]]
    assert len(Batches(split, 4, RAW).at(0)[2]) == 4
    assert Batches(split, 4, RAW).steps_per_epoch == 1


def test_classes_are_not_asked_of_numbers() -> None:
    split = Split(X, X, task="regression")
    train, held = hold_out(split, 2, "random")
    assert (len(train), len(held), held.task) == (4, 2, "regression")
    with pytest.raises(OptionError, match="first, last or random for a regression"):
        hold_out(split, 2, "stratified")


@pytest.mark.parametrize(
    ("other", "names", "error"),
    [
        (Split(X, X, task="regression"), ("a", "b"), None),
        (Split(X, X, task="regression"), ("a",), ShapeError),
        (Split(X, np.zeros(6, int)), ("a", "b"), OptionError),
    ],
)
def test_a_data_set_has_one_task(other: Split, names: tuple[str, ...], error: type[MlpNumpyError] | None) -> None:
    train = Split(X, X, task="regression")
    if error is None:
        dataset = Dataset("t", train, other, (2, 1, 1), names, feature_names=("u", "v"))
        assert (dataset.task, dataset.n_outputs, dataset.feature_names) == ("regression", 2, ("u", "v"))
        return
    with pytest.raises(error):
        Dataset("t", train, other, (2, 1, 1), names)


def test_one_name_per_column() -> None:
    split = Split(X, X, task="regression")
    with pytest.raises(OptionError, match="feature_names must be one name per column"):
        Dataset("t", split, split, (2, 1, 1), ("a", "b"), feature_names=("u",))
