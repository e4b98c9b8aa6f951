"""Convolution place by place of the kernel is that of windows: all shapes, what is not finite; and the choice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mlp_numpy import Conv2dModule
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import Conv2d, conv_by_place
from mlp_numpy.modules.conv_by_place import places_pay, share_on_pixels
from mlp_numpy.modules.windows import Windows

ONE_AROUND = Windows((3, 3), (1, 1), (1, 1))
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))


def drawn(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def passes(by_place: bool, arrays: tuple[Array, ...], dout: Array, over: Windows, **of_context: Any) -> list[Any]:
    """The output and the gradients, place by place or by windows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conv_by_place, "_CHANNELS", 0 if by_place else 1 << 40)
        patch.setattr(conv_by_place, "_SHARE", 1.0)
        context = Context()
        out = Conv2d.forward(context, *arrays, over=over)
        for name, value in of_context.items():
            setattr(context, name, value)
        return [out, *Conv2d.backward(context, dout)]


def compare(arrays: tuple[Array, ...], over: Windows, *, edit: Any = None) -> None:
    x, weight, *_ = arrays
    dout = drawn((len(x), len(weight), *over.out_size(*x.shape[2:])), 9)
    if edit is not None:
        edit(dout)
    with np.errstate(all="ignore"):
        pairs_of = zip(passes(True, arrays, dout, over), passes(False, arrays, dout, over), strict=True)
        for one, other in pairs_of:
            assert one.dtype == other.dtype
            np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 6), st.integers(1, 6)), pairs, pairs, pairs, pairs
)
def test_all_shapes(shape: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> None:
    over = Windows(kernel, stride, padding, dilation)
    assume(min(over.out_size(*shape[2:])) >= 1)
    compare((drawn(shape, 0), drawn((3, shape[1], *kernel), 1), drawn((3,), 2)), over)
    compare((drawn(shape, 0), drawn((3, shape[1], *kernel), 1)), over)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
@pytest.mark.parametrize("which", [0, 1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_what_is_not_finite_is_that_of_windows(size: int, which: int, value: float) -> None:
    arrays = [drawn((2, 2, size, size), 0), drawn((3, 2, 3, 3), 1), drawn((3,), 2)]

    def edit(array: Array) -> None:
        array[(1, *(0,) * (array.ndim - 1))] = value  # of a kernel the corner, which is on the padding alone for size 1

    if which < 3:
        edit(arrays[which])
    compare((arrays[0], arrays[1], arrays[2]), ONE_AROUND, edit=edit if which == 3 else None)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 3)])
def test_gradients_by_the_complex_step(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conv_by_place, "_CHANNELS", 0)
    conv, x = Conv2dModule(2, 3, 3, padding=1, winograd=False, strips=False, rng=0), drawn((2, 2, *size), 1)
    assert places_pay(conv.params["weight"], ONE_AROUND, size)
    assert gradcheck(conv, x, max_entries=200).worst.quotient < 1e-13


def test_only_what_is_asked_for_is_computed() -> None:
    arrays, dout = (drawn((2, 2, 2, 2), 0), drawn((3, 2, 3, 3), 1)), drawn((2, 3, 2, 2), 2)
    _, dx, dweight = passes(True, arrays, dout, ONE_AROUND)
    into = np.full((3, 2, 3, 3), np.nan)
    _, none, found = passes(True, arrays, dout, ONE_AROUND, needs=(False, True), into=(None, into))
    assert none is None
    assert found is into
    np.testing.assert_array_equal(found, dweight)
    _, found, none = passes(True, arrays, dout, ONE_AROUND, needs=(True, False), into=(None, into))
    assert none is None
    np.testing.assert_array_equal(found, dx)


def test_the_share_of_places_with_a_pixel() -> None:
    assert share_on_pixels(ONE_AROUND, (1, 1)) == 1 / 9
    assert share_on_pixels(ONE_AROUND, (2, 2)) == (4 / 6) ** 2
    assert share_on_pixels(ONE_AROUND, (2, 4)) == pytest.approx(4 / 6 * 10 / 12)
    assert share_on_pixels(Windows((3, 3), (1, 1), (0, 0)), (5, 5)) == 1


def test_small_images_with_many_channels_are_computed_so() -> None:
    weight = np.zeros((128, 128, 3, 3))
    assert places_pay(weight, ONE_AROUND, (2, 2))
    assert places_pay(weight, ONE_AROUND, (4, 4))
    assert not places_pay(weight, ONE_AROUND, (5, 5))
    assert not places_pay(weight[:64], ONE_AROUND, (2, 2))


def test_a_layer_of_many_channels() -> None:
    conv, x = Conv2dModule(128, 128, 3, padding=1, rng=0), drawn((3, 128, 2, 2), 1)
    out, dout = conv.forward(x), drawn((3, 128, 2, 2), 2)
    dx = conv.backward(dout)
    expected = passes(False, (x, conv.params["weight"], conv.params["bias"]), dout, ONE_AROUND)
    for one, other in zip((out, dx, *conv.grads.values()), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11)
