"""Images that a class likes, and the settings and models that are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from interpret_helpers import SHAPE, STANDARDIZE, D, linear, mlp

from mlp_numpy import ConvNet, LinearModule, ReLUModule, Sequential, SoftMaxModule, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import CallOrderError, LabelError, MlpNumpyError, NonFiniteError, OptionError, ShapeError
from mlp_numpy.interpret import PixelLogits, maximize_class, saliency
from mlp_numpy.interpret.activation_maximization import blurred, direction, roll

RAW = Preprocessing("raw", None, None)
RNG = np.random.default_rng(0)


PLAIN: dict[str, Any] = {"jitter": 0, "blur": 0, "decay": 0.0, "clamp": False}


class Blind(LinearModule):
    """A layer that never gives the gradient to its input."""

    def backward(self, dout: Array) -> None:
        super().backward(dout)


def test_without_bounds_a_linear_model_is_climbed_along_its_weight_row() -> None:
    model = linear()
    found = maximize_class(model, RAW, SHAPE, [1, 2], steps=5, lr=3.0, **PLAIN)
    rows = model.params["weight"][[1, 2]]
    expected = 127.5 + 5 * 3.0 * np.sqrt(D) * rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(found.images, expected)
    np.testing.assert_allclose(np.diff(found.history, axis=0), np.tile(3 * np.sqrt(D * (rows**2).sum(1)), (4, 1)))


def test_within_bounds_its_optimum_is_black_and_white() -> None:
    model = linear()
    found = maximize_class(model, RAW, SHAPE, [0], steps=2000, lr=20.0, **PLAIN | {"clamp": True})
    row = model.params["weight"][0]
    np.testing.assert_array_equal(found.images[0], np.where(row > 0, 255, 0))
    assert found.after[0, 0] == pytest.approx(255 * row[row > 0].sum())


def test_decay_holds_it_where_step_and_decay_are_even() -> None:
    model = linear()
    found = maximize_class(model, RAW, SHAPE, [0], steps=400, lr=1.0, **PLAIN | {"decay": 0.1})
    row = model.params["weight"][0]
    # d = 0.9 (d + √D w/‖w‖)
    np.testing.assert_allclose(found.images[0] - 127.5, 9 * np.sqrt(D) * row / np.linalg.norm(row))


def test_logits_rise_and_images_stay_images() -> None:
    model = mlp(init=kaiming())
    found = maximize_class(model, STANDARDIZE, SHAPE, range(3), steps=60, jitter=0, blur=0)
    assert (found.after.diagonal() > found.before.diagonal()).all()
    assert found.images.min() >= 0
    assert found.images.max() <= 255
    assert found.history.shape == (60, 3)
    np.testing.assert_allclose(found.after, model.eval().logits.forward(STANDARDIZE.apply(found.images, np.float64)))


def test_the_same_seed_gives_the_same_images_alone_or_with_others() -> None:
    model = mlp()
    first = maximize_class(model, STANDARDIZE, SHAPE, [0, 1], steps=10)
    again = maximize_class(model, STANDARDIZE, SHAPE, [0, 1], steps=10)
    other = maximize_class(model, STANDARDIZE, SHAPE, [0, 1], steps=10, seed=1)
    alone = maximize_class(model, STANDARDIZE, SHAPE, [1], steps=10)
    np.testing.assert_array_equal(first.images, again.images)
    np.testing.assert_allclose(first.images[1], alone.images[0], rtol=1e-9)
    assert np.abs(first.images - other.images).max() > 1


def test_the_model_in_the_middle_of_a_step_is_not_touched() -> None:
    ours, twin = mlp(), mlp()
    x, dout = RNG.normal(size=(5, D)), RNG.normal(size=(5, 3))
    for model in (ours, twin):
        model.forward(x)
        model.backward(dout)
        model.forward(2 * x)
    state = ours.state()
    maximize_class(ours, STANDARDIZE, SHAPE, [0], steps=3)
    saliency(ours, STANDARDIZE, SHAPE, RNG.uniform(0, 255, (2, D)), np.array([0, 1]))
    assert ours.training
    for name, array in ours.state().items():
        np.testing.assert_array_equal(array, state[name])
    for _ in range(2):  # gradients as they were, then those of the forward that was under way
        for (_, mine), (_, its) in zip(ours.named_parameters(), twin.named_parameters(), strict=True):
            np.testing.assert_array_equal(mine.grad, its.grad)
        assert ours.backward(dout) is None
        assert twin.backward(dout) is None


def test_blur_and_roll() -> None:
    dot = np.zeros((1, *SHAPE))
    dot[0, 1, 1, 1] = 16
    soft = blurred(dot.reshape(1, D), SHAPE).reshape(SHAPE)
    np.testing.assert_array_equal(soft[1], [[1, 2, 1, 0], [2, 4, 2, 0], [1, 2, 1, 0]])
    np.testing.assert_array_equal(soft[0], 0)
    np.testing.assert_array_equal(blurred(np.full((1, D), 7.0), SHAPE), 7)
    np.testing.assert_array_equal(roll(dot.reshape(1, D), SHAPE, np.array([1, -2])).reshape(SHAPE)[1, 2, 3], 16)


def test_a_gradient_of_nothing_but_zeros_leaves_gray() -> None:
    dead = Sequential(LinearModule(D, 2, rng=0), ReLUModule())
    dead[0].params["bias"][:] = -1e9
    found = maximize_class(dead, RAW, SHAPE, [0], steps=3)
    np.testing.assert_array_equal(found.images, 127.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps must be an integer"),
        ({"lr": 0.0}, "lr must be"),
        ({"jitter": 3}, "jitter must be less than"),
        ({"decay": 1.0}, "decay must lie in"),
        ({"start": np.zeros(5)}, r"start must be \(24,\) or \(2, 24\), got \(5,\)"),
    ],
)
def test_settings_that_cannot_be_meant(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, ShapeError), match=message):
        maximize_class(linear(), RAW, SHAPE, [0, 1], **options)


def test_models_and_classes_that_cannot_be_meant() -> None:
    with pytest.raises(OptionError, match="gives probabilities. Hint: leave out its last layer"):
        PixelLogits(Sequential(linear(), SoftMaxModule()), RAW)
    with pytest.raises(LabelError, match=r"classes must lie in \[0, 3\), got 3 at row 1"):
        maximize_class(linear(), RAW, SHAPE, [0, 3], steps=0)
    with pytest.raises(OptionError, match="start must be finite"):
        maximize_class(linear(), RAW, SHAPE, [0], start=np.full(D, np.nan))
    net, row = ConvNet((2, 3, 4), 3, rng=3), np.zeros((1, D))
    for look in (lambda shape: maximize_class(net, RAW, shape, [0]), lambda shape: saliency(net, RAW, shape, row, [0])):
        for shape in ((D,), (), (2, 3, 4, 1), (2.0, 3, 4)):
            with pytest.raises(OptionError, match=r"image_shape must be \(C, H, W\)"):
                look(shape)
        with pytest.raises(OptionError, match=r"image_shape must be that of the model, \(2, 3, 4\), got \(3, 4, 2\)"):
            look((3, 4, 2))
    with pytest.raises(LabelError, match="integers"):
        saliency(linear(), RAW, SHAPE, np.zeros((1, D)), np.array([0.5]))
    with pytest.raises(ShapeError, match=r"images must be \(N, 24\)"):
        saliency(linear(), RAW, SHAPE, np.zeros((1, 5)), np.array([0]))
    with pytest.raises(CallOrderError, match="a forward must come first"):
        PixelLogits(linear(), RAW).backward(np.array([0]))
    with pytest.raises(OptionError, match="must give the gradient to its input"):
        maximize_class(Blind(D, 3, rng=0), RAW, SHAPE, [0])
    broken = mlp()
    broken[0].params["weight"][0] = np.nan
    with pytest.raises(NonFiniteError, match="at step 0"):
        maximize_class(broken, RAW, SHAPE, [0])


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1.0, 1e200, 1e307])
def test_the_length_of_a_gradient_stays_in_the_range(scale: float) -> None:
    g = np.array([[3.0, 4.0], [0.0, 0.0]]) * scale
    np.testing.assert_allclose(direction(g, 0), np.sqrt(2) * np.array([[0.6, 0.8], [0, 0]]), rtol=1e-3)
    with pytest.raises(NonFiniteError, match="got inf at step 7"):
        direction(np.array([[1.0, np.inf]]), 7)


@pytest.mark.parametrize("name", ["steps", "lr", "jitter", "blur", "decay", "clamp", "seed", "image_shape", "start"])
@pytest.mark.parametrize("value", ["a", b"x", np.nan, -1, [], (1, 2), {}, 1j], ids=repr)
def test_each_setting_is_refused_by_its_name(name: str, value: Any) -> None:
    if name == "start" and value in (-1, 1j):
        value = np.full(D, 1j)
    with pytest.raises(MlpNumpyError, match=name):
        maximize_class(linear(), RAW, **{"classes": [0], "image_shape": SHAPE, "steps": 1} | {name: value})


@pytest.mark.parametrize("value", [None, "a", [[1], [1, 2]], [0.5], [True], [3], [-1]], ids=repr)
def test_classes_that_cannot_be(value: Any) -> None:
    with pytest.raises(MlpNumpyError, match="classes"):
        maximize_class(linear(), RAW, SHAPE, value, steps=1)
    with pytest.raises(MlpNumpyError, match="classes"):
        saliency(linear(), RAW, SHAPE, np.zeros((1, D)), value)


@pytest.mark.parametrize("what", ["model", "preprocessing"])
def test_a_model_and_its_preprocessing_are_wanted(what: str) -> None:
    parts: dict[str, Any] = {"model": linear(), "preprocessing": RAW} | {what: "net"}
    with pytest.raises(OptionError, match=f"{what} must be a"):
        saliency(**parts, image_shape=SHAPE, images=np.zeros((1, D)), classes=np.array([0]))


def test_a_history_larger_than_the_memory() -> None:
    with pytest.raises(OptionError, match="maximize_class: steps"):
        maximize_class(linear(), RAW, SHAPE, [0], steps=2**50)
