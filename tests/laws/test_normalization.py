"""Normalization, dropout and shortcuts: statistics that run, masks that repeat, training against evaluation."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp_numpy import (
    BatchNorm,
    Dropout,
    GroupNorm,
    LayerNorm,
    LinearModule,
    Module,
    ReLUModule,
    Residual,
    RMSNorm,
    Sequential,
    Sharded,
)
from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.gradcheck import gradcheck


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(3, 2, shape)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 4), st.lists(st.integers(1, 3), max_size=2), st.booleans())
def test_batch_norm_of_all_shapes(n: int, c: int, size: list[int], affine: bool) -> None:
    x = drawn(n, c, *size)
    module = BatchNorm(c, affine=affine)
    out = module.forward(x)
    axes = (0, *range(2, x.ndim))
    np.testing.assert_allclose(out.mean(axis=axes), 0, atol=1e-11)
    np.testing.assert_allclose(out.var(axis=axes), x.var(axis=axes) / (x.var(axis=axes) + 1e-5), atol=1e-12)
    # The mean terms cancel what dout gives, of two rows nearly all of it: the distance counts, not its share.
    for check in gradcheck(module, x, max_entries=6).checks:
        assert abs(check.analytic - check.numeric) < 1e-11


def test_the_running_statistics_follow_with_the_unbiased_variance() -> None:
    module, mean, variance = BatchNorm(2, momentum=0.25), np.zeros(2), np.ones(2)
    for seed in range(3):
        x = drawn(5, 2, 2, 3, seed=seed)
        module.forward(x)
        mean = 0.75 * mean + 0.25 * x.mean(axis=(0, 2, 3))
        variance = 0.75 * variance + 0.25 * x.var(axis=(0, 2, 3), ddof=1)
    np.testing.assert_allclose(module.buffers["running_mean"], mean, rtol=1e-13)
    np.testing.assert_allclose(module.buffers["running_variance"], variance, rtol=1e-13)
    module.eval().forward(x)
    np.testing.assert_allclose(module.buffers["running_mean"], mean, rtol=1e-13)
    np.testing.assert_allclose(
        module.forward(x), (x - mean.reshape(2, 1, 1)) / np.sqrt(variance.reshape(2, 1, 1) + 1e-5), rtol=1e-12
    )


def test_without_momentum_the_running_statistics_are_means_over_all_batches() -> None:
    torch = pytest.importorskip("torch")
    module, theirs = BatchNorm(2, momentum=None), torch.nn.BatchNorm1d(2, momentum=None, dtype=torch.float64)
    batches = [drawn(5, 2, 3, seed=seed) for seed in range(4)]
    for x in batches:
        module.forward(x)
        theirs(torch.tensor(x))
    np.testing.assert_allclose(module.buffers["running_mean"], np.mean([x.mean(axis=(0, 2)) for x in batches], axis=0))
    np.testing.assert_allclose(
        module.buffers["running_variance"], np.mean([x.var(axis=(0, 2), ddof=1) for x in batches], axis=0)
    )
    np.testing.assert_allclose(module.buffers["running_mean"], theirs.running_mean.numpy(), rtol=1e-13)
    np.testing.assert_allclose(module.buffers["running_variance"], theirs.running_var.numpy(), rtol=1e-13)
    assert int(module.buffers["n_batches"]) == int(theirs.num_batches_tracked) == 4


def test_the_number_of_batches_is_saved_and_stays_an_integer() -> None:
    module = BatchNorm(2, momentum=None)
    module.forward(drawn(5, 2))
    single = module.astype(np.float32)
    assert single.buffers["n_batches"].dtype.kind == "i"
    other = BatchNorm(2, momentum=None)
    other.load_state(module.state())
    for each in (module, other):
        each.forward(drawn(4, 2, seed=1))
    np.testing.assert_equal(other.state(), module.state())
    assert int(single.buffers["n_batches"]) == 1
    assert "n_batches" not in BatchNorm(2).buffers
    other.eval().forward(drawn(4, 2))
    assert int(other.buffers["n_batches"]) == 2


def test_a_single_row_is_left_out_of_the_means_over_all_batches() -> None:
    module = BatchNorm(1, momentum=None)
    module.forward(np.array([[4.0]]))
    assert module.buffers["n_batches"] == module.buffers["running_mean"] == 0
    module.forward(np.array([[4.0], [6.0]]))
    assert module.buffers["running_mean"] == 5
    assert module.buffers["running_variance"] == 2


@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (lambda **options: BatchNorm(6, **options), {"affine": False}),
        (lambda **options: GroupNorm(2, 6, **options), {"affine": False}),
        (lambda **options: LayerNorm(6, **options), {"elementwise_affine": False}),
        (lambda **options: RMSNorm(6, **options), {"elementwise_affine": False}),
    ],
)
def test_without_parameters_the_values_are_those_of_the_initial_ones(
    make: Callable[..., Module], plain: dict[str, bool]
) -> None:
    x, dout = drawn(4, 6), drawn(4, 6, seed=1)
    module, bare = make(), make(**plain)
    assert dict(bare.params) == dict(bare.grads) == {}
    for _ in range(2):
        np.testing.assert_array_equal(bare.forward(x), module.forward(x))
        np.testing.assert_allclose(bare.backward(dout), module.backward(dout), rtol=1e-13)
        module.eval(), bare.eval()
    # out belongs to the caller
    bare.forward(x)[...] = 0
    np.testing.assert_allclose(bare.backward(dout), module.backward(dout), rtol=1e-13)


def test_a_layer_norm_without_bias_scales_alone() -> None:
    module = LayerNorm(3, bias=False)
    assert list(module.params) == ["gamma"]
    module.params["gamma"] = [1, 2, 3]
    x = drawn(2, 3)
    np.testing.assert_array_equal(module.forward(x), LayerNorm(3).forward(x) * [1, 2, 3])
    assert repr(module) == "LayerNorm(3, eps=1e-05, bias=False)"


def test_group_norm_between_layer_norm_and_instance_norm() -> None:
    x = drawn(3, 4, 2, 5)
    rows = LayerNorm(40, elementwise_affine=False).forward(x.reshape(3, 40)).reshape(x.shape)
    np.testing.assert_allclose(GroupNorm(1, 4).forward(x), rows, rtol=1e-12)
    each = LayerNorm(10, elementwise_affine=False).forward(x.reshape(3, 4, 10)).reshape(x.shape)
    np.testing.assert_allclose(GroupNorm(4, 4).forward(x), each, rtol=1e-12)
    # the output is laid out as the input
    inner = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    out = GroupNorm(2, 4).forward(inner)
    assert out.strides == inner.strides
    np.testing.assert_allclose(out, GroupNorm(2, 4).forward(x), rtol=1e-12)


def test_rms_norm_keeps_the_mean() -> None:
    np.testing.assert_allclose(RMSNorm(2, eps=0.0).forward(np.array([[3.0, 4.0]])), [[3 / 12.5**0.5, 4 / 12.5**0.5]])
    np.testing.assert_allclose(RMSNorm(2, eps=0.5).forward(np.array([[3.0, 4.0]])), [[3 / 13**0.5, 4 / 13**0.5]])


def test_a_single_row_moves_the_mean_alone() -> None:
    module = BatchNorm(1, momentum=1.0)
    assert module.forward(np.array([[4.0]])) == 0
    assert module.buffers["running_mean"] == 4
    assert module.buffers["running_variance"] == 1


def test_a_backward_belongs_to_the_formula_of_its_forward() -> None:
    module, x, dout = BatchNorm(3), drawn(4, 3), drawn(4, 3, seed=1)
    module.forward(x)
    expected = module.backward(dout)
    np.testing.assert_array_equal(module.eval().backward(dout), expected)
    module.forward(x)
    assert not np.allclose(module.backward(dout), expected)


def test_without_running_statistics_there_is_nothing_to_save() -> None:
    module, x = BatchNorm(3, running=False), drawn(4, 3)
    assert module.buffers == {}
    np.testing.assert_array_equal(module.forward(x), module.eval().forward(x))


def test_float32_far_from_zero_keeps_its_digits() -> None:
    x = 100 + drawn(20_000, 3)
    exact = BatchNorm(3).forward(x.astype(np.float32).astype(np.float64))
    rough = BatchNorm(3, dtype=np.float32).forward(x.astype(np.float32))
    np.testing.assert_allclose(rough, exact, atol=5e-4)


def test_a_constant_feature_has_finite_gradients() -> None:
    for module in (BatchNorm(2), LayerNorm(2)):
        assert not module.forward(np.full((3, 2), 7.0)).any()
        dx = module.backward(drawn(3, 2))
        assert dx is not None
        assert np.isfinite(dx).all()


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(p: float) -> None:
    out = Dropout(p, rng=0).forward(np.ones((200, 500)))
    assert (out == 0).mean() == pytest.approx(p, abs=0.005)
    assert set(np.unique(out)) <= {0.0, 1 / (1 - p)}
    assert out.mean() == pytest.approx(1, abs=0.02)


def test_a_mask_is_a_function_of_seed_and_step() -> None:
    x = np.ones((4, 50))
    first, second = Dropout(0.5, rng=1), Dropout(0.5, rng=1)
    rows = [first.forward(x) for _ in range(3)]
    for row in rows:
        np.testing.assert_array_equal(second.forward(x), row)
    assert not np.array_equal(rows[0], rows[1])
    assert not np.array_equal(Dropout(0.5, rng=2).forward(x), rows[0])
    np.testing.assert_array_equal(Dropout(0.5, rng=np.int64(1)).forward(x), rows[0])
    resumed = Dropout(0.5, rng=9)
    resumed.load_state(first.state())
    np.testing.assert_array_equal(resumed.forward(x), first.forward(x))
    first.buffers["step"][...] = 1
    np.testing.assert_array_equal(first.forward(x), rows[1])
    np.testing.assert_array_equal(copy.deepcopy(first).forward(x), first.forward(x))


def test_layers_on_one_generator_drop_differently() -> None:
    rng = np.random.default_rng(0)
    first, second = Dropout(0.5, rng=rng), Dropout(0.5, rng=rng)
    assert not np.array_equal(first.forward(np.ones((2, 50))), second.forward(np.ones((2, 50))))


def test_evaluation_drops_nothing_and_draws_nothing() -> None:
    module, x = Dropout(0.9, rng=0).eval(), drawn(3, 4)
    np.testing.assert_array_equal(module.forward(x), x)
    np.testing.assert_array_equal(module.backward(x), x)
    assert module.buffers["step"] == 0


def test_a_count_stays_whole_in_every_precision() -> None:
    module = Dropout(0.5, rng=2**63 + 1)
    module.buffers["step"][...] = 2**40 + 1
    single = module.astype(np.float32)
    assert int(single.buffers["step"]) == 2**40 + 1
    assert int(single.buffers["seed"]) == 2**63 + 1
    single.forward(np.ones((1, 2), np.float32))
    assert int(module.buffers["step"]) == 2**40 + 1


def test_a_shortcut_must_keep_the_shape_and_pass_the_gradient() -> None:
    with pytest.raises(ShapeError, match=r"f\(x\) must have the shape of x, \(2, 3\), got \(2, 4\)"):
        Residual(LinearModule(3, 4)).forward(np.ones((2, 3)))
    net = Residual(LinearModule(3, 3, input_layer=True))
    net.forward(np.ones((2, 3)))
    with pytest.raises(ShapeError, match="no input_layer"):
        net.backward(np.ones((2, 3)))
    with pytest.raises(OptionError, match="Residual: there must be at least one module"):
        Residual()
    inner = Residual(Sequential(ReLUModule()), Residual(ReLUModule()))
    np.testing.assert_array_equal(inner.forward(np.array([[2.0, -1.0]])), [[6.0, -1.0]])
    np.testing.assert_array_equal(inner.backward(np.array([[1.0, 1.0]])), [[3.0, 1.0]])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BatchNorm(0), "BatchNorm: n_features must be"),
        (lambda: BatchNorm(2, eps=-1), "BatchNorm: eps must be"),
        (lambda: BatchNorm(2, momentum=1.5), "BatchNorm: momentum must be a number in"),
        (lambda: BatchNorm(2, momentum=None, running=False), "BatchNorm: momentum must be a number without running"),
        (lambda: GroupNorm(2, 3), "GroupNorm: n_features must be a multiple of n_groups, got 3 and 2"),
        (lambda: GroupNorm(0, 3), "GroupNorm: n_groups must be"),
        (lambda: RMSNorm(2, eps=-1), "RMSNorm: eps must be"),
        (lambda: RMSNorm(2, elementwise_affine=0), "RMSNorm: elementwise_affine must be True or False"),
        (lambda: LayerNorm(True), "LayerNorm: n_features must be"),
        (lambda: LayerNorm(2, eps=float("nan")), "LayerNorm: eps must be"),
        (lambda: Dropout(1.0), r"p must be a number in \[0, 1\), got 1.0"),
        (lambda: Dropout(-0.1), "Dropout: p must be a number"),
        (lambda: Dropout(0.5, rng=-1), "rng: must be"),
    ],
)
def test_settings_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def one_group(n_features: int, eps: float = 1e-5, **options: Any) -> GroupNorm:
    return GroupNorm(1, n_features, eps, **options)


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e5])
@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group])
def test_an_offset_costs_no_digits(make: Any, offset: float) -> None:
    """What differs by a few units beside a large offset keeps the digits of its differences."""
    x = (np.random.default_rng(5).integers(-8, 9, (64, 64)) + offset).astype(np.float32)
    out = make(64, dtype=np.float32).forward(x)
    expected = make(64).forward(x.astype(np.float64))
    np.testing.assert_allclose(out, expected, atol=2e-6)


@pytest.mark.parametrize("kind", ["mixed", "far", "tiny", "huge"])
@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group, RMSNorm])
def test_gradients_stay_right_where_the_unit_or_the_origin_moves(make: Any, kind: str) -> None:
    factors = {"mixed": [1e-160, 1, 1e160], "far": [1, 1, 1], "tiny": [1e-200] * 3, "huge": [1e200] * 3}[kind]
    shift = {"mixed": [0, 1e3, 0], "far": [1e3, -1e3, 0], "tiny": [0] * 3, "huge": [0] * 3}[kind]
    if make is RMSNorm:  # which a shift changes
        shift = [0] * 3
    unit = np.random.default_rng(2).normal(size=(3, 3))
    one, other = make(3, eps=0.0), make(3, eps=0.0)
    # rows for LayerNorm, features for BatchNorm
    factor, by = (np.array(factors)[:, np.newaxis], np.array(shift)[:, np.newaxis])
    if make is BatchNorm:
        factor, by = factor.T, by.T
    np.testing.assert_allclose(other.forward(unit * factor + by), one.forward(unit), rtol=1e-12, atol=1e-12)
    dout = np.random.default_rng(3).normal(size=(3, 3))
    np.testing.assert_allclose(other.backward(dout) * factor, one.backward(dout), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(other.grads["gamma"], one.grads["gamma"], rtol=1e-11, atol=1e-12)


def test_rows_that_need_another_unit_change_no_other_row() -> None:
    x = np.random.default_rng(0).normal(size=(4, 50)).astype(np.float32)
    odd = x.copy()
    odd[1:] = [np.full(50, 1e30), x[2] * 1e-40, x[3] + 1e6]
    alone, beside = LayerNorm(50, dtype=np.float32).forward(x), LayerNorm(50, dtype=np.float32).forward(odd)
    np.testing.assert_array_equal(alone[0], beside[0])


def test_the_complex_step_goes_through_another_unit_and_origin() -> None:
    x, dout = np.full((2, 4), 1e4) + np.array([[0, 1, 3, 7], [2, -2, 0, 5]]), drawn(2, 4, seed=9)
    for make in (LayerNorm, BatchNorm, one_group, RMSNorm):
        module, h = make(4), 1e-100
        steps = np.zeros_like(x)
        for index in np.ndindex(*x.shape):
            moved = x.astype(complex)
            moved[index] += 1j * h
            steps[index] = (make(4, running=False) if make is BatchNorm else make(4)).forward(moved).imag.ravel() @ (
                dout.ravel() / h
            )
        module.forward(x)
        np.testing.assert_allclose(module.backward(dout), steps, rtol=1e-10, atol=1e-10)


def test_the_default_eps_of_a_layer_norm() -> None:
    x = np.array([[-1e-3, 1e-3]])
    np.testing.assert_allclose(LayerNorm(2).forward(x), x / np.sqrt(1e-6 + 1e-5), rtol=1e-12)
    assert LayerNorm(2).eps == BatchNorm(2).eps == 1e-5


@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group, RMSNorm])
def test_the_dtype_of_all_that_a_normalization_owns(make: Any) -> None:
    module = make(3, dtype=np.float32)
    for array in (*module.params.values(), *module.grads.values(), *module.buffers.values()):
        assert array.dtype == np.float32
    assert module.forward(np.ones((2, 3), np.float32)).dtype == np.float32


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 3), (3,), (2, 4)])
def test_a_layer_norm_wants_rows(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"LayerNorm\(3"):
        LayerNorm(3).forward(np.zeros(shape))


def test_a_running_variance_beyond_the_range_may_be_forgotten() -> None:
    module = BatchNorm(1, momentum=1.0, dtype=np.float32)
    module.forward(np.array([[1e30], [-1e30]], np.float32))
    module.forward(np.array([[1.0], [3.0]], np.float32))
    np.testing.assert_array_equal(module.buffers["running_variance"], [2])
    still = BatchNorm(1, momentum=0.0, dtype=np.float32)
    still.forward(np.array([[1e30], [-1e30]], np.float32))
    np.testing.assert_array_equal(still.buffers["running_variance"], [1])


@pytest.mark.parametrize("eps", [0.0, 1e-40, 1e-38, 1e-20, 1e-5])
@pytest.mark.parametrize("scale", [1e-25, 1e-21, 1e-19, 1e-10, 1e18, 1e30, 1e38])
@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group, RMSNorm])
def test_float32_gives_what_float64_does_all_over_its_range(make: Any, scale: float, eps: float) -> None:
    x = (np.random.default_rng(1).uniform(-3, 3, (6, 6)) * scale).astype(np.float32)
    dout = (np.random.default_rng(2).normal(size=(6, 6)) * min(scale, 1e15)).astype(np.float32)
    single, double = make(6, eps=eps, dtype=np.float32), make(6, eps=eps)
    np.testing.assert_allclose(single.forward(x), double.forward(x.astype(float)), rtol=1e-5, atol=2e-6)
    found, expected = single.backward(dout), double.backward(dout.astype(float))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * abs(expected).max())
    if make is BatchNorm:
        for name, array in single.buffers.items():
            with np.errstate(over="ignore"):
                np.testing.assert_allclose(array, double.buffers[name].astype(np.float32), rtol=1e-5)


@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group])
def test_the_slope_at_a_constant_is_that_of_eps_alone(make: Any) -> None:
    module, dout = make(2, eps=1e-44, dtype=np.float32), np.array([[1, 2], [4, 8]], np.float32)
    np.testing.assert_array_equal(module.forward(np.full((2, 2), 1000.1, np.float32)), 0)
    centered = dout - dout.mean(axis=0 if make is BatchNorm else 1, keepdims=True)
    np.testing.assert_allclose(module.backward(dout), centered * 1e22, rtol=1e-4)


@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group, RMSNorm])
def test_an_eps_beyond_the_range_leaves_nothing_of_x(make: Any) -> None:
    module = make(2, eps=1e300, dtype=np.float32)
    x = np.array([[1, 2], [3, 5]], np.float32)
    for _ in range(2):
        np.testing.assert_array_equal(module.forward(x), 0)
        np.testing.assert_array_equal(module.backward(x), 0)
        assert all(np.isfinite(array).all() for array in module.buffers.values())
        module.eval()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [LayerNorm, BatchNorm, one_group, RMSNorm])
def test_the_ends_of_the_range_are_normalized(make: Any, dtype: type) -> None:
    signs = np.array([[1, 1, -1, -1], [-1, -1, 1, 1], [1, 1, -1, -1], [-1, -1, 1, 1]], dtype)
    if make is BatchNorm:
        signs = signs.T
    np.testing.assert_allclose(make(4, dtype=dtype).forward(np.finfo(dtype).max * signs), signs, rtol=1e-6)


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("make", [LayerNorm, BatchNorm])
def test_an_eps_that_rounds_to_0_is_no_eps(make: Any, train: bool) -> None:
    x, dout = np.array([[3, 3], [3, 3]], np.float32), np.array([[1, 2], [4, 8]], np.float32)
    outputs = []
    for eps in (0.0, 1e-100, 1e-300):
        module = make(2, eps=eps, dtype=np.float32).train(train)
        outputs.append((module.forward(x), module.backward(dout)))
    np.testing.assert_array_equal(outputs[1:], outputs[:1] * 2)
    assert np.isfinite(outputs).all()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0), (), (3, 2)])
def test_a_mask_may_be_of_no_values_but_not_of_fewer(shape: tuple[int, ...]) -> None:
    dropout = Dropout(0.5, rng=0)
    assert dropout.mask(0, shape).shape == shape
    for step, wrong in ((-1, shape), (0, (*shape, -1)), (0, 3), (0, (2.0,))):
        with pytest.raises(OptionError, match=r"Dropout.mask: (step|shape) must be"):
            dropout.mask(step, wrong)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [BatchNorm, LayerNorm, RMSNorm, lambda n, dtype: GroupNorm(2, n, dtype=dtype)])
@pytest.mark.parametrize("shards", [1, 2])
def test_sums_of_gradients_that_overflow(make: Any, dtype: type, shards: int) -> None:
    rng = np.random.default_rng(0)
    x, dout = rng.normal(size=(8, 8)).astype(dtype), rng.uniform(0.5, 0.7, (8, 8)).astype(dtype)
    dout[:4] = -dout[4:]  # dγ and dβ are small
    layer = make(8, dtype=dtype)
    split = layer if shards == 1 else Sharded(layer, shards)
    large = np.finfo(dtype).max / 2**3
    for scaled in (1, large):
        split.forward(x)
        dx = split.backward(dout * dtype(scaled)) / dtype(scaled)
        if scaled == 1:
            expected = dx
    assert np.isfinite(np.concatenate([grad.ravel() for grad in layer.grads.values()])).all()
    np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-5)
