"""The digest of a data set: of its numbers and names, all of them and no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlp_numpy.data import Dataset, Split
from mlp_numpy.data.digest import dataset_digest

X = np.arange(24, dtype=np.uint8).reshape(6, 4)
SPLIT = Split(X, np.array([0, 1, 0, 1, 1, 0]))
DATASET = Dataset("a", SPLIT, SPLIT.rows(slice(0, 2)), (1, 2, 2), ("cat", "dog"))


def test_equal_numbers_have_one_digest() -> None:
    found = dataset_digest(DATASET)
    same = Split(np.asfortranarray(X), np.array([0, 1, 0, 1, 1, 0], np.uint8))
    assert dataset_digest(replace(DATASET, name="b", source="elsewhere", train=same)) == found


def test_whatever_is_other_has_another_digest() -> None:
    pixel, label = X.copy(), np.array([0, 1, 0, 1, 1, 1])
    pixel[-1, -1] += 1
    others = [
        replace(DATASET, train=Split(pixel, SPLIT.targets)),
        replace(DATASET, train=Split(X, label)),
        replace(DATASET, train=Split(X, SPLIT.targets, np.ones(6))),
        replace(DATASET, train=Split(X.astype(np.float32), SPLIT.targets)),
        replace(DATASET, test=SPLIT.rows(slice(0, 3))),
        replace(DATASET, image_shape=(4, 1, 1)),
        replace(DATASET, class_names=("dog", "cat")),
    ]
    assert len({dataset_digest(each) for each in [DATASET, *others]}) == 8
