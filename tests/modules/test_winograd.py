"""Winograd's convolution is Conv2d up to rounding: all shapes, blocks of images, what is not finite; and the choice."""

from __future__ import annotations

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
from mlp_numpy.modules import Conv2d, StripConv2d, WinogradConv2d, winograd_tiles
from mlp_numpy.modules.windows import Windows

THREE = Windows((3, 3), (1, 1), (1, 1))


def drawn(shape: tuple[int, ...], seed: int, dtype: Any = np.float64) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def passes(op: Any, x: Array, weight: Array, bias: Array, dout: Array) -> list[Array]:
    """The output and the three gradients."""
    context = Context()
    out = op.forward(context, x, weight, bias, over=THREE)
    return [out.copy(), *op.backward(context, dout)]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6), st.integers(1, 6)),
    st.integers(1, 3),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
)
def test_all_shapes_and_paddings(shape: tuple[int, ...], n_out: int, padding: tuple[int, int]) -> None:
    module = Conv2dModule(shape[1], n_out, 3, padding=padding, winograd=True, rng=1)
    other = Conv2dModule(shape[1], n_out, 3, padding=padding, winograd=False, rng=1)
    x = drawn(shape, 2)
    dout = drawn(module.forward(x).shape, 3)
    np.testing.assert_allclose(module.forward(x), other.forward(x), rtol=1e-11, atol=1e-13)
    one, two = module.backward(dout), other.backward(dout)
    assert one is not None
    assert two is not None
    np.testing.assert_allclose(one, two, rtol=1e-11, atol=1e-13)
    for name, gradient in module.grads.items():
        np.testing.assert_allclose(gradient, other.grads[name], rtol=1e-11, atol=1e-12)
    assert gradcheck(module, x, max_entries=100).worst.quotient < 1e-12


def test_the_error_in_float32() -> None:
    arrays = [drawn(shape, seed) for seed, shape in enumerate([(4, 64, 8, 8), (64, 64, 3, 3), (64,), (4, 64, 8, 8)])]
    exact = passes(Conv2d, *arrays)
    narrow = passes(WinogradConv2d, *(array.astype(np.float32) for array in arrays))
    for expected, found in zip(exact, narrow, strict=True):
        assert found.dtype == np.float32
        assert np.abs(found - expected).max() < 5e-6 * np.abs(expected).max()
        assert np.linalg.norm(found - expected) < 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("kinds", [(np.float32, np.float64), (np.float64, np.float32), (np.longdouble,) * 2])
def test_the_wider_type_decides_the_rounding(kinds: tuple[Any, Any]) -> None:
    x, weight = drawn((2, 3, 7, 5), 0, kinds[0]), drawn((4, 3, 3, 3), 1, kinds[1])
    bias, dout = np.zeros(4, np.result_type(*kinds)), drawn((2, 4, 7, 5), 2, np.result_type(*kinds))
    error = 100 * np.finfo(bias.dtype).eps
    for one, other in zip(
        passes(WinogradConv2d, x, weight, bias, dout), passes(Conv2d, x, weight, bias, dout), strict=True
    ):
        assert one.dtype == bias.dtype
        np.testing.assert_allclose(one, other, rtol=error, atol=error * abs(other).max())


@pytest.mark.parametrize("n_kernels", [2, 3, 64])
@pytest.mark.parametrize("n_places", [1, 150, 250, 10000])
def test_blocks_of_images_and_parts_of_the_kernels(
    n_places: int, n_kernels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = drawn((5, 3, 6, 3), 0), drawn((4, 3, 3, 3), 1), drawn((4,), 2), drawn((5, 4, 6, 3), 3)
    expected = passes(Conv2d, *arrays)
    monkeypatch.setattr(winograd_tiles, "_PLACES", n_places)
    monkeypatch.setattr(winograd_tiles, "_KERNELS", n_kernels)
    for one, other in zip(passes(WinogradConv2d, *arrays), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1.7e308])
@pytest.mark.parametrize("which", [0, 1, 3])
def test_what_is_not_finite_or_overflows_is_that_of_conv2d(which: int, value: float) -> None:
    arrays = [drawn((2, 2, 4, 5), 0), drawn((3, 2, 3, 3), 1) / 8, drawn((3,), 2), drawn((2, 3, 4, 5), 3)]
    arrays[which][1, 1, 1, 2] = value
    with np.errstate(over="ignore"):
        found, expected = passes(WinogradConv2d, *arrays), passes(Conv2d, *arrays)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-11, atol=1e-13)


def test_gradients_are_written_where_they_belong() -> None:
    x, weight, dout = drawn((2, 2, 4, 4), 0), drawn((3, 2, 3, 3), 1), drawn((2, 3, 4, 4), 2)
    expected = passes(Conv2d, x, weight, np.zeros(3), dout)
    for into in (np.empty((3, 2, 3, 3)), np.empty((3, 3, 3, 2)).transpose(0, 3, 1, 2)):
        context = Context()
        WinogradConv2d.forward(context, x, weight, over=THREE)
        context.into, context.needs = (None, into), (False, True)
        dx, dweight = WinogradConv2d.backward(context, dout)
        assert dx is None
        assert dweight is into
        np.testing.assert_allclose(into, expected[2], rtol=1e-11, atol=1e-13)


def test_the_module_takes_the_faster_one() -> None:
    def used(n_in: int, n_out: int, size: int, **options: Any) -> Any:
        module = Conv2dModule(n_in, n_out, 3, padding=1, rng=0, **options)
        module.forward(np.ones((1, n_in, size, size)))
        return module._active_op()

    assert used(256, 256, 8) is WinogradConv2d
    assert used(24, 64, 31) is WinogradConv2d
    assert used(16, 16, 32) is used(64, 64, 4) is WinogradConv2d
    assert used(8, 16, 32) is StripConv2d
    assert used(64, 64, 3) is used(256, 256, 5) is Conv2d
    assert used(512, 512, 2) is Conv2d
    assert used(3, 64, 8) is Conv2d
    assert used(256, 256, 8, winograd=False) is Conv2d
    assert used(1, 1, 2, winograd=True) is WinogradConv2d
    assert used(256, 256, 8, dilation=2) is Conv2d


def test_the_gradient_of_x_has_the_type_that_every_convolution_gives_it() -> None:
    x, dout = np.ones((1, 2, 4, 4)), np.ones((1, 3, 4, 4), np.float32)
    for winograd in (True, False):
        for value in (1.0, np.nan):
            module = Conv2dModule(2, 3, 3, padding=1, rng=0, dtype=np.float32, winograd=winograd)
            x[0, 0, 0, 0] = value
            module.forward(x)
            dx = module.backward(dout)
            assert dx is not None
            assert dx.dtype == np.float32


def test_an_attribute_that_was_changed_is_checked_again() -> None:
    for name in ("winograd", "strips"):
        module = Conv2dModule(2, 2, 3, stride=2, rng=0)
        setattr(module, name, True)
        with pytest.raises(OptionError, match=f"{name} must be None or False"):
            module.forward(np.ones((1, 2, 5, 5)))


def test_other_kernels_are_refused() -> None:
    for kernel, options in ((5, {}), ((3, 2), {}), (3, {"groups": 2}), (3, {"dilation": 2}), (3, {"stride": 2})):
        with pytest.raises(OptionError, match="winograd must be None or False"):
            Conv2dModule(2, 2, kernel, winograd=True, **options)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="windows must be 3 × 3"):
        WinogradConv2d.check_inputs(np.ones((1, 1, 5, 5)), np.ones((1, 1, 5, 5)), over=Windows((5, 5), (1, 1), (0, 0)))
    assert "winograd=True" in repr(Conv2dModule(2, 2, 3, winograd=True))
