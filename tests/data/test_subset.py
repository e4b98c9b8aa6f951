"""A few classes of a data set: which examples stay, how they are labeled, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.subset import only_classes
from mlp_numpy.errors import DataError, OptionError


def _numbered() -> Dataset:
    """Six images a part whose only number tells which they are."""
    train, test = np.arange(6, dtype=np.uint8)[:, None], np.arange(10, 16, dtype=np.uint8)[:, None]
    labels = np.array([2, 0, 1, 2, 0, 1])
    return Dataset("numbered", Split(train, labels), Split(test, labels[::-1].copy()), (1, 1, 1), ("a", "b", "c"))


def test_examples_of_these_classes_alone_in_their_order() -> None:
    found = only_classes(_numbered(), ["c", "a"])
    assert found.class_names == ("c", "a")
    assert found.name == "numbered c/a"
    assert found.train.images.ravel().tolist() == [0, 1, 3, 4]
    assert found.train.labels.tolist() == [0, 1, 0, 1]
    assert found.test.images.ravel().tolist() == [11, 12, 14, 15]
    assert found.test.labels.tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("names", [["a"], [], ["a", "a"]])
def test_fewer_than_two_classes_are_refused(names: list[str]) -> None:
    with pytest.raises(OptionError, match="two or more different classes"):
        only_classes(_numbered(), names)


def test_an_unknown_class_is_named_with_those_there_are() -> None:
    with pytest.raises(OptionError, match="unknown class of numbered 'd'.*Known: a, b, c"):
        only_classes(_numbered(), ["a", "d"])


def test_a_part_without_such_examples_is_refused() -> None:
    whole = _numbered()
    empty = Dataset("half", whole.train, Split(whole.test.images[:2], np.array([1, 1])), (1, 1, 1), ("a", "b", "c"))
    with pytest.raises(DataError, match="one has none"):
        only_classes(empty, ["a", "c"])


def test_the_option_that_names_them(cifar_dir: Path) -> None:
    whole = load_dataset("cifar10", cifar_dir).dataset
    two = load_dataset("cifar10:airplane, bird", cifar_dir).dataset
    assert two.class_names == ("airplane", "bird")
    assert len(two.train) == np.isin(whole.train.labels, [0, 2]).sum()
    np.testing.assert_array_equal(two.test.images, whole.test.images[np.isin(whole.test.labels, [0, 2])])
    assert two.source == whole.source
    with pytest.raises(OptionError, match="unknown class of CIFAR-10 'plane'. Did you mean 'airplane'"):
        load_dataset("cifar10:plane,bird", cifar_dir)
    with pytest.raises(OptionError, match="must be those of one data set"):
        load_dataset("auto:airplane,bird", cifar_dir)


def test_few_shapes_are_few_and_the_same_each_time(tmp_path: Path) -> None:
    one, other = (load_dataset("few-shapes", tmp_path).dataset for _ in range(2))
    assert (len(one.train), len(one.test)) == (400, 100)
    np.testing.assert_array_equal(one.train.images, other.train.images)
    assert list(tmp_path.iterdir()) == []
