"""Limits: at ±∞ a module gives its function's limit where that is finite, a NaN stays one, and nothing warns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from mlp_numpy import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    Dropout,
    ELUModule,
    GELUModule,
    GroupNorm,
    HardswishModule,
    HardtanhModule,
    IdentityModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    RMSNorm,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    kaiming,
)
from mlp_numpy import autodiff as tape
from mlp_numpy.arrays import Array

INF = np.inf
LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
# what makes the module, then out and slope at −∞, out and slope at +∞
LIMITS: list[tuple[Callable[[], Module], float, float, float, float]] = [
    (lambda: ReLUModule(), 0, 0, INF, 1),
    (lambda: ReLUModule(5), 0, 0, INF, 5),
    (lambda: ReLUModule(0), 0, 0, 0, 0),
    (lambda: LeakyReLUModule(0), 0, 0, INF, 1),
    (lambda: LeakyReLUModule(0.02), -INF, 0.02, INF, 1),
    (lambda: LeakyReLUModule(-2), INF, -2, INF, 1),
    (lambda: LeakyReLUModule(3), -INF, 3, INF, 1),
    (lambda: PReLUModule(), -INF, 0.25, INF, 1),
    (lambda: PReLUModule(neg_slope=0), 0, 0, INF, 1),
    (lambda: PReLUModule(2, neg_slope=0), 0, 0, INF, 1),
    (lambda: ELUModule(), -1, 0, INF, 1),
    (lambda: ELUModule(0.5), -0.5, 0, INF, 1),
    (lambda: ELUModule(0), 0, 0, INF, 1),
    (lambda: SELUModule(), -LAMBDA * ALPHA, 0, INF, LAMBDA),
    (lambda: SiLUModule(), 0, 0, INF, 1),
    (lambda: MishModule(), 0, 0, INF, 1),
    (lambda: HardswishModule(), 0, 0, INF, 1),
    (lambda: HardtanhModule(), -1, 0, 1, 0),
    (lambda: ReLU6Module(), 0, 0, 6, 0),
    (lambda: LogSigmoidModule(), -INF, 1, 0, 0),
    (lambda: GELUModule(), 0, 0, INF, 1),
    (lambda: GELUModule("tanh"), 0, 0, INF, 1),
    (lambda: SoftplusModule(), 0, 0, INF, 1),
    (lambda: SoftplusModule(1e-3), 0, 0, INF, 1),
    (lambda: SoftplusModule(1e30), 0, 0, INF, 1),
    (lambda: SigmoidModule(), 0, 0, 1, 0),
    (lambda: TanhModule(), -1, 0, 1, 0),
    (lambda: IdentityModule(), -INF, 1, INF, 1),
]
KINDS = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@KINDS
@pytest.mark.parametrize("row", LIMITS, ids=lambda row: repr(row[0]()))
def test_limits_of_the_activations(row: tuple[Callable[[], Module], float, float, float, float], dtype: type) -> None:
    make, low, low_slope, high, high_slope = row
    module = make().astype(dtype)
    x = np.array([[-INF, INF], [INF, -INF], [1, -1], [np.nan, 0.5]], dtype)
    out = module.forward(x).copy()
    expected = np.array([low, high])
    np.testing.assert_allclose(out[0], expected.astype(dtype), rtol=1e-6)
    np.testing.assert_allclose(out[1], expected[::-1].astype(dtype), rtol=1e-6)
    assert np.isnan(out[3, 0])
    assert np.isfinite(out[2]).all()
    dx = module.backward(np.array([[1, 1], [3, 3], [1, 1], [1, 1]], dtype))
    assert dx is not None
    assert np.isnan(dx[3, 0]) or isinstance(module, IdentityModule)
    np.testing.assert_allclose(dx[0], np.array([low_slope, high_slope], dtype), rtol=1e-6)
    np.testing.assert_allclose(dx[1], 3 * np.array([high_slope, low_slope], dtype), rtol=1e-6)
    for _, leaf in module.leaves():
        for grad in leaf.grads.values():
            assert not np.isnan(grad).all() or grad.size == 1, grad


@KINDS
@pytest.mark.parametrize("row", LIMITS, ids=lambda row: repr(row[0]()))
def test_the_ends_of_the_range_are_near_the_limits(
    row: tuple[Callable[[], Module], float, float, float, float], dtype: type
) -> None:
    make, low, low_slope, high, high_slope = row
    module = make().astype(dtype)
    huge = np.finfo(dtype).max / 8
    out = module.forward(np.array([[-huge, huge]], dtype)).copy()
    for found, limit in zip(out[0], (low, high), strict=True):
        if np.isfinite(limit):
            np.testing.assert_allclose(found, limit, rtol=1e-6, atol=1e-30)
        else:
            assert abs(found) > huge / 100
            assert np.sign(found) == np.sign(limit)
    dx = module.backward(np.ones((1, 2), dtype))
    np.testing.assert_allclose(dx, np.array([[low_slope, high_slope]], dtype), rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("make", [ReLUModule, lambda: LeakyReLUModule(0), lambda: PReLUModule(neg_slope=0)])
def test_an_infinite_gradient_does_not_count_on_the_branch_that_is_not_chosen(make: Callable[[], Module]) -> None:
    module = make()
    module.forward(np.array([[-1.0, 2.0, -3.0]]))
    np.testing.assert_array_equal(module.backward(np.array([[INF, -INF, 1.0]])), [[0, -INF, 0]])


@KINDS
@pytest.mark.parametrize("make", [ReLUModule, lambda: ReLUModule(5), lambda: LeakyReLUModule(0)])
def test_a_nan_of_dout_does_not_count_on_the_branch_that_is_not_chosen(make: Callable[[], Module], dtype: type) -> None:
    module = make()
    module.forward(np.array([[-1.0, 2.0, -INF]], dtype))
    np.testing.assert_array_equal(module.backward(np.full((1, 3), np.nan, dtype)), [[0, np.nan, 0]])


@KINDS
@pytest.mark.parametrize("row", LIMITS, ids=lambda row: repr(row[0]()))
def test_a_slope_of_zero_lets_no_infinity_through(
    row: tuple[Callable[[], Module], float, float, float, float], dtype: type
) -> None:
    make, _, low_slope, _, high_slope = row
    module = make().astype(dtype)
    module.forward(np.array([[-INF, INF]], dtype))
    dx = module.backward(np.array([[INF, -INF]], dtype))
    slopes = np.array([low_slope, -high_slope])
    np.testing.assert_array_equal(dx, [np.where(slopes == 0, 0, np.copysign(INF, slopes))])


@pytest.mark.parametrize("neg_slope", [1e-60, -1e-60, 1e300])
def test_a_slope_beyond_the_range_of_float32_makes_no_nan(neg_slope: float) -> None:
    module = LeakyReLUModule(neg_slope)
    out = module.forward(np.array([[-INF, 0, 2, INF]], np.float32))
    np.testing.assert_array_equal(out[0, 1:], [0, 2, INF])
    assert not np.isnan(out).any()
    assert not np.isnan(module.backward(np.array([[INF, 0, 1, INF]], np.float32))).any()


def test_a_bound_beyond_the_range_of_float32_bounds_nothing() -> None:
    module, x = HardtanhModule(-1e300, 1e300), np.array([[-3e38, 0, 3e38]], np.float32)
    np.testing.assert_array_equal(module.forward(x), x)
    np.testing.assert_array_equal(module.backward(x), x)


@KINDS
@pytest.mark.parametrize("beta", [1e-320, 1e-50, 1e-40, 1e-30, 1e-3, 1.0, 1e3, 1e38, 1e300])
def test_softplus_of_every_beta(beta: float, dtype: type) -> None:
    module = SoftplusModule(beta)
    out = module.forward(np.array([[-INF, INF, 3]], dtype))
    np.testing.assert_array_equal(out[0, :2], [0, INF])
    assert out[0, 2] >= 3
    np.testing.assert_array_equal(module.backward(np.ones((1, 3), dtype))[0, :2], [0, 1])


def test_the_branch_of_a_prelu_that_is_not_chosen_has_no_say() -> None:
    module = PReLUModule(2)
    module.params["slope"] = [INF, np.nan]
    x, dout = np.array([[2.0, 3.0], [INF, 0.5]]), np.array([[1.0, np.nan], [np.nan, 1.0]])
    np.testing.assert_array_equal(module.forward(x), x)
    module.backward(dout)
    np.testing.assert_array_equal(module.grads["slope"], [0, 0])


def test_the_slope_of_a_prelu_is_blind_to_the_positive_side() -> None:
    module = PReLUModule()
    module.forward(np.array([[INF, -2.0]]))
    module.backward(np.array([[5.0, 3.0]]))
    np.testing.assert_array_equal(module.grads["slope"], [-6.0])


def test_what_dropout_drops_does_not_count() -> None:
    module = Dropout(0.5, rng=0)
    x = np.full((4, 50), INF)
    out = module.forward(x)
    assert set(np.unique(out)) == {0, INF}
    np.testing.assert_array_equal(module.backward(x), out)


@KINDS
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0, -INF, 0], [0.5, 0, 0.5]),
        ([0, INF, 3], [0, 1, 0]),
        ([INF, -INF, INF], [0.5, 0, 0.5]),
        ([-INF, -INF, -INF], [1 / 3, 1 / 3, 1 / 3]),
        ([3e38, -3e38, 0], [1, 0, 0]),
    ],
)
def test_limits_of_the_softmax(scores: list[float], expected: list[float], dtype: type) -> None:
    x, p = np.array([scores], dtype), np.array([expected], dtype)
    softmax, log_softmax = SoftMaxModule(), LogSoftMaxModule()
    np.testing.assert_allclose(softmax.forward(x), p, rtol=1e-6)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(np.exp(log_softmax.forward(x)), p, rtol=1e-6)
    dout = np.array([[1, 2, 4]], dtype)
    np.testing.assert_allclose(softmax.backward(dout), p * (dout - (p * dout).sum()), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(log_softmax.backward(dout), dout - p * dout.sum(), rtol=1e-5, atol=1e-6)
    assert np.isnan(softmax.forward(np.array([[np.nan, 1, INF]], dtype))).all()


@pytest.mark.parametrize("value", [INF, -INF])
def test_what_has_no_probability_lets_no_infinity_through(value: float) -> None:
    scores, dout = np.array([[0.0, -INF, 0.0]]), np.array([[1.0, value, 3.0]])
    softmax = SoftMaxModule()
    softmax.forward(scores)
    np.testing.assert_allclose(softmax.backward(dout), [[-0.5, 0, 0.5]], rtol=1e-15)
    log_softmax = LogSoftMaxModule()
    log_softmax.forward(scores)
    np.testing.assert_array_equal(log_softmax.backward(dout), [[-value, value, -value]])


def test_a_complex_nan_goes_through_a_relu() -> None:
    out = ReLUModule().forward(np.array([[np.nan + 1j, -1 + 1j, 2 + 1j]]))
    assert np.isnan(out[0, 0])
    np.testing.assert_array_equal(out[0, 1:], [0, 2 + 1j])


@KINDS
@pytest.mark.parametrize("value", [0.0, 0.1, 1000.1, 100000.1, -3e30, 1e-30, 1e38])
@pytest.mark.parametrize("width", [1, 3, 768, 5000])
def test_constant_rows_and_features_are_normalized_to_zero(value: float, width: int, dtype: type) -> None:
    row, feature, group = LayerNorm(width, dtype=dtype), BatchNorm(2, dtype=dtype), GroupNorm(1, width, dtype=dtype)
    x = np.full((2, width), value, dtype)
    assert np.abs(row.forward(x)).max() == 0
    assert np.abs(group.forward(x)).max() == 0
    assert np.abs(feature.forward(x.T)).max() == 0
    for module, dout in ((row, np.ones_like(x)), (feature, np.ones_like(x.T))):
        dx = module.backward(dout)
        assert dx is not None
        np.testing.assert_allclose(dx, 0, atol=1e-3)


@KINDS
@pytest.mark.parametrize("scale", [1e-35, 1e-25, 1e-10, 1.0, 1e10, 1e19, 1e30, 1e37])
def test_normalization_does_not_depend_on_the_scale(scale: float, dtype: type) -> None:
    x = np.random.default_rng(0).normal(1, 2, size=(8, 6)).astype(dtype)
    dout = np.random.default_rng(1).normal(size=x.shape).astype(dtype)
    for make in (LayerNorm, BatchNorm):
        unit, other = make(6, eps=0, dtype=dtype), make(6, eps=0, dtype=dtype)
        scaled = (x.astype(np.float64) * scale).astype(dtype)
        np.testing.assert_allclose(other.forward(scaled), unit.forward(x), rtol=1e-4, atol=1e-5)
        expected, found = unit.backward(dout), other.backward(dout)
        assert expected is not None and found is not None
        np.testing.assert_allclose(found.astype(np.float64) * scale, expected, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(other.grads["gamma"], unit.grads["gamma"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, lambda n, eps: GroupNorm(1, n, eps)])
def test_without_eps_a_constant_has_no_direction(make: Callable[..., Module]) -> None:
    module = make(3, eps=0.0)
    np.testing.assert_array_equal(module.forward(np.full((3, 3), 0.1)), 0)
    np.testing.assert_array_equal(module.backward(np.arange(9.0).reshape(3, 3)), 0)


@KINDS
def test_an_rms_norm_of_zeros_and_of_the_ends_of_the_range(dtype: type) -> None:
    module, bare = RMSNorm(3, dtype=dtype), RMSNorm(3, eps=0.0, dtype=dtype)
    for each in (module, bare):
        np.testing.assert_array_equal(each.forward(np.zeros((2, 3), dtype)), 0)
    np.testing.assert_array_equal(bare.backward(np.ones((2, 3), dtype)), 0)
    limits = np.finfo(dtype)
    for scale in (limits.max, limits.max / 3, limits.tiny, limits.smallest_subnormal * 64):
        x = np.array([[1, 1, -1], [0, 1, 0]], dtype) * scale
        np.testing.assert_allclose(bare.forward(x), [[1, 1, -1], [0, 3**0.5, 0]], rtol=1e-6)
        if scale > 1:
            np.testing.assert_allclose(module.forward(x), bare.forward(x), rtol=1e-6)


def test_a_statistic_beyond_the_range_is_infinite_and_evaluation_survives_it() -> None:
    module = BatchNorm(1, momentum=1.0, dtype=np.float32)
    module.forward(np.array([[1e30], [-1e30]], np.float32))
    assert np.isinf(module.buffers["running_variance"])
    np.testing.assert_array_equal(module.eval().forward(np.ones((2, 1), np.float32)), 0)


WINDOWS = [(2, 2, 0), (2, 2, 1), (3, 2, 1), (3, 1, 1), ((2, 3), (1, 2), (1, 0)), (2, 1, 0), (5, 5, 2)]
OPTIONS = {"plain": {}, "ceil mode": {"ceil_mode": True}, "dilated": {"dilation": (2, 1)}}
VALUES = {
    "lowest": [-INF],
    "infinities": [-INF, INF, 0],
    "nans": [np.nan, 1, -INF, INF],
    "zeros": [0.0, -0.0],
    "ties": [1, 1, 2],
}


@KINDS
@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("options", OPTIONS)
def test_a_max_pool_hands_every_gradient_to_a_pixel(
    options: str, window: tuple[int, int, int], values: str, dtype: type
) -> None:
    rng = np.random.default_rng(3)
    x = rng.choice(np.array(VALUES[values], dtype), size=(2, 3, 9, 7))
    pool = MaxPool2dModule(*window, **OPTIONS[options])
    out = pool.forward(x)
    dout = rng.integers(1, 9, size=out.shape).astype(dtype)
    dx = pool.backward(dout)
    assert dx is not None
    assert dx.sum() == dout.sum()
    np.testing.assert_array_equal(dx, by_hand(x, dout, pool))


def by_hand(x: Array, dout: Array, pool: MaxPool2dModule) -> Array:
    """Window by window: the first NaN, or the first of the largest, has the gradient."""
    over, dx = pool.windows, np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        rows, columns = (
            [p for p in range(at * step - before, at * step - before + extent, apart) if 0 <= p < size]
            for at, step, before, extent, apart, size in zip(
                (i, j), over.stride, over.padding, over.extent, over.dilation, x.shape[2:], strict=True
            )
        )
        seen = x[n, c][np.ix_(rows, columns)]
        u, v = np.unravel_index(int(seen.argmax()), seen.shape)
        dx[n, c, rows[u], columns[v]] += dout[n, c, i, j]
    return dx


def test_an_infinite_gradient_of_a_pool_goes_to_one_pixel() -> None:
    pool = MaxPool2dModule(2)
    pool.forward(np.array([[[[1.0, 2.0], [3.0, 0.0]]]]))
    np.testing.assert_array_equal(pool.backward(np.full((1, 1, 1, 1), INF)), [[[[0, 0], [INF, 0]]]])


@pytest.mark.parametrize(
    "pool",
    [
        *(AvgPool2dModule(2), AvgPool2dModule(3), AvgPool2dModule(2, 1), AvgPool2dModule(4, 3, ceil_mode=True)),
        *(AvgPool2dModule(3, 2, 1, count_include_pad=False), AdaptiveAvgPool2dModule(1), AdaptiveAvgPool2dModule(4)),
        *(AvgPool2dModule(5, 3, 2, count_include_pad=False, ceil_mode=True), AdaptiveAvgPool2dModule((7, 2))),
    ],
    ids=repr,
)
def test_an_average_pool_that_counts_no_padding_hands_all_of_the_gradient_on(pool: Module) -> None:
    out = pool.forward(np.ones((1, 2, 6, 6)))
    np.testing.assert_allclose(out, 1)
    dx = pool.backward(np.arange(1.0, out.size + 1).reshape(out.shape))
    assert dx is not None
    np.testing.assert_allclose(dx.sum(), out.size * (out.size + 1) / 2)


@pytest.mark.parametrize("sizes", [(2, 12, 14), (3, 32, 37), (14, 5, 17), (20, 30, 38), (21, 8, 18), (31, 13, 39)])
def test_an_infinity_in_a_matrix_product_gives_no_warning_that_depends_on_the_processor(
    sizes: tuple[int, int, int],
) -> None:
    n, n_in, n_out = sizes
    module = LinearModule(n_in, n_out, init=kaiming(), rng=0)
    x, dout = np.ones((n, n_in)), np.ones((n, n_out))
    for bad in (x, dout):
        bad[1, 2] = np.inf
    assert not np.isnan(module.forward(x)).any()
    assert not np.isnan(module.backward(dout)).any()
    a, b = tape.TensorNode(x), tape.TensorNode(np.ones((n_in, n_out)))
    out = a @ b
    out.backward(dout)
    assert np.isinf(out.value).any(), "the product must hold the infinity"
