"""What is done to pixels, and how batches are made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_numpy.data.batches import Batches, chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import DataError, DTypeError, OptionError, ShapeError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (120, 12), dtype=np.uint8)
SHAPE = (3, 2, 2)
SPLIT = Split(IMAGES, RNG.integers(0, 10, 120))


def test_mean_image_is_subtracted_and_not_divided() -> None:
    x = Preprocessing.fit("mean-image", IMAGES, SHAPE).apply(IMAGES)
    assert x.dtype == np.float32
    np.testing.assert_allclose(x, IMAGES - IMAGES.mean(axis=0), atol=1e-4)


def test_standardize_works_per_channel() -> None:
    x = Preprocessing.fit("standardize", IMAGES, SHAPE).apply(IMAGES).reshape(120, 3, 4)
    np.testing.assert_allclose(x.mean(axis=(0, 2)), 0, atol=1e-6)
    np.testing.assert_allclose(x.std(axis=(0, 2)), 1, rtol=1e-5)


def test_a_channel_that_never_varies_is_only_shifted() -> None:
    flat = IMAGES.copy()
    flat[:, :4] = 7
    x = Preprocessing.fit("standardize", flat, SHAPE).apply(flat)
    assert np.isfinite(x).all()
    assert not x[:, :4].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [0.1, -1234.567, 1e-8, 1e9 / 3])
def test_a_channel_of_fractions_that_never_varies_is_only_shifted(value: float, dtype: type) -> None:
    """The rounding of its mean is not taken for a spread, by which 0.1 would become a million."""
    flat = np.tile((IMAGES / 255).astype(dtype), (20, 1))
    flat[:, :4] = value
    fitted = Preprocessing.fit("standardize", flat, SHAPE, np.float64)
    assert fitted.scale is not None
    np.testing.assert_array_equal(fitted.scale[:4], 1)
    assert (fitted.scale[4:] > 1).all()
    np.testing.assert_allclose(fitted.apply(flat, np.float64)[:, :4], 0, atol=1e-12 * abs(value))


def test_a_channel_that_varies_little_around_a_large_mean_is_scaled() -> None:
    images = np.zeros((120, 12))
    images[:, :4] = 1e6 + np.random.default_rng(1).normal(0, 1e-3, (120, 4))
    x = Preprocessing.fit("standardize", images, SHAPE, np.float64).apply(images, np.float64)
    assert x[:, :4].std() == pytest.approx(1, rel=1e-6)


def test_unit_divides_by_255() -> None:
    np.testing.assert_allclose(Preprocessing.fit("unit", IMAGES, SHAPE).apply(IMAGES), IMAGES / 255, rtol=1e-6)


def test_symmetric_goes_from_minus_one_to_one() -> None:
    x = Preprocessing.fit("symmetric", IMAGES, SHAPE, np.float64).apply(IMAGES, np.float64)
    np.testing.assert_allclose(x, (IMAGES / 255 - 0.5) / 0.5, rtol=0, atol=1e-15)


def test_raw_leaves_pixels_as_they_are() -> None:
    np.testing.assert_array_equal(Preprocessing.fit("raw", IMAGES, SHAPE).apply(IMAGES), IMAGES)


def test_statistics_come_from_what_was_fitted_alone() -> None:
    fitted = Preprocessing.fit("mean-image", IMAGES[:50], SHAPE)
    np.testing.assert_allclose(fitted.shift, IMAGES[:50].mean(axis=0), rtol=1e-6)


def test_a_spread_that_overflows_is_refused() -> None:
    images = np.ones((4, 2))
    images[1, 1] = 1e200
    for fitted in (
        lambda: Preprocessing.fit("standardize", images, (2, 1, 1), np.float64),
        lambda: Preprocessing.fit_blocks("standardize", [images], (2, 1, 1), np.float64),
    ):
        with pytest.raises(DataError, match="squares are finite in float64, got larger ones in channel 1. Hint"):
            fitted()


def test_errors() -> None:
    with pytest.raises(OptionError, match="unknown preprocessing 'mean-img'. Did you mean 'mean-image'"):
        Preprocessing.fit("mean-img", IMAGES, SHAPE)
    with pytest.raises(ShapeError, match=r"images must be \(N, 12\), got \(2, 13\)"):
        Preprocessing.fit("unit", IMAGES, SHAPE).apply(np.zeros((2, 13), np.uint8))
    fitted = Preprocessing.fit("unit", IMAGES, SHAPE)
    with pytest.raises(OptionError, match="batch of 121 is larger than the data, 120 examples"):
        Batches(SPLIT, 121, fitted)
    with pytest.raises(OptionError, match="must be an integer ≥ 1, got 0"):
        Batches(SPLIT, 0, fitted)


@given(size=st.integers(1, 120), seed=st.integers(0, 5))
def test_an_epoch_sees_every_example_at_most_once_and_as_many_as_fit(size: int, seed: int) -> None:
    plain = Preprocessing("unit", None, np.full(12, 1 / 255, np.float64))
    batches = Batches(Split(IMAGES, np.arange(120)), size, plain, seed=seed, dtype=np.float64)
    assert batches.steps_per_epoch == 120 // size
    seen = []
    for step in range(batches.steps_per_epoch):
        x, rows = batches.at(step)
        np.testing.assert_allclose(x, IMAGES[rows] / 255)
        seen += list(rows)
    assert len(seen) == len(set(seen)) == 120 // size * size


def test_a_step_of_a_seed_is_the_same_whenever_it_runs() -> None:
    fitted = Preprocessing.fit("mean-image", IMAGES, SHAPE)
    one, other = Batches(SPLIT, 50, fitted, seed=3), Batches(SPLIT, 50, fitted, seed=3)
    for step in (5, 0, 3, 4):
        x, y = (part.copy() for part in one.at(step))
        again = other.at(step)
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
    order = np.random.default_rng([3, 1]).permutation(120)
    np.testing.assert_array_equal(one.at(2)[1], SPLIT.labels[order[:50]])
    first, second = one.at(0)[1].copy(), one.at(2)[1].copy()
    assert (first != second).any()
    different = Batches(SPLIT, 50, fitted, seed=4)
    assert (different.at(0)[0] != one.at(0)[0]).any()


def test_without_shuffling_every_epoch_has_the_stored_order() -> None:
    batches = Batches(Split(IMAGES, np.arange(120)), 50, Preprocessing("raw", None, None), shuffle=False)
    rows = [batches.at(step)[1] for step in range(4)]
    for epoch in (0, 2):
        np.testing.assert_array_equal(np.concatenate(rows[epoch : epoch + 2]), np.arange(100))


def test_chunks_cover_a_split_once_in_order() -> None:
    fitted = Preprocessing.fit("mean-image", IMAGES, SHAPE)
    found = [(x.copy(), y) for x, y in chunks(SPLIT, 50, fitted)]
    assert [len(y) for _, y in found] == [50, 50, 20]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), fitted.apply(IMAGES))
    np.testing.assert_array_equal(np.concatenate([y for _, y in found]), SPLIT.labels)


@pytest.mark.parametrize(
    ("images", "rows", "out"),
    [
        *(((4, 12, 1), (2,), (2, 12)), ((4, 12), (2,), (3, 12)), ((4, 12), (2,), (2, 11)), ((4, 12), (2, 1), (2, 12))),
        ((0, 12), (2,), (2, 12)),
    ],
)
def test_gather_takes_images_indices_and_room_for_them(
    images: tuple[int, ...], rows: tuple[int, ...], out: tuple[int, ...]
) -> None:
    raw = Preprocessing("raw", None, None)
    with pytest.raises(ShapeError, match=r"Preprocessing.gather: images, rows and out must be"):
        raw.gather(np.zeros(images, np.uint8), np.zeros(rows, np.intp), np.empty(out, np.float32))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_raw_floats_are_gathered_as_they_are(dtype: type) -> None:
    """At once where the dtypes are the same, else in pieces."""
    images = np.random.default_rng(0).normal(size=(120, 7)).astype(np.float32)
    rows, out = np.arange(119, -1, -1), np.empty((120, 7), dtype)
    assert Preprocessing("raw", None, None).gather(images, rows, out) is out
    np.testing.assert_array_equal(out, images[::-1])


def test_apply_names_itself_for_images_of_another_size() -> None:
    fitted = Preprocessing.fit("mean-image", np.ones((2, 12), np.uint8), (3, 2, 2))
    with pytest.raises(ShapeError, match=r"^Preprocessing.apply: images must be \(N, 12\), got \(2, 6\)"):
        fitted.apply(np.ones((2, 6), np.uint8))


def test_the_spread_of_more_images_than_are_squared_at_a_time() -> None:
    images = np.random.default_rng(3).integers(0, 256, (2_500, 12), dtype=np.uint8)
    fitted = Preprocessing.fit("standardize", images, SHAPE, np.float64)
    channels = images.reshape(2_500, 3, 4).astype(float)
    assert fitted.shift is not None
    assert fitted.scale is not None
    np.testing.assert_allclose(fitted.shift, np.repeat(channels.mean(axis=(0, 2)), 4), rtol=1e-12)
    np.testing.assert_allclose(fitted.scale, np.repeat(1 / channels.std(axis=(0, 2)), 4), rtol=1e-12)
    assert (fitted.shift.dtype, fitted.scale.dtype) == (np.float64, np.float64)
    np.testing.assert_allclose(fitted.apply(images, float), (images - fitted.shift) * fitted.scale, rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "shift", "scale"),
    [("raw", None, None), ("unit", None, 1 / 255), ("symmetric", 127.5, 1 / 127.5)],
)
def test_the_constants_of_a_kind(kind: str, shift: float | None, scale: float | None) -> None:
    fitted = Preprocessing.fit(kind, IMAGES, SHAPE, np.float64)
    for name, value in (("shift", shift), ("scale", scale)):
        found = getattr(fitted, name)
        assert (found is None) == (value is None), name
        assert found is None or (found == value).all()
        assert found is None or found.shape == (12,)
    assert fitted.state().keys() == {name for name, value in (("shift", shift), ("scale", scale)) if value is not None}
    dx = np.ones((2, 12))
    np.testing.assert_array_equal(fitted.backward(dx), dx * (1 if scale is None else scale))


@pytest.mark.parametrize("shape", [(12,), (3, 4), (3, 2, 3), (1, 3, 2, 2)])
def test_the_form_of_images_is_three_sizes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"Preprocessing\.fit: images must be \(N, D\), N ≥ 1, with image_shape"):
        Preprocessing.fit("raw", IMAGES, shape)
    with pytest.raises(ShapeError, match=r"got \(0, 12\) and \(3, 2, 2\)"):
        Preprocessing.fit("raw", IMAGES[:0], SHAPE)


def test_arrays_of_their_kinds() -> None:
    raw, floats = Preprocessing("raw", None, None), np.ones((2, 12), np.float32)
    rows = np.arange(2)
    for name, arguments in (
        ("images", (floats * 1j, rows, floats)),
        ("rows", (floats, rows * 1.0, floats)),
        ("out", (floats, rows, IMAGES[:2])),
    ):
        with pytest.raises(DTypeError, match=f"Preprocessing.gather: {name} must be an array of its kind, got"):
            raw.gather(*arguments)
    with pytest.raises(ShapeError, match=r"Preprocessing\.gather: images must be \(N, 3\), got \(2, 12\)"):
        Preprocessing("unit", None, np.ones(3)).gather(floats, rows, floats)
    for value, error in ((np.ones((2, 2)), ShapeError), ("a", DTypeError), (np.array(["a"]), DTypeError)):
        with pytest.raises(error, match=r"Preprocessing: shift must be"):
            Preprocessing("mean-image", value, None)
    apart = np.empty((2, 24), np.float32)[:, ::2]
    assert raw.gather(floats, rows, apart) is apart
    np.testing.assert_array_equal(apart, floats)


@pytest.mark.parametrize("scale", [1e-43, 1e60])
def test_values_whose_standardization_is_beyond_the_dtype_are_refused(scale: float) -> None:
    x = np.arange(1.0, 7.0).reshape(6, 1) * scale
    with pytest.raises(DataError, match=r"standardize needs a mean and an inverse .* of float32, got .* in channel 0"):
        Preprocessing.fit("standardize", x, (1, 1, 1), np.float32)
    Preprocessing.fit("standardize", x, (1, 1, 1), np.float64)
