"""Targets and weights of every task: the form they are stored in, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data import Batches, Dataset, Preprocessing, Split, chunks, hold_out
from mlp_numpy.data.targets import TargetScaling, checked_targets, checked_weights
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


def test_labels_of_unsigned_integers_fit_into_signed_ones() -> None:
    most = 2**63 - 1
    assert checked_targets("T", "classification", np.array([most], np.uint64), 1).tolist() == [most]
    with pytest.raises(LabelError, match=f"T: labels must be at most {most}, got {most + 1}."):
        checked_targets("T", "classification", np.array([0, most + 1], np.uint64), 2)
    with pytest.raises(LabelError, match=r"T: labels must be \(2,\), one per example, got \(3,\)\."):
        checked_targets("T", "classification", np.zeros(3, int), 2)
    with pytest.raises(LabelError, match=r"T: labels must be integers, got <U1\.$"):
        checked_targets("T", "classification", np.array(["a"]), 1)
    for shape in ((0, 2), (2, 0)):
        with pytest.raises(LabelError, match="one row per example"):
            checked_targets("T", "regression", np.zeros(shape), shape[0])


def test_the_scaling_of_targets() -> None:
    # a column that varies by no more than the rounding of its mean is only shifted
    targets = np.array([[1e6, 0.0], [1e6, 1.0], [1e6 + 1e-10, 2.0]])
    scaling = TargetScaling.fit(targets)
    assert scaling.std == (1.0, pytest.approx((2 / 3) ** 0.5))
    assert TargetScaling.fit(np.array([[0.0], [1e-9]])).std == (5e-10,)
    single = np.array([[1.0], [3.0]], np.float32)
    assert scaling.scale(targets.astype(np.float32)).dtype == np.float64
    assert TargetScaling.fit(single).restore(single).dtype == np.float64
    for array in (np.ones(2), np.ones((2, 1)), np.ones((2, 2)) * 1j):
        for method in (scaling.scale, scaling.restore):
            with pytest.raises(
                LabelError, match=rf"TargetScaling\.{method.__name__}: \w+ must be real numbers \(N, 2\)"
            ):
                method(array)
    for array in (np.empty((0, 2)), np.array([[np.inf]])):
        with pytest.raises(LabelError, match=r"TargetScaling\.fit: targets must be finite, and at least one row\."):
            TargetScaling.fit(array)
    with pytest.raises(LabelError, match=r"TargetScaling\.fit: targets must be real numbers \(N, K\), got .* \(2,\)"):
        TargetScaling.fit(np.ones(2))
    for mean, std, words in (
        ((), (), r"mean must be one number per target, got \(\)"),
        ((1.0,), (1.0, 2.0), r"std must be one number per target"),
        ((1.0,), (0.0,), "std must be a number > 0, got 0.0"),
        ((float("inf"),), (1.0,), "mean must be a finite number, got inf"),
    ):
        with pytest.raises(OptionError, match=f"TargetScaling: {words}"):
            TargetScaling(mean, std)
    with pytest.raises(OptionError, match="TargetScaling: std must be"):
        TargetScaling((1.0,), (float("inf"),))


@pytest.mark.parametrize("targets", [[[1e250], [2e250]], [[1e308], [-1e308]]])
def test_targets_whose_squares_overflow_are_refused_by_name(targets: list[list[float]]) -> None:
    for fit in (TargetScaling.fit, lambda array: TargetScaling.fit_blocks([array[:1], array[1:]])):
        with pytest.raises(LabelError, match="targets must have squares within the range of float64"):
            fit(np.array(targets))
