"""Normalization, dropout and shortcuts: statistics that run, masks that repeat, training against evaluation."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlp_numpy import BatchNorm, Dropout, LayerNorm, LinearModule, ReLUModule, Residual, Sequential
from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.gradcheck import gradcheck


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(3, 2, shape)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.integers(1, 5), st.integers(1, 4), st.none() | st.tuples(st.integers(1, 3), st.integers(1, 3)))
def test_batch_norm_of_all_shapes(n: int, c: int, size: tuple[int, int] | None) -> None:
    x = drawn(n, c, *(size or ()))
    module = BatchNorm(c)
    out = module.forward(x)
    axes = (0,) if size is None else (0, 2, 3)
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
