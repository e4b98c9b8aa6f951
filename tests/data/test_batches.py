"""Batches: steps, epochs and rests, and what is refused with its whole message."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import OptionError, ShapeError

RAW = Preprocessing("raw", None, None)
THREE = Preprocessing("unit", None, np.ones(3))
SPLIT = Split(np.arange(28, dtype=np.float32).reshape(7, 4), np.arange(7))


def labels(batches: Batches, steps: range) -> list[list[int]]:
    return [batches.at(step)[1].tolist() for step in steps]


def test_the_rest_of_an_epoch_is_left_out_or_a_batch_of_its_own() -> None:
    short = Batches(SPLIT, 3, RAW, shuffle=False)
    assert short.steps_per_epoch == 2
    assert labels(short, range(3)) == [[0, 1, 2], [3, 4, 5], [0, 1, 2]]
    whole = Batches(SPLIT, 3, RAW, shuffle=False, drop_last=False)
    assert whole.steps_per_epoch == 3
    assert labels(whole, range(4)) == [[0, 1, 2], [3, 4, 5], [6], [0, 1, 2]]
    assert Batches(SPLIT, 7, RAW, drop_last=False).steps_per_epoch == 1


def test_an_epoch_is_the_permutation_of_seed_and_epoch() -> None:
    batches = Batches(SPLIT, 3, RAW, seed=5)
    for step in (0, 1, 2, 5, 4, 0):
        epoch, position = divmod(step, 2)
        order = np.random.default_rng([5, epoch]).permutation(7)
        x, y = batches.at(step)
        assert y.tolist() == order[3 * position :][:3].tolist()
        np.testing.assert_array_equal(x, SPLIT.inputs[y])
        assert x.dtype == np.float32
    assert Batches(SPLIT, 3, RAW, dtype=np.float64).at(0)[0].dtype == np.float64


def test_augmentation_is_drawn_by_seed_and_step_for_batches_alone() -> None:
    flips = Augmentation((1, 2, 2), flip=True, shift=1)
    for step in (0, 3):
        plain = Batches(SPLIT, 3, RAW, seed=2).at(step)[0].copy()
        wanted = flips.apply(plain.copy(), 2, step)
        found = Batches(SPLIT, 3, RAW, seed=2, augmentation=flips).at(step)[0]
        np.testing.assert_array_equal(found, plain if wanted is None else wanted)
    np.testing.assert_array_equal(next(chunks(SPLIT, 7, RAW))[0], SPLIT.inputs)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"size": 8}, OptionError, "a batch of 8 is larger than the data, 7 examples. Hint: .* at most 7"),
        ({"augmentation": "flip"}, OptionError, "augmentation must be an Augmentation or None, got 'flip'"),
        ({"augmentation": Augmentation((1, 3, 3), shift=1)}, ShapeError, "images must have .* got 4 numbers each"),
        ({"preprocessing": None}, OptionError, "there must be a Preprocessing, got None"),
        ({"preprocessing": THREE}, ShapeError, r"images must be \(N, 3\), got \(7, 4\)"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_is_refused(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"Batches: {words}"):
        Batches(**{"split": SPLIT, "size": 2, "preprocessing": RAW} | options)
    if "preprocessing" in options:
        with pytest.raises(error, match=f"chunks: {words}"):
            chunks(SPLIT, 2, options["preprocessing"])


def test_steps_are_counted_from_zero() -> None:
    batches = Batches(SPLIT, 3, RAW, shuffle=False)
    for step in (-1, np.int64(-1)):
        with pytest.raises(OptionError, match=r"Batches\.at: steps are counted from 0, got -1\."):
            batches.at(step)
    assert batches.at(np.int64(1))[1].tolist() == [3, 4, 5]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_chunks(size: int) -> None:
    found = [(x.copy(), y) for x, y in chunks(SPLIT, size, RAW, np.float64)]
    assert [len(y) for _, y in found] == [min(size, 7 - start) for start in range(0, 7, size)]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), SPLIT.inputs)
    assert found[0][0].dtype == np.float64
