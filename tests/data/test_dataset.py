"""The data set in memory contradicts neither itself nor its names."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.errors import DataError, DTypeError, LabelError, MlpNumpyError, ShapeError


def split(n: int = 4, dtype: Any = np.uint8) -> Split:
    return Split(np.zeros((n, 12), dtype=dtype), np.arange(n) % 3)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset("toy", split(), split(2), (3, 2, 2), ("a", "b", "c"))


def test_sizes(dataset: Dataset) -> None:
    assert len(dataset.train) == 4
    assert len(dataset.test) == 2
    assert dataset.n_classes == 3
    assert dataset.n_features == 12
    assert dataset.source == "memory"


def test_it_does_not_change(dataset: Dataset) -> None:
    with pytest.raises(FrozenInstanceError):
        dataset.name = "another"
    with pytest.raises(FrozenInstanceError):
        dataset.train.images = np.zeros((4, 12))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.bool_])
def test_kinds_of_pixels(dtype: Any) -> None:
    assert Dataset("toy", split(dtype=dtype), split(), (3, 2, 2), ("a", "b", "c")).train.images.dtype == dtype


ROWS = np.zeros((3, 12), dtype=np.float32)
WITH_NAN = ROWS.copy()
WITH_NAN[1, 4] = np.nan
WITH_INFINITY = ROWS.copy()
WITH_INFINITY[2, 0] = -np.inf


@pytest.mark.parametrize(
    ("images", "labels", "kind", "message"),
    [
        (ROWS.reshape(3, 3, 2, 2), [0, 1, 2], ShapeError, r"images must be \(N, D\), got \(3, 3, 2, 2\). Hint: .*resh"),
        (ROWS[0], [0], ShapeError, r"images must be \(N, D\), got \(12,\)"),
        (ROWS[:0], [], DataError, "at least one example"),
        (ROWS, [0, 1], LabelError, r"labels must be \(3,\), one per example, got \(2,\)"),
        (ROWS, np.eye(3, dtype=int), LabelError, r"labels\.argmax\(axis=1\)"),
        (ROWS, [0.0, 1.0, 2.0], LabelError, "labels must be integers, got float64"),
        (ROWS, [True, False, True], LabelError, "labels must be integers, got bool"),
        (ROWS.astype(object), [0, 1, 2], DataError, "images must hold real numbers, got object"),
        (ROWS.astype(complex), [0, 1, 2], DataError, "images must hold real numbers, got complex128"),
        (WITH_NAN, [0, 1, 2], DataError, "NaN or infinity in row 1"),
        (WITH_INFINITY, [0, 1, 2], DataError, "NaN or infinity in row 2"),
    ],
)
def test_examples_that_contradict_themselves_are_refused_before_any_data_set_has_them(
    images: np.ndarray, labels: Any, kind: type[MlpNumpyError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        Split(images, np.asarray(labels))
    assert type(caught.value) is kind
    assert str(caught.value).startswith("Split: ")


def test_lists_are_no_examples() -> None:
    with pytest.raises(DTypeError, match="Split: images must be a NumPy array, got list"):
        Split(ROWS.tolist(), np.arange(3))
    with pytest.raises(DTypeError, match="Split: labels must be a NumPy array, got list"):
        Split(ROWS, [0, 1, 2])


@pytest.mark.parametrize("part", ["train", "test"])
@pytest.mark.parametrize(
    ("images", "labels", "kind", "message"),
    [
        (ROWS[:, :11], [0, 1, 2], ShapeError, r"images must be \(N, 12\), got \(3, 11\)"),
        (ROWS, [0, 3, 1], LabelError, r"labels must lie in \[0, 3\), got 3 at row 1"),
        (ROWS, [0, 1, -1], LabelError, r"labels must lie in \[0, 3\), got -1 at row 2"),
    ],
)
def test_a_contradiction_is_told_at_once(
    dataset: Dataset, part: str, images: np.ndarray, labels: Any, kind: type[MlpNumpyError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        replace(dataset, **{part: Split(images, np.asarray(labels))})
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"Dataset('toy').{part}: ")
