"""Convolution by strips is Conv2d up to rounding: all shapes, blocks of images, what is not finite; and the choice."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp_numpy import Conv2dModule
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.errors import OptionError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.modules import Conv2d, StripConv2d, WinogradConv2d, strip_conv
from mlp_numpy.modules.windows import Windows

THREE = Windows((3, 3), (1, 1), (1, 1))
SIZES = st.tuples(st.integers(1, 3), st.integers(1, 3))


def drawn(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def passes(op: Any, x: Array, weight: Array, bias: Array, dout: Array) -> list[Array]:
    """The output and the three gradients."""
    context = Context()
    out = op.forward(context, x, weight, bias, over=THREE)
    return [out.copy(), *op.backward(context, dout)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    st.integers(1, 3),
    SIZES,
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
)
def test_all_shapes_and_paddings(
    shape: tuple[int, ...], n_out: int, kernel: tuple[int, int], padding: tuple[int, int]
) -> None:
    if any(n + 2 * p < k for n, p, k in zip(shape[2:], padding, kernel, strict=True)):
        return
    module = Conv2dModule(shape[1], n_out, kernel, padding=padding, strips=True, rng=1)
    other = Conv2dModule(shape[1], n_out, kernel, padding=padding, strips=False, winograd=False, rng=1)
    x = drawn(shape, 2)
    dout = drawn(module.forward(x).shape, 3)
    np.testing.assert_allclose(module.forward(x), other.forward(x), rtol=1e-12, atol=1e-13)
    one, two = module.backward(dout), other.backward(dout)
    assert one is not None
    assert two is not None
    np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-13)
    for name, gradient in module.grads.items():
        np.testing.assert_allclose(gradient, other.grads[name], rtol=1e-11, atol=1e-12)
    assert gradcheck(module, x, max_entries=8).worst.quotient < 1e-12


@pytest.mark.parametrize("n_rows", [1, 4, 7, 1000])
def test_blocks_of_images(n_rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = drawn((5, 3, 4, 3), 0), drawn((4, 3, 3, 3), 1), drawn((4,), 2), drawn((5, 4, 4, 3), 3)
    expected = passes(Conv2d, *arrays)
    monkeypatch.setattr(strip_conv, "_ROWS", n_rows)
    for one, other in zip(passes(StripConv2d, *arrays), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.7e308])
@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 4)])
@pytest.mark.parametrize("which", [0, 1, 3])
def test_what_is_not_finite_reaches_its_windows_only(which: int, place: tuple[int, int], value: float) -> None:
    arrays = [drawn((3, 2, 4, 5), 0), drawn((3, 2, 3, 3), 1) / 8, drawn((3,), 2), drawn((3, 3, 4, 5), 3)]
    row, column = place if which != 1 else (min(place[0], 2), min(place[1], 2))
    arrays[which][1, 1, row, column] = value
    with np.errstate(over="ignore"):
        found, expected = passes(StripConv2d, *arrays), passes(Conv2d, *arrays)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)


def test_gradients_are_written_where_they_belong() -> None:
    x, weight, dout = drawn((2, 2, 4, 4), 0), drawn((3, 2, 3, 3), 1), drawn((2, 3, 4, 4), 2)
    expected = passes(Conv2d, x, weight, np.zeros(3), dout)
    for into in (np.empty((3, 2, 3, 3)), np.empty((3, 3, 3, 2)).transpose(0, 3, 1, 2)):
        context = Context()
        StripConv2d.forward(context, x, weight, over=THREE)
        context.into, context.needs = (None, into), (False, True)
        dx, dweight = StripConv2d.backward(context, dout)
        assert dx is None
        assert dweight is into
        np.testing.assert_allclose(into, expected[2], rtol=1e-12, atol=1e-13)


def test_a_pass_holds_the_strips_of_a_block_of_images() -> None:
    conv, x = Conv2dModule(16, 64, 3, padding=1, strips=True, rng=0), drawn((64, 16, 16, 16), 0)
    strips = 256 * 18 * 3 * 64 * x.itemsize
    tracemalloc.start()
    conv.backward(conv.forward(x))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < strips + 6 * x.nbytes


@pytest.mark.parametrize("padding", [0, 4])
def test_what_is_not_finite_in_dout_is_in_all_gradients_of_its_kernel(padding: int) -> None:
    layers = [Conv2dModule(2, 3, 3, padding=padding, strips=strips, winograd=False, rng=0) for strips in (True, False)]
    dout = np.ones(layers[0].forward(drawn((2, 2, 6, 6), 0)).shape)
    dout[0, 2, 0, 0] = np.nan  # with padding 4 of a window without a pixel
    for layer in layers:
        layer.forward(drawn((2, 2, 6, 6), 0))
        layer.backward(dout)
        assert np.isnan(layer.grads["weight"][2]).all()
        assert np.isfinite(layer.grads["weight"][:2]).all()


def test_the_weights_gradient_is_computed_only_if_asked_for() -> None:
    context, into = Context(), np.full((3, 2, 3, 3), 7.0)
    over = Windows((3, 3), (1, 1), (1, 1))
    out = StripConv2d.forward(context, drawn((2, 2, 6, 6), 0), drawn((3, 2, 3, 3), 1), over=over)
    context.needs, context.into = (True, False), (None, into)
    dx, dweight = StripConv2d.backward(context, np.ones(out.shape))
    assert dx is not None
    assert dweight is None
    assert (into == 7).all()


def test_the_module_takes_the_faster_one() -> None:
    def used(n_in: int, n_out: int, size: int, **options: Any) -> Any:
        module = Conv2dModule(n_in, n_out, options.pop("kernel", 3), padding=1, rng=0, **options)
        module.forward(np.ones((1, n_in, size, size)))
        return module._active_op()

    assert used(16, 16, 9) is StripConv2d
    assert used(32, 32, 15, winograd=False) is StripConv2d
    assert used(64, 32, 16, winograd=False) is StripConv2d
    assert used(64, 64, 15, winograd=False) is StripConv2d
    assert used(16, 16, 9, strips=False) is Conv2d
    assert used(256, 256, 8) is WinogradConv2d
    assert used(256, 256, 8, strips=True) is StripConv2d
    assert used(3, 64, 32) is Conv2d
    assert used(64, 64, 3) is Conv2d
    for options in ({"stride": 2}, {"dilation": 2}, {"kernel": 1}):
        assert used(32, 32, 15, **options) is Conv2d


def test_other_windows_are_refused() -> None:
    for options in ({"groups": 2}, {"dilation": 2}, {"stride": 2}, {"winograd": True}):
        with pytest.raises(OptionError, match="strips must be None or False"):
            Conv2dModule(2, 2, 3, strips=True, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="stride 1 and dilation 1"):
        StripConv2d.check_inputs(np.ones((1, 1, 5, 5)), np.ones((1, 1, 3, 3)), over=Windows((3, 3), (2, 1), (0, 0)))
    assert "strips=True" in repr(Conv2dModule(2, 2, 3, strips=True))
