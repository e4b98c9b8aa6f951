"""Initializers: the statistics that their equations promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlp_numpy import Conv2dModule, LinearModule, dirac, glorot, kaiming, lecun, normal, orthogonal, uniform, zeros
from mlp_numpy.errors import DTypeError, OptionError

SHAPE = (400, 500)


def draw(initializer, input_layer: bool = False) -> np.ndarray:
    return initializer(np.random.default_rng(0), SHAPE, input_layer=input_layer)


def test_normal() -> None:
    weight = draw(normal(0.5))
    assert weight.std() == pytest.approx(0.5, rel=0.01)
    assert not draw(normal(0.0)).any()


@pytest.mark.parametrize(("slope", "gain"), [(0.0, 2.0), (0.5, 1.6)])
def test_kaiming_keeps_the_variance_behind_a_leaky_relu(slope: float, gain: float) -> None:
    assert draw(kaiming(slope)).std() == pytest.approx(math.sqrt(gain / 500), rel=0.01)
    assert draw(kaiming(slope), input_layer=True).std() == pytest.approx(math.sqrt(1 / 500), rel=0.01)


def test_kaiming_keeps_a_signal_alive_through_twenty_layers() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(500, 200))
    for layer in range(20):
        x = np.maximum(x, 0) if layer else x
        x = LinearModule(200, 200, init=kaiming(), rng=rng, input_layer=layer == 0).forward(x)
    assert 0.5 < x.std() < 2


def test_uniform() -> None:
    weight = draw(uniform())
    bound = 1 / math.sqrt(weight.shape[1])
    assert 0.99 * bound < abs(weight).max() <= bound
    assert weight.var() == pytest.approx(bound**2 / 3, rel=0.05)


def test_glorot() -> None:
    weight = draw(glorot())
    bound = math.sqrt(6 / 900)
    assert abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / math.sqrt(3), rel=0.01)


def test_glorot_with_a_gain() -> None:
    np.testing.assert_allclose(draw(glorot(0.5)), draw(glorot()) / 2)


@pytest.mark.parametrize(
    ("init", "bound"),
    [(uniform(), 1 / 20), (glorot(0.5, bias=True), math.sqrt(1.5 / 900)), (uniform(bias=False), 0), (glorot(), 0)],
)
def test_biases(init: Any, bound: float) -> None:
    linear = LinearModule(400, 500, init=init, rng=0)
    convolution = Conv2dModule(16, 20, 5, init=init, rng=0)  # 400 inputs of each of 20 · 25 outputs
    for layer, atol in ((linear, 0.02), (convolution, 0.2)):
        bias = layer.params["bias"]
        assert abs(bias).max() <= bound
        assert abs(bias).max() == pytest.approx(bound, rel=atol)
    assert len(np.unique(linear.params["bias"])) == (500 if bound else 1)


@pytest.mark.parametrize("make", [uniform, glorot])
def test_whether_biases_are_drawn_must_be_said(make: Any) -> None:
    with pytest.raises(OptionError, match="bias must be True or False"):
        make(bias=1)


@pytest.mark.parametrize("std", [-1.0, math.nan, math.inf])
def test_a_spread_must_be_a_number(std: float) -> None:
    with pytest.raises(OptionError, match="std must be a number"):
        normal(std)


@pytest.mark.parametrize("slope", [math.nan, math.inf])
def test_a_slope_must_be_a_number(slope: float) -> None:
    with pytest.raises(OptionError, match="neg_slope must be a finite number"):
        kaiming(slope)


def test_seeds_decide_and_generators_go_on() -> None:
    same = [LinearModule(3, 2, rng=7).params["weight"] for _ in range(2)]
    np.testing.assert_array_equal(*same)
    rng = np.random.default_rng(7)
    first, second = (LinearModule(3, 2, rng=rng).params["weight"] for _ in range(2))
    np.testing.assert_array_equal(first, same[0])
    assert (first != second).all()
    with pytest.raises(OptionError, match="rng: must be an integer"):
        LinearModule(3, 2, rng=-1)
    with pytest.raises(OptionError, match="rng: must be an integer"):
        LinearModule(3, 2, rng="zero")


def test_lecun() -> None:
    drawn = draw(lecun())
    assert drawn.std() == pytest.approx(math.sqrt(1 / 500), rel=0.01)
    assert abs(drawn.mean()) < 4 * drawn.std() / math.sqrt(drawn.size)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (6, 2, 3, 3), (1, 1)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    weight = orthogonal(1.5)(np.random.default_rng(0), shape, input_layer=False)
    assert weight.shape == shape
    matrix = weight.reshape(shape[0], -1)
    short = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(short, 1.5**2 * np.eye(len(short)), atol=1e-12)
    with pytest.raises(OptionError, match="gain must be"):
        orthogonal(-1)


def test_orthogonal_prefers_no_sign() -> None:
    rng = np.random.default_rng(0)
    corners = [orthogonal()(rng, (2, 2), input_layer=False)[0, 0] for _ in range(400)]
    assert abs(np.mean(corners)) < 0.15


def test_zeros_warn_that_units_stay_equal() -> None:
    with pytest.warns(UserWarning, match="3 units of a weight .* will stay equal"):
        layer = LinearModule(2, 3, init=zeros())
    assert not layer.params["weight"].any()


def test_a_convolution_counts_its_kernel() -> None:
    kernel = (64, 32, 3, 5)
    rng = np.random.default_rng(0)
    assert kaiming()(rng, kernel, input_layer=False).std() == pytest.approx(math.sqrt(2 / (32 * 15)), rel=0.02)
    assert abs(glorot()(rng, kernel, input_layer=False)).max() <= math.sqrt(6 / (96 * 15))
    x = rng.normal(size=(4, 16, 8, 8))
    assert Conv2dModule(16, 200, 3, rng=0).forward(x).std() == pytest.approx(math.sqrt(2), rel=0.1)


@pytest.mark.parametrize(
    "init", [normal(1e300), orthogonal(1e300), lambda rng, shape, *, input_layer: np.full(shape, np.nan)]
)
@pytest.mark.parametrize(
    "make",
    [
        lambda init: LinearModule(3, 2, init=init, dtype=np.float32),
        lambda init: Conv2dModule(3, 2, 1, init=init, dtype=np.float32),
    ],
)
def test_start_values_lie_within_the_range_of_the_dtype(make: Any, init: Any) -> None:
    with pytest.raises(OptionError, match="init must draw numbers within the range of float32"):
        make(init)


@pytest.mark.parametrize("init", [int, lambda: 0, "kaiming", pytest.param(10**5000, id="a huge number"), 3])
def test_what_is_no_initializer_is_refused(init: Any) -> None:
    with pytest.raises(OptionError, match="init must be an initializer"):
        LinearModule(3, 2, init=init)


def test_complex_start_values_need_a_complex_dtype() -> None:
    def draw_complex(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Any:
        return rng.normal(size=shape) * 1j

    with pytest.raises(DTypeError, match="what init draws must be real"):
        LinearModule(3, 2, init=draw_complex)
    assert LinearModule(3, 2, init=draw_complex, dtype=complex).params["weight"].imag.any()


def test_dirac_passes_the_first_channels_on() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4))
    for n_out in (2, 3, 5):
        conv = Conv2dModule(3, n_out, 3, padding=1, bias=False, init=dirac(), rng=0)
        same = min(n_out, 3)
        np.testing.assert_array_equal(conv.forward(x)[:, :same], x[:, :same])
        others = conv.params["weight"][same:]
        assert (np.abs(others) <= 1 / np.sqrt(27)).all() and (others != 0).all()
    drawn, plain = (LinearModule(3, 4, init=init, rng=0).params["weight"] for init in (dirac(), uniform(bias=False)))
    np.testing.assert_array_equal(drawn, plain)
