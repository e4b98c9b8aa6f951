"""Losses where the laws of all modules do not look: weights, extremes, options, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_cases import EVERY_LOSS_CASE, LOSS_CASES, LOSSES, Line

from mlp_numpy import (
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    HingeModule,
    HuberModule,
    KLDivergenceModule,
    L1Module,
    LogSoftMaxModule,
    LossModule,
    MSEModule,
    NLLModule,
    PoissonNLLModule,
    SmoothL1Module,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, TensorNode
from mlp_numpy.errors import DTypeError, LabelError, OptionError, OutOfRangeError, ShapeError
from mlp_numpy.modules import KNOWN_LOSSES, NLL, CrossEntropy, SoftMaxCrossEntropy, build_loss, loss_name

EVERY_LOSS = pytest.mark.parametrize("line", LOSSES, ids=str)
weights = st.lists(st.sampled_from([0, 0.5, 1, 1, 2, 3]), min_size=1, max_size=6)


def test_the_samples_hold_every_option_alone_and_with_every_other() -> None:
    found: dict[str, set[tuple[str, ...]]] = {}
    absent = set()
    for line in LOSSES:
        for case in LOSS_CASES:
            module, _, _ = line.loss(case, 6)
            options = {name for name in ("ignore_index", "class_weight") if getattr(module, name, None) is not None}
            options |= {"label_smoothing"} if getattr(module, "label_smoothing", 0) else set()
            found.setdefault(line.spec.name, set()).add(tuple(sorted(options)))
            if "class_weight" in options and 0 in module.class_weight:
                absent.add(line.spec.name)
    entropies = {"cross-entropy", "softmax cross-entropy", "nll"}
    assert {name: len(sets) for name, sets in found.items() if len(sets) > 1} == dict.fromkeys(entropies, 8) | {
        "hinge": 4
    }
    assert absent == entropies | {"hinge"}


def both(module: LossModule, x: Array, y: Array, weight: Array | None = None) -> tuple[Array, Array]:
    return module.forward(x, y, weight), module.backward()


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_weight_2_is_the_row_twice_and_weight_0_the_row_absent(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 6)
    counts = np.array([2, 1, 0, 3, 0, 1])
    rows = np.repeat(np.arange(6), counts)
    weighted, dx = both(module, x, y, counts)
    repeated, dx_rows = both(module, x[rows], y[rows])
    if module.reduction == "none":
        present = counts > 0
        first = np.searchsorted(rows, np.flatnonzero(present))
        shape = (-1, *(1,) * (np.ndim(weighted) - 1))
        np.testing.assert_allclose(weighted[present], (counts[present].reshape(shape) * repeated[first]), rtol=1e-13)
        assert not weighted[~present].any()
    else:
        np.testing.assert_allclose(weighted, repeated, rtol=1e-13)
    summed = np.zeros_like(dx)
    np.add.at(summed, rows, dx_rows)
    np.testing.assert_allclose(dx, summed, rtol=1e-12, atol=1e-15)


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_all_weights_0_give_0(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 4)
    loss, dx = both(module, x, y, np.zeros(4))
    assert not np.any(loss)
    assert not dx.any()
    assert dx.shape == x.shape


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_a_row_of_weight_0_may_hold_anything(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 4)
    weight = np.array([1.0, 0, 2, 1])
    expected, dx_expected = both(module, x, y, weight)
    spoiled = x.copy()
    spoiled[1] = np.nan
    loss, dx = both(module, spoiled, y, weight)
    np.testing.assert_allclose(loss, expected, rtol=1e-15)
    np.testing.assert_allclose(dx, dx_expected, rtol=1e-15)


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_equal_weights_change_no_mean(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 5)
    plain, dx = both(module, x, y)
    factor = 1 if module.reduction == "mean" else 0.3
    loss, dx_weighted = both(module, x, y, np.full(5, 0.3))
    np.testing.assert_allclose(loss, factor * plain, rtol=1e-13)
    np.testing.assert_allclose(dx_weighted, factor * dx, rtol=1e-13)


@settings(max_examples=15, deadline=None)
@given(weights, st.sampled_from(LOSSES), st.sampled_from(LOSS_CASES), st.integers(0, 99))
def test_the_weighted_gradient_by_the_complex_step(drawn: list[float], line: Line, case: int, seed: int) -> None:
    module, x, y = line.loss(case, len(drawn))
    weight = np.array(drawn, float)
    out = module.forward(x, y, weight)
    dout = np.asarray(np.random.default_rng(seed).normal(size=np.shape(out)))
    dx = module.backward(dout)
    constants = module.targets(x, y, weight) | module._op_kwargs() | {"reduction": module.reduction}
    for place in np.ndindex(*x.shape):
        moved = x.astype(complex)
        moved[place] += 1e-30j
        slope = np.sum(module.op.forward(Context(), moved, **constants) * dout).imag / 1e-30
        assert dx[place] == pytest.approx(slope, rel=1e-12, abs=1e-14)


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_weights_in_float32_stay_float32(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 4)
    loss, dx = both(module, x.astype(np.float32), y, np.array([1, 2, 0, 1]))
    assert np.asarray(loss).dtype == dx.dtype == np.float32


def test_the_means_divide_by_what_they_say() -> None:
    x, y, weight = np.arange(6.0).reshape(2, 3), np.zeros((2, 3)), np.array([3, 1])
    assert MSEModule().forward(x, y) == pytest.approx((0 + 1 + 4 + 9 + 16 + 25) / 6)
    assert MSEModule().forward(x, y, weight) == pytest.approx((3 * 5 + 50) / (3 * 4))
    loss = SoftMaxCrossEntropyModule(class_weight=[1, 3, 0])
    loss.forward(x, np.array([0, 1]))
    assert loss.total_weight == 4
    loss.forward(x, np.array([0, 1]), weight)
    assert loss.total_weight == 6
    loss.forward(x, np.array([2, 2]))
    assert loss.total_weight == 0


@pytest.mark.parametrize("make", [CrossEntropyModule, SoftMaxCrossEntropyModule, NLLModule, HingeModule])
def test_where_all_labels_are_ignored_the_loss_is_0(make: Callable[..., LossModule]) -> None:
    x, y = np.full((2, 3), 0.25), np.array([255, 255], np.uint8)
    for options in ({}, {"class_weight": [1, 2, 3]}):
        loss, dx = both(make(ignore_index=255, **options), x, y)
        assert loss == 0
        assert not dx.any()
    loss, dx = both(SoftMaxCrossEntropyModule(ignore_index=255, label_smoothing=0.1), x, y)
    assert loss == 0
    assert not dx.any()


def test_the_gradient_of_mean_squares_and_binary_cross_entropy_is_the_homeworks() -> None:
    y_hat, y = np.array([[0.2, 0.9], [0.5, 0.4], [0.7, 0.1]]), np.array([[0.0, 1], [1, 0], [1, 1]])
    np.testing.assert_allclose(both(MSEModule(), y_hat, y)[1], 2 * (y_hat - y) / 6)
    np.testing.assert_allclose(both(BCEModule(), y_hat, y)[1], (y_hat - y) / (y_hat * (1 - y_hat)) / 6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_is_finite_at_0_and_1(dtype: type) -> None:
    x, y = np.array([0, 0, 1, 1], dtype), np.array([0, 1, 0, 1], dtype)
    loss, dx = both(BCEModule("none"), x, y)
    assert np.isfinite(loss).all()
    assert np.isfinite(dx).all()
    np.testing.assert_array_equal(loss[[0, 3]], 0)
    np.testing.assert_array_equal(dx[[0, 3]], [1, -1])
    assert dx[1] < -1e30 < 1e30 < dx[2]


@pytest.mark.parametrize(
    ("module", "x", "y", "loss", "slope"),
    [
        (BCEWithLogitsModule("none"), [1e300, 1e300, -1e300], [1, 0, 1], [0, 1e300, 1e300], [0, 1, -1]),
        (BCEWithLogitsModule("none"), [0.0, -0.0], [0.5, 1], [np.log(2), np.log(2)], [0, -0.5]),
        (L1Module("none"), [1e300, -1e300, 5], [0, 0, 5], [1e300, 1e300, 0], [1, -1, 0]),
        (HuberModule("none", delta=2), [1e300, -1e300, 3], [0, 0, 3], [2e300, 2e300, 0], [2, -2, 0]),
        (HuberModule("none"), [1, -1, 2], [0, 0, 0], [0.5, 0.5, 1.5], [1, -1, 1]),
        (SmoothL1Module("none"), [1, -1, 2, 0.5], [0, 0, 0, 0], [0.5, 0.5, 1.5, 0.125], [1, -1, 1, 0.5]),
        (SmoothL1Module("none", beta=2), [1, 4], [0, 0], [0.25, 3], [0.5, 1]),
        (SmoothL1Module("none", beta=0), [1e300, -1e300, 5], [0, 0, 5], [1e300, 1e300, 0], [1, -1, 0]),
        (SmoothL1Module("none", beta=1e-300), [5, 1e300], [0, 0], [5, 1e300], [1, 1]),
        (PoissonNLLModule("none"), [0.0, -1e300], [3, 0], [1, 0], [-2, 0]),
        (PoissonNLLModule("none", full=True), [0.0], [2], [1 + 2 * np.log(2) - 2 + np.log(4 * np.pi) / 2], [-1]),
        (PoissonNLLModule("none", log_input=False, eps=0.5), [0.0, 0.5], [0, 2], [0, 0.5], [1, -1]),
        (
            BCEWithLogitsModule("none", pos_weight=3),
            [1e300, -1e300, 0],
            [1, 1, 1],
            [0, 3e300, 3 * np.log(2)],
            [0, -3, -1.5],
        ),
        (BCEModule("none", pos_weight=3), [0.5, 0.5], [1, 0], [3 * np.log(2), np.log(2)], [-6, 2]),
        (MSEModule("none"), [1e150], [0], [1e300], [2e150]),
        (HingeModule("none"), [[1e300, -1e300]], [1], [2e300], [[1, -1]]),
        (HingeModule("none"), [[0.0, 1, 1]], [1], [1], [[0, -1, 1]]),
        (SoftMaxCrossEntropyModule("none"), [[1e300, -1e300]], [1], [2e300], [[1, -1]]),
        (NLLModule("none"), [[-1e300, 0]], [0], [1e300], [[-1, 0]]),
        (KLDivergenceModule("none"), [[-1e300, 0]], [[1, 0]], [1e300], [[-1, 0]]),
        (KLDivergenceModule("none"), [[-np.log(2), -np.log(2)]], [[0.5, 0.5]], [0], [[-0.5, -0.5]]),
    ],
)
def test_extremes_and_kinks(module: LossModule, x: Any, y: Any, loss: Any, slope: Any) -> None:
    found, dx = both(module, np.array(x, float), np.array(y))
    np.testing.assert_allclose(found, loss, rtol=1e-15, atol=1e-16)
    np.testing.assert_allclose(dx, slope, rtol=1e-15)


NUMBERS = [
    MSEModule(),
    L1Module(),
    HuberModule(),
    SmoothL1Module(),
    PoissonNLLModule(),
    BCEModule(),
    BCEWithLogitsModule(),
]


@pytest.mark.parametrize("loss", NUMBERS, ids=repr)
@pytest.mark.parametrize(("one", "other"), [((3,), (3, 1)), ((3, 1), (3,)), ((3, 2), (3, 1)), ((3, 2), (2,))])
def test_a_vector_and_a_column_are_never_broadcast(
    loss: LossModule, one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError, match=r"must have one shape, got x \(3, ?[12]?\) and y \([23], ?1?\)") as caught:
        loss.forward(np.full(one, 0.5), np.full(other, 0.5))
    assert str(one) in str(caught.value)
    assert str(other) in str(caught.value)


HALF = np.full((2, 3), 0.5)


@pytest.mark.parametrize(
    ("loss", "y", "weight", "error", "words"),
    [
        (MSEModule(), None, None, LabelError, "labels must be given, got none"),
        (MSEModule(), np.array([["a"] * 3] * 2), None, LabelError, "labels must be numbers, got <U1"),
        (BCEModule(), HALF + 1, None, LabelError, r"labels must lie in \[0, 1\], got 1.5 at \[0, 0\]"),
        (BCEWithLogitsModule(), HALF * np.nan, None, LabelError, r"must lie in \[0, 1\], got nan at \[0, 0\]"),
        (HingeModule(), HALF, None, LabelError, r"labels must be \(2,\), one per example of x, got \(2, 3\)"),
        (KLDivergenceModule(), np.array([0, 1]), None, LabelError, r"must be \(2, 3\), as the predictions are"),
        (KLDivergenceModule(), -HALF, None, LabelError, "must be probabilities, finite and ≥ 0"),
        (NLLModule(ignore_index=0), HALF, None, LabelError, "must be integers where one is to be ignored"),
        (NLLModule(ignore_index=-1), np.array([-1, 3]), None, LabelError, r"in \[0, 3\), got 3 at row 1"),
        (NLLModule(ignore_index=-1), np.array([0, 1, 2]), None, LabelError, r"one per example of x, got \(3,\)"),
        (NLLModule(class_weight=[1, 2]), np.array([0, 1]), None, ShapeError, r"must be \(N, 2\), one per class weight"),
        (
            MSEModule(),
            HALF,
            np.ones((2, 1)),
            ShapeError,
            r"weight must be \(2,\), one per example of x, or .*\(2, 1\)",
        ),
        (
            MSEModule(),
            HALF,
            np.ones((2, 2)),
            ShapeError,
            r"one per example of x, or \(2, 3\), one per loss, got \(2, 2\)",
        ),
        (
            NLLModule(),
            np.array([0, 1]),
            np.ones((2, 3)),
            ShapeError,
            r"weight must be \(2,\), one per example of x, got",
        ),
        (MSEModule(), HALF, HALF * np.nan, OptionError, r"weights must be finite and ≥ 0, got nan at \[0, 0\]"),
        (PoissonNLLModule(), -HALF, None, LabelError, r"labels must be counts ≥ 0, got -0.5 at \[0, 0\]"),
        (
            BCEModule(pos_weight=[1, 2]),
            HALF,
            None,
            ShapeError,
            r"x must be \(N, 2\), as pos_weight is per example, got",
        ),
        (MSEModule(), HALF, np.array(["a", "b"]), DTypeError, "weight must hold numbers, got <U1"),
        (MSEModule(), HALF, np.array([1, -1]), OptionError, "weights must be finite and ≥ 0, got -1 at row 1"),
        (NLLModule(), np.array([0, 1]), np.array([np.nan, 1]), OptionError, "finite and ≥ 0, got nan at row 0"),
    ],
)
def test_labels_and_weights_that_do_not_fit_are_refused(
    loss: LossModule, y: Any, weight: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        loss.forward(HALF, y, weight)
    assert type(loss).__name__ in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: MSEModule("average"), "unknown reduction 'average'"),
        (lambda: SmoothL1Module(beta=-1), "SmoothL1Module: beta must be a number ≥ 0, got -1"),
        (lambda: PoissonNLLModule(eps=0), "PoissonNLLModule: eps must be a number > 0, got 0"),
        (lambda: PoissonNLLModule(full=1), "PoissonNLLModule: full must be True or False, got 1"),
        (lambda: PoissonNLLModule(log_input="no"), "PoissonNLLModule: log_input must be True or False, got 'no'"),
        (lambda: BCEModule(pos_weight=-1), "BCEModule: pos_weight must be finite numbers ≥ 0, or None, got -1"),
        (lambda: BCEWithLogitsModule(pos_weight=[]), "pos_weight must be finite numbers ≥ 0, or None, got \\[\\]"),
        (lambda: BCEWithLogitsModule(pos_weight=True), "pos_weight must be finite numbers ≥ 0, or None, got True"),
        (lambda: HuberModule(delta=0), "HuberModule: delta must be a number > 0, got 0"),
        (lambda: HingeModule(margin="1"), "HingeModule: margin must be a finite number, got '1'"),
        (lambda: NLLModule(class_weight=[1, -1]), "class_weight must be a vector of finite numbers ≥ 0"),
        (lambda: NLLModule(class_weight=3.0), "class_weight must be a vector of finite numbers ≥ 0, got 3.0"),
        (lambda: NLLModule(label_smoothing=1.5), r"label_smoothing must be a number in \[0, 1\], got 1.5"),
        (lambda: HingeModule(ignore_index=1.0), "ignore_index must be an integer or None, got 1.0"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(make: Callable[[], LossModule], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        make()


def test_backward_with_a_batch_takes_weights_too() -> None:
    x, y, weight = np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([1, 0]), np.array([0.0, 1])
    np.testing.assert_array_equal(CrossEntropyModule().backward(x, y, weight), [[0, 0], [-2, 0]])


def test_losses_by_name() -> None:
    assert [loss_name("auto", task) for task in ("classification", "multilabel", "regression")] == [
        *("cross-entropy", "binary-cross-entropy", "mse")
    ]
    assert all(isinstance(build_loss(name, known.task), LossModule) for name, known in KNOWN_LOSSES.items())
    smooth = build_loss("auto", "classification", {"label_smoothing": 0.1})
    assert isinstance(smooth, SoftMaxCrossEntropyModule)
    assert smooth.label_smoothing == 0.1
    assert isinstance(build_loss("huber", "regression", {"label_smoothing": 0.0}), HuberModule)
    with pytest.raises(OptionError, match="label_smoothing must come with loss cross-entropy, .*no effect with mse"):
        build_loss("auto", "regression", {"label_smoothing": 0.1})
    with pytest.raises(OptionError, match="unknown loss 'cross'"):
        loss_name("cross", "classification")
    with pytest.raises(OptionError, match="loss must be one for a multilabel: binary-cross-entropy, got mse"):
        loss_name("mse", "multilabel")


@pytest.mark.parametrize("op", [CrossEntropy, SoftMaxCrossEntropy, NLL])
@pytest.mark.parametrize(
    ("y", "error", "words"),
    [
        ([0, 3], OutOfRangeError, r"lie in \[0, 3\), got 3"),
        ([0, -1], OutOfRangeError, r"lie in \[0, 3\), got -1"),
        ([0.0, 1.0], OutOfRangeError, "integers"),
        ([0], ShapeError, r"be \(2,\)"),
    ],
)
def test_the_tape_refuses_labels_that_would_be_those_of_another_row(op: Any, y: Any, error: Any, words: str) -> None:
    x = TensorNode(np.full((2, 3), 0.5))
    with pytest.raises(error, match=f"{op.__name__}.do_forward: labels must .*{words}"):
        op.do_forward(x, y=np.array(y), reduction="mean")


@EVERY_LOSS
def test_targets_refuses_what_forward_refuses(line: Line) -> None:
    loss = line.loss(0, 2)[0]
    for x in (np.ones((0, 3)), np.ones((2, 0)), np.array("a")):
        y = np.zeros(len(x) if x.ndim else 1, np.int64)
        with pytest.raises((ShapeError, DTypeError)) as in_forward:
            loss.forward(x, y)
        with pytest.raises(type(in_forward.value)) as in_targets:
            loss.targets(x, y)
        assert str(in_targets.value).replace(".targets", ".forward") == str(in_forward.value)


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.eye(3, dtype=np.float32)[:2]], ids=["integers", "one-hot"])
def test_gradients_of_scores_far_apart_are_not_subnormal(labels: Array) -> None:
    x = np.array([[90, 0, 60], [5, 3, -92]], np.float32)
    loss, softmax, log_softmax = SoftMaxCrossEntropyModule(), SoftMaxModule(), LogSoftMaxModule()
    assert float(loss.forward(x, labels)) == pytest.approx((0 + 2.1269) / 2, rel=1e-4)
    assert 0 < softmax.forward(x)[0, 1] < np.finfo(np.float32).tiny  # the output is not changed
    log_softmax.forward(x)
    dout = np.array([[1, -1, 2], [0.5, 1, -1]], np.float32)
    p = np.exp(x.astype(float) - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    one_hot = np.eye(3)[:2]
    expected = {
        "loss": ((p - one_hot) / 2, loss.backward()),
        "softmax": (p * (dout - (p * dout).sum(axis=1, keepdims=True)), softmax.backward(dout)),
    }
    for exact, found in expected.values():
        np.testing.assert_allclose(found, exact, rtol=2e-6, atol=1e-7)
        assert not ((found != 0) & (abs(found) < np.finfo(np.float32).tiny)).any()
        assert found[0, 1] == found[1, 2] == 0
        assert found[0, 2] != 0  # 1e-13 keeps its digits
    np.testing.assert_allclose(log_softmax.backward(dout), dout - p * dout.sum(axis=1, keepdims=True), rtol=2e-6)
