"""Activations where the laws do not look: huge numbers, kinks, contracts of their constructors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlp_numpy import (
    ELUModule,
    GELUModule,
    HardswishModule,
    HardtanhModule,
    IdentityModule,
    LeakyReLUModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    MishModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftplusModule,
    TanhModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules import ScaledReLU

HUGE = np.array([-1e300, -1e30, -1e4, -800.0, -50.0, 50.0, 800.0, 1e4, 1e30, 1e300])
UP, ONES, ZEROS = np.maximum(HUGE, 0), (HUGE > 0).astype(float), np.zeros_like(HUGE)


@pytest.mark.parametrize(
    ("module", "value", "slope"),
    [
        (ReLUModule(), UP, ONES),
        (ReLUModule(5), 5 * UP, 5 * ONES),
        (LeakyReLUModule(0.5), UP + 0.5 * np.minimum(HUGE, 0), ONES + 0.5 * (1 - ONES)),
        (PReLUModule(), UP + 0.25 * np.minimum(HUGE, 0), ONES + 0.25 * (1 - ONES)),
        (ELUModule(), UP - (1 - ONES), ONES),
        (SELUModule(), 1.0507009873554805 * (UP - 1.6732632423543772 * (1 - ONES)), 1.0507009873554805 * ONES),
        (GELUModule(), UP, ONES),
        (GELUModule("tanh"), UP, ONES),
        (SiLUModule(), UP, ONES),
        (MishModule(), UP, ONES),
        (HardswishModule(), UP, ONES),
        (HardtanhModule(-2, 3), 3 * ONES - 2 * (1 - ONES), ZEROS),
        (ReLU6Module(), 6 * ONES, ZEROS),
        (LogSigmoidModule(), np.where(HUGE == 50, -np.exp(-50), np.minimum(HUGE, 0)), 1 - ONES),
        (SoftplusModule(), UP, ONES),
        (SoftplusModule(beta=7), UP, ONES),
        (SigmoidModule(), ONES, ZEROS),
        (TanhModule(), np.sign(HUGE), ZEROS),
        (IdentityModule(), HUGE, ZEROS + 1),
    ],
    ids=repr,
)
def test_huge_numbers_are_exact_and_raise_no_alarm(module: Module, value: Array, slope: Array) -> None:
    # Warnings are errors here.
    single, x = module.astype(np.float32), np.array([-3e37, -3e4, 3e4, 3e37], np.float32)
    out = module.forward(HUGE)
    np.testing.assert_allclose(out, value, rtol=1e-15, atol=1e-17)
    np.testing.assert_allclose(module.backward(np.ones_like(HUGE)), slope, rtol=1e-15, atol=1e-17)
    # And so with the largest numbers that float32 holds.
    out, dx = single.forward(x), single.backward(np.ones_like(x))
    assert out.dtype == dx.dtype == np.float32
    np.testing.assert_allclose(out, module.forward(x.astype(float)), rtol=1e-6)
    np.testing.assert_allclose(dx, module.backward(np.ones(4)), rtol=1e-6)


def test_log_softmax_of_scores_far_apart() -> None:
    module = LogSoftMaxModule()
    np.testing.assert_array_equal(module.forward(np.array([[1e300, 0, -1e300]])), [[0, -1e300, -2e300]])
    np.testing.assert_array_equal(module.backward(np.array([[0.0, 1, 0]])), [[-1, 1, 0]])


@pytest.mark.parametrize(
    ("module", "slope"),
    [
        (ReLUModule(), 0),
        (ReLUModule(5), 0),
        (PReLUModule(neg_slope=0.3), 0.3),
        (ELUModule(0.7), 0.7),
        (SELUModule(), 1.0507009873554804934 * 1.6732632423543772848),
        (GELUModule(), 0.5),
        (GELUModule("tanh"), 0.5),
        (SiLUModule(), 0.5),
        (MishModule(), 0.6),
        (HardswishModule(), 0.5),
        (HardtanhModule(), 1),
        (LogSigmoidModule(), 0.5),
        (SoftplusModule(3), 0.5),
        (SigmoidModule(), 0.25),
        (TanhModule(), 1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_slope_at_zero(module: Module, slope: float, zero: float) -> None:
    module.forward(np.array([[zero]]))
    assert module.backward(np.ones((1, 1)))[0, 0] == pytest.approx(slope, rel=1e-15)
    # and so says the complex step, from either side of zero
    for step in (1e-30j, -1e-30j):
        twin = module.astype(np.complex128)
        numeric = (twin.forward(np.array([[zero + step]])) / step).real[0, 0]
        if not isinstance(module, ReLUModule):
            assert numeric == pytest.approx(slope, rel=1e-15)


@given(st.floats(-38, 38))
def test_the_gaussian_has_its_tails(x: float) -> None:
    """To twelve digits where ½(1 + erf) has lost them all: x Φ(x) for x = −10 is −7.6e-23."""
    out = GELUModule().forward(np.array([x]))[0]
    # Φ by Laplace's continued fraction, for the tail
    if x < -3:
        fraction = 0.0
        for k in range(400, 0, -1):
            fraction = k / (-x + fraction)
        tail = np.exp(-x * x / 2) / np.sqrt(2 * np.pi) / (-x + fraction)
        assert out == pytest.approx(x * tail, rel=1e-11, abs=1e-300)
    # x Φ(x) + (−x) Φ(−x) = x (2Φ(x) − 1), and Φ(x) + Φ(−x) = 1
    assert out - GELUModule().forward(np.array([-x]))[0] == pytest.approx(x, rel=1e-15, abs=1e-300)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_the_limits_of_both_gelus_in_every_dtype(dtype: type) -> None:
    for layer in (GELUModule(), GELUModule("tanh")):
        np.testing.assert_array_equal(layer.forward(np.array([-np.inf, np.inf], dtype)), [0, np.inf])
        np.testing.assert_array_equal(layer.backward(np.ones(2, dtype)), [0, 1])


def test_the_two_gelus_are_two_formulas() -> None:
    exact, near = GELUModule(), GELUModule("tanh")
    x = np.linspace(-4, 4, 81)
    difference = np.abs(exact.forward(x) - near.forward(x))
    assert 1e-4 < difference.max() < 5e-4
    assert np.abs(exact.backward(np.ones_like(x)) - near.backward(np.ones_like(x))).max() > 1e-4


def test_what_sigmoid_and_tanh_return_may_be_edited() -> None:
    x = np.array([[0.3, -2.0]])
    for module in (SigmoidModule(), TanhModule()):
        module.forward(x)
        expected = module.backward(np.ones_like(x))
        out = module.forward(x)
        out -= 5
        np.testing.assert_array_equal(module.backward(np.ones_like(x)), expected)


def test_a_scaled_relu_has_its_own_formula() -> None:
    assert ReLUModule().op is not ReLUModule(5).op
    context = Context()
    np.testing.assert_array_equal(ScaledReLU.forward(context, np.array([-1.0, 0, 2]), scale=5.0), [0, 0, 10])
    np.testing.assert_array_equal(ScaledReLU.backward(context, np.array([1.0, 1, 1])), [0, 0, 5])


def test_a_clipped_activation_is_flat_at_its_bounds_and_beyond() -> None:
    x = np.array([[-3.0, -1.0, -0.5, 0.0, 0.5, 2.0, 3.0]])
    module = HardtanhModule(-1, 2)
    np.testing.assert_array_equal(module.forward(x), [[-1, -1, -0.5, 0, 0.5, 2, 2]])
    np.testing.assert_array_equal(module.backward(np.full_like(x, 7)), [[0, 0, 7, 7, 7, 0, 0]])
    six = ReLU6Module()
    np.testing.assert_array_equal(six.forward(3 * x), [[0, 0, 0, 0, 1.5, 6, 6]])
    np.testing.assert_array_equal(six.backward(np.ones_like(x)), [[0, 0, 0, 0, 1, 0, 0]])
    assert [repr(each) for each in (HardtanhModule(), HardtanhModule(max_val=6), six)] == [
        *("HardtanhModule()", "HardtanhModule(max_val=6)", "ReLU6Module()")
    ]


def test_the_logarithm_of_a_sigmoid_keeps_its_digits_on_both_sides() -> None:
    x = np.array([[-745.0, -40, -1, 0, 1, 40, 700]])
    module = LogSigmoidModule()
    np.testing.assert_allclose(module.forward(x), -np.logaddexp(0, -x), rtol=1e-14)
    np.testing.assert_allclose(module.backward(np.ones_like(x)), 1 / (1 + np.exp(x)), rtol=1e-14)


def test_prelu_learns_its_slopes() -> None:
    module = PReLUModule(2)
    module.forward(np.array([[-1.0, 2], [-3, -5]]))
    np.testing.assert_array_equal(module.backward(np.array([[1.0, 1], [10, 100]])), [[0.25, 1], [2.5, 25]])
    # da₁ = −1·1 − 3·10 and da₂ = −5·100
    np.testing.assert_array_equal(module.grads["slope"], [-31, -500])
    with pytest.raises(ShapeError, match=r"PReLUModule\(2\).forward: x must be \(N, 2, …\), got \(4, 3\)"):
        module.forward(np.ones((4, 3)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ReLUModule(np.nan), "ReLUModule: scale must be a finite number, got nan"),
        (lambda: ELUModule("1"), "ELUModule: alpha must be a finite number, got '1'"),
        (lambda: SoftplusModule(0), "SoftplusModule: beta must be a number > 0, got 0"),
        (lambda: HardtanhModule(1, 1), "HardtanhModule: min_val must be below max_val, got 1 and 1"),
        (lambda: HardtanhModule(np.inf), "HardtanhModule: min_val must be a finite number, got inf"),
        (lambda: PReLUModule(0), "PReLUModule: n_features must be an integer ≥ 1, got 0"),
        (lambda: PReLUModule(neg_slope=None), "PReLUModule: neg_slope must be a finite number, got None"),
        (lambda: GELUModule("tahn"), "GELUModule: unknown approximate 'tahn'. Did you mean 'tanh'"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(make: object, words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make()


def test_a_softplus_whose_product_with_beta_overflows() -> None:
    for x in (np.array([[-1e308, 1e308]]), np.array([[complex(-1e308, 1e-20), complex(1e308, 1e-20)]])):
        softplus = SoftplusModule(beta=100)
        np.testing.assert_array_equal(softplus.forward(x), [[0, x[0, 1]]])
        np.testing.assert_array_equal(softplus.backward(np.ones_like(x)), [[0, 1]])
