"""Augmentation: the equation in explicit loops, and the same changes at the same step whatever came before."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_numpy.data.augmentation import Augmentation, Transforms
from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DTypeError, OptionError, ShapeError

SHAPE = (3, 8, 8)
RNG = np.random.default_rng(0)
SPLIT = Split(RNG.integers(0, 256, (60, 192), np.uint8), np.arange(60))
PLAIN = Preprocessing.fit("mean-image", SPLIT.images, SHAPE)


def in_loops(x: np.ndarray, shape: tuple[int, int, int], draws: Transforms, cutout: int) -> np.ndarray:
    """The equation of Augmentation, number by number."""
    channels, height, width = shape
    out = np.zeros((len(x), *shape), x.dtype)
    for n, image in enumerate(x.reshape(-1, *shape)):
        top, left = draws.row[n] - cutout // 2, draws.column[n] - cutout // 2
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    row, column = i - draws.down[n], (width - 1 - j if draws.mirrored[n] else j) - draws.right[n]
                    covered = top <= i < top + cutout and left <= j < left + cutout
                    if 0 <= row < height and 0 <= column < width and not covered:
                        out[n, c, i, j] = image[c, row, column]
    return out.reshape(len(x), -1)


@given(
    st.tuples(st.integers(1, 3), st.integers(2, 6), st.integers(2, 6)),
    st.booleans(),
    st.integers(0, 1),
    st.integers(0, 3),
    st.integers(0, 100),
)
@pytest.mark.slow
def test_it_is_its_equation(shape: tuple[int, int, int], flip: bool, shift: int, cutout: int, step: int) -> None:
    cutout = min(cutout, min(shape[1:]) - 1)
    if not (flip or shift or cutout):
        return
    augmentation = Augmentation(shape, flip, shift, cutout)
    x = np.random.default_rng(step).normal(size=(5, int(np.prod(shape))))
    wanted = in_loops(x, shape, augmentation.draw(5, 3, step), cutout)
    assert augmentation.apply(x, 3, step) is x
    np.testing.assert_array_equal(x, wanted)


def test_a_move_by_hand() -> None:
    """Of [[1, 2], [3, 4]], moved down by one and mirrored, [2, 1] is left below zeros."""
    augmentation = Augmentation((1, 2, 2), shift=1)
    found = set()
    for step in range(200):
        draws = augmentation.draw(1, 0, step)
        if (draws.down[0], draws.right[0], draws.mirrored[0]) == (1, 0, True):
            found.add(tuple(augmentation.apply(np.array([[1.0, 2.0, 3.0, 4.0]]), 0, step)[0]))
    assert found == {(0.0, 0.0, 2.0, 1.0)}


def test_draws_reach_every_place_and_are_fair() -> None:
    draws = Augmentation(SHAPE, shift=4, cutout=3).draw(20_000, 1, 0)
    for moved in (draws.down, draws.right):
        np.testing.assert_allclose(np.bincount(moved + 4) / 20_000, np.full(9, 1 / 9), atol=0.01)
    for middle in (draws.row, draws.column):
        np.testing.assert_allclose(np.bincount(middle) / 20_000, np.full(8, 1 / 8), atol=0.01)
    assert abs(draws.mirrored.mean() - 0.5) < 0.02
    assert abs(np.corrcoef(draws.down, draws.right)[0, 1]) < 0.03


def test_an_option_more_leaves_the_other_draws_as_they_are() -> None:
    one, other = Augmentation(SHAPE).draw(50, 1, 2), Augmentation(SHAPE, flip=False, cutout=3).draw(50, 1, 2)
    for before, after in zip(one[:2], other[:2], strict=True):
        np.testing.assert_array_equal(before, after)
    assert one.mirrored.any()
    assert not other.mirrored.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_of_a_seed_is_the_same_whatever_came_before(dtype: Any) -> None:
    augmentation = Augmentation(SHAPE, cutout=3)
    one, other = (Batches(SPLIT, 20, PLAIN, seed=3, dtype=dtype, augmentation=augmentation) for _ in range(2))
    for step in (5, 0, 3, 4):
        x, y = (part.copy() for part in one.at(step))
        again = other.at(step)
        assert x.dtype == dtype
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])


def test_steps_and_seeds_differ() -> None:
    augmentation = Augmentation(SHAPE)
    seen = {augmentation.apply(np.ones((20, 192)), seed, step).tobytes() for seed in range(3) for step in range(4)}
    assert len(seen) == 12


def test_batches_change_images_of_the_same_examples_alone() -> None:
    augmentation = Augmentation(SHAPE, cutout=3)
    plain, changed = (Batches(SPLIT, 20, PLAIN, seed=3, augmentation=each) for each in (None, augmentation))
    before = SPLIT.images.copy()
    for step in (0, 7):
        (x, y), (moved, labels) = plain.at(step), changed.at(step)
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_array_equal(moved, in_loops(x, SHAPE, augmentation.draw(20, 3, step), 3))
        assert (moved != x).any()
    np.testing.assert_array_equal(SPLIT.images, before)


def test_an_evaluation_sees_images_as_they_are() -> None:
    Batches(SPLIT, 20, PLAIN, augmentation=Augmentation(SHAPE)).at(0)
    (whole,) = [x.copy() for x, _ in chunks(SPLIT, 60, PLAIN)]
    np.testing.assert_array_equal(whole, PLAIN.apply(SPLIT.images))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"image_shape": (8, 8)}, r"image_shape must be \(C, H, W\), got \(8, 8\)"),
        ({"image_shape": (3, 0, 8)}, r"image_shape must be \(C, H, W\), got \(3, 0, 8\)"),
        ({"flip": 1}, "flip must be True or False, got 1"),
        ({"shift": 8}, r"shift must be an integer in \[0, 8\), got 8"),
        ({"shift": -1}, r"shift must be an integer in \[0, 8\), got -1"),
        ({"shift": 1.0}, r"shift must be an integer in \[0, 8\), got 1.0"),
        ({"cutout": 8}, r"cutout must be an integer in \[0, 8\), got 8"),
        ({"flip": False, "shift": 0}, "something must be changed, got neither flip nor shift nor cutout"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=f"Augmentation: {words}"):
        Augmentation(**{"image_shape": SHAPE, **settings})


def test_what_does_not_fit_is_refused_unchanged() -> None:
    augmentation = Augmentation(SHAPE)
    x = np.ones((4, 192))
    for bad in (x[:, :191], x.reshape(4, *SHAPE), x.T.copy().T):
        with pytest.raises(ShapeError, match=r"Augmentation.apply: x must be \(N, 192\), C-contiguous, got "):
            augmentation.apply(bad, 0, 0)
    for seed, step in ((-1, 0), (0, -1)):
        with pytest.raises(OptionError, match="must be an integer ≥ 0, got -1"):
            augmentation.apply(x, seed, step)
    assert (x == 1).all()
    with pytest.raises(ShapeError, match=r"Batches: images must have the sizes of Augmentation\(image_shape=\(3, 8, 9"):
        Batches(SPLIT, 20, PLAIN, augmentation=Augmentation((3, 8, 9)))
    with pytest.raises(OptionError, match="Batches.at: steps are counted from 0, got -1"):
        Batches(SPLIT, 20, PLAIN).at(-1)


def test_alternating_examples_are_mirrored_in_every_second_epoch() -> None:
    augmentation = Augmentation(SHAPE, shift=0, alternate=True)
    examples = np.arange(1000)
    first, second, third = (augmentation.draw(1000, 3, e, examples, e).mirrored for e in range(3))
    np.testing.assert_array_equal(first, ~second)
    np.testing.assert_array_equal(first, third)
    assert 400 < first.sum() < 600
    assert 400 < (first != augmentation.draw(1000, 4, 0, examples).mirrored).sum() < 600


def test_an_alternating_flip_depends_on_the_example_alone() -> None:
    augmentation = Augmentation(SHAPE, alternate=True)
    some = np.array([17, 3, 998])
    whole = augmentation.draw(1000, 3, 0, np.arange(1000)).mirrored
    np.testing.assert_array_equal(augmentation.draw(3, 3, 5, some).mirrored, whole[some])


def test_the_coins_of_examples_are_those_of_splitmix64() -> None:
    (start,) = np.random.SeedSequence([5, zlib.crc32(b"alternation")]).generate_state(1, np.uint64).tolist()

    def coin(example: int) -> int:
        z = (start + (example + 1) * 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
        return (z ^ (z >> 31)) % 2

    examples = np.array([0, 1, 2, 3, 500, 49_999, 7, 10**9])
    mirrored = Augmentation((1, 4, 4), shift=0, alternate=True).draw(8, 5, 0, examples).mirrored
    assert mirrored.tolist() == [coin(example) == 1 for example in examples.tolist()]
    assert 0 < mirrored.sum() < 8


def test_new_settings_leave_the_other_draws_as_they_are() -> None:
    plain, new = Augmentation(SHAPE, True, 2, 3), Augmentation(SHAPE, True, 2, 3, alternate=True, reflect=True)
    for one, other in zip(plain.draw(9, 1, 2), new.draw(9, 1, 2, np.arange(9)), strict=True):
        if one.dtype != bool:
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("shift", [1, 4])
def test_shifts_move_in_the_reflected_border(shift: int) -> None:
    shape = (2, 5, 6)
    x = np.random.default_rng(0).normal(size=(30, 60))
    augmentation = Augmentation(shape, True, shift, reflect=True)
    draws = augmentation.draw(30, 0, 7)
    around = np.pad(x.reshape(-1, *shape), ((0, 0), (0, 0), (shift, shift), (shift, shift)), mode="reflect")
    found = augmentation.apply(x.copy(), 0, 7).reshape(-1, *shape)
    for n in range(30):
        top, left = shift - draws.down[n], shift - draws.right[n]
        expected = around[n, :, top : top + 5, left : left + 6]
        np.testing.assert_array_equal(found[n], expected[..., ::-1] if draws.mirrored[n] else expected)


def test_batches_mirror_every_example_in_every_second_epoch() -> None:
    batches = Batches(SPLIT, 20, PLAIN, augmentation=Augmentation(SHAPE, shift=0, alternate=True), dtype=np.float64)
    plain = PLAIN.apply(SPLIT.images, np.float64).reshape(-1, *SHAPE)
    mirrored = np.zeros((2, 60), bool)
    for step in range(6):
        x, labels = batches.at(step)
        for image, example in zip(x.reshape(-1, *SHAPE), labels, strict=True):
            mirrored[step // 3, example] = np.array_equal(image, plain[example][..., ::-1])
    np.testing.assert_array_equal(mirrored[0], ~mirrored[1])


def test_settings_without_effect_are_refused() -> None:
    with pytest.raises(OptionError, match="alternate must come with flip"):
        Augmentation(SHAPE, flip=False, alternate=True)
    with pytest.raises(OptionError, match="reflect must come with shift"):
        Augmentation(SHAPE, shift=0, reflect=True)
    with pytest.raises(OptionError, match="must have 4 examples"):
        Augmentation(SHAPE, alternate=True).draw(4, 0, 0)


def test_examples_and_epochs_that_are_none() -> None:
    augmentation = Augmentation(SHAPE, alternate=True)
    mirrored = augmentation.draw(3, 0, 0, np.arange(3)).mirrored
    wrong: Any
    for same in ([0, 1, 2], (0, 1, 2), np.arange(3, dtype=np.uint8), np.arange(3, dtype=">i4")):
        as_array: Any = same
        np.testing.assert_array_equal(augmentation.draw(3, 0, 0, as_array).mirrored, mirrored)
    for wrong in (np.array([0, np.nan, 1]), [True, False, True], ["a", "b", "c"], np.arange(3).astype(object)):
        with pytest.raises(DTypeError, match="examples"):
            augmentation.draw(3, 0, 0, wrong)
    for wrong in (None, "text", True, 1.5, -1, 2**64):
        with pytest.raises(OptionError, match="epoch"):
            augmentation.draw(3, 0, 0, np.arange(3), wrong)


def test_images_and_parts_that_cannot_be_changed() -> None:
    x = np.zeros((2, int(np.prod(SHAPE))))
    part: Any = 1
    with pytest.raises(OptionError, match="part must be a slice"):
        Augmentation(SHAPE).apply(x, 0, 0, part=part)
    x.flags.writeable = False
    with pytest.raises(OptionError, match="writeable"):
        Augmentation(SHAPE).apply(x, 0, 0)
