"""Losses at the ends of their numbers: infinities, the largest floats, probabilities of 0 and 1, weights of any size.

Warnings are errors in this suite, so each of these cases is also quiet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spec_cases import EVERY_LOSS_CASE, LOSSES, Line

from mlp_numpy import (
    MLP,
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    HingeModule,
    HuberModule,
    KLDivergenceModule,
    L1Module,
    LinearModule,
    LossModule,
    Module,
    MSEModule,
    NLLModule,
    PoissonNLLModule,
    Sequential,
    SigmoidModule,
    SmoothL1Module,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
)
from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.errors import DomainError, DTypeError, LabelError, MlpNumpyError, OptionError, ShapeError
from mlp_numpy.gradcheck import gradcheck

INF, NAN = np.inf, np.nan
ENTROPIES = [CrossEntropyModule, SoftMaxCrossEntropyModule, NLLModule]
DTYPES = [np.float32, np.float64]
EVERY_LOSS = pytest.mark.parametrize("line", LOSSES, ids=str)


def both(module: LossModule, x: Array, y: Any, weight: Any = None) -> tuple[Array, Array]:
    return module.forward(x, y, weight), module.backward()


def predictions(make: Callable[..., Module], rng: np.random.Generator, n: int, c: int) -> Array:
    """What such a loss takes, with the impossible among it: a probability of 0."""
    if make is SoftMaxCrossEntropyModule:
        x = rng.normal(0, 5, (n, c))
        x[0, 0] = -INF
        return x
    p = rng.dirichlet(np.ones(c), n)
    p[0] = np.eye(c)[c - 1]
    with np.errstate(divide="ignore"):
        return np.log(p) if make is NLLModule else p


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("make", ENTROPIES)
def test_a_class_has_one_loss_as_a_number_and_as_a_row(
    make: Callable[..., LossModule], reduction: str, dtype: type
) -> None:
    rng = np.random.default_rng(0)
    x, y = predictions(make, rng, 6, 4).astype(dtype), np.array([3, 1, 2, 3, 0, 1])
    for options in ({}, {"label_smoothing": 0.3}, {"class_weight": [3, 0.1, 0, 7]}):
        if "label_smoothing" in options and make is not CrossEntropyModule:
            x = np.where(np.isfinite(x), x, -5).astype(dtype)
        if "class_weight" in options and reduction == "mean":
            continue  # "mean" divides by another number for rows, as PyTorch's does
        for weight in (None, rng.uniform(0, 2, 6), np.array([1, 0, 0, 2, 1, 0])):
            loss = make(reduction, **options)
            number, dx = both(loss, x, y, weight)
            row, dx_row = both(loss, x, one_hot(y, 4), weight)
            np.testing.assert_array_equal(number, row)
            np.testing.assert_array_equal(dx, dx_row)
            assert np.isfinite(dx).all()


@pytest.mark.parametrize("make", [CrossEntropyModule, NLLModule])
def test_what_no_label_stands_at_never_counts(make: Callable[..., LossModule]) -> None:
    x = np.array([[NAN, 0.5]]) if make is CrossEntropyModule else np.array([[NAN, -0.5]])
    number, dx = both(make(), x, np.array([1]))
    row, dx_row = both(make(), x, np.array([[0, 1]]))
    assert number == row > 0
    np.testing.assert_array_equal(dx, dx_row)
    assert dx[0, 0] == 0 > dx[0, 1]


LIMITS: list[tuple[LossModule, Any, Any, Any, Any]] = [
    (SoftMaxCrossEntropyModule("none"), [[0, -INF]], [[0], [[1.0, 0]]], [0], [[0, 0]]),
    (SoftMaxCrossEntropyModule("none"), [[0, -INF]], [[1], [[0.0, 1]]], [INF], [[1, -1]]),
    (SoftMaxCrossEntropyModule("none"), [[0, -INF]], [[[0.5, 0.5]]], [INF], [[0.5, -0.5]]),
    (SoftMaxCrossEntropyModule("none"), [[INF, 3]], [[0], [[1.0, 0]]], [0], [[0, 0]]),
    (SoftMaxCrossEntropyModule("none"), [[INF, -INF]], [[0], [[1.0, 0]]], [0], [[0, 0]]),
    (SoftMaxCrossEntropyModule("none"), [[INF, 3]], [[1], [[0.0, 1]]], [INF], [[1, -1]]),
    (SoftMaxCrossEntropyModule("none"), [[INF, 3, INF]], [[0], [[1.0, 0, 0]]], [NAN], [[NAN] * 3]),
    (SoftMaxCrossEntropyModule("none"), [[-INF, -INF]], [[0], [[1.0, 0]]], [NAN], [[NAN] * 2]),
    (SoftMaxCrossEntropyModule("none"), [[3e38, -3e38]], [[0], [[1.0, 0]]], [0], [[0, 0]]),
    (SoftMaxCrossEntropyModule("none", class_weight=[1, 0]), [[0, -INF]], [[1], [[0.0, 1]]], [0], [[0, 0]]),
    (NLLModule("none"), [[0, -INF]], [[0], [[1.0, 0]]], [0], [[-1, 0]]),
    (NLLModule("none"), [[0, -INF]], [[1], [[0.0, 1]]], [INF], [[0, -1]]),
    (KLDivergenceModule("none"), [[0, -INF]], [[[1.0, 0]]], [0], [[-1, 0]]),
    (KLDivergenceModule("none"), [[0, -INF]], [[[0.5, 0.5]]], [INF], [[-0.5, -0.5]]),
    (BCEWithLogitsModule("none"), [INF, -INF], [[1, 0]], [0, 0], [0, 0]),
    (BCEWithLogitsModule("none"), [INF, -INF, INF], [[0, 1, 0.5]], [INF, INF, INF], [1, -1, 0.5]),
    (BCEWithLogitsModule("none"), [3e38, -3e38], [[1, 0]], [0, 0], [0, 0]),
    (HingeModule("none"), [[INF, 0]], [[0]], [0], [[0, 0]]),
    (HingeModule("none"), [[0, -INF]], [[0]], [0], [[0, 0]]),
    (HingeModule("none"), [[-INF, 0]], [[0]], [INF], [[-1, 1]]),
    (HingeModule("none"), [[0, INF]], [[0]], [INF], [[-1, 1]]),
    (HingeModule("none"), [[3e38, -3e38]], [[0]], [0], [[0, 0]]),
    (HingeModule("none"), [[INF, INF]], [[0]], [NAN], [[NAN, NAN]]),
    (L1Module("none"), [INF, -INF, INF], [[0, 0, INF]], [INF, INF, NAN], [1, -1, NAN]),
    (HuberModule("none", delta=2), [INF, -INF, INF], [[0, 0, INF]], [INF, INF, NAN], [2, -2, NAN]),
    (SmoothL1Module("none", beta=2), [INF, -INF, INF], [[0, 0, INF]], [INF, INF, NAN], [1, -1, NAN]),
    (SmoothL1Module("none", beta=0), [INF, -INF, INF], [[0, 0, INF]], [INF, INF, NAN], [1, -1, NAN]),
    (PoissonNLLModule("none"), [INF, -INF, -INF], [[3, 3, 0]], [INF, INF, 0], [INF, -3, 0]),
    (PoissonNLLModule("none", log_input=False), [INF, INF], [[3, 0]], [INF, INF], [1, 1]),
    (
        BCEWithLogitsModule("none", pos_weight=2),
        [INF, INF, -INF, -INF],
        [[1, 0, 1, 0]],
        [0, INF, INF, 0],
        [0, 1, -2, 0],
    ),
    (HuberModule("none", delta=1e300), [1e3, -INF], [[0, 0]], [5e5, INF], None),
    (MSEModule("none"), [INF, -INF, INF], [[0, 0, INF]], [INF, INF, NAN], [INF, -INF, NAN]),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "x", "forms", "value", "slope"), LIMITS)
def test_at_infinity_a_loss_is_its_limit(
    loss: LossModule, x: Any, forms: list[Any], value: Any, slope: Any, dtype: type
) -> None:
    for y in forms:
        found, dx = both(loss, np.array(x, dtype), np.array(y))
        np.testing.assert_array_equal(found, value)
        assert found.dtype == dx.dtype == dtype
        if slope is not None:
            np.testing.assert_array_equal(dx, slope)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
@EVERY_LOSS_CASE
@EVERY_LOSS
def test_a_row_that_is_absent_may_hold_anything(line: Line, case: int, bad: float) -> None:
    (module, x, y), weight = line.loss(case, 4), np.array([1.0, 0, 2, 1])
    expected, dx_expected = both(module, x, y, weight)
    x[1] = bad
    loss, dx = both(module, x, y, weight)
    np.testing.assert_array_equal(loss, expected)
    np.testing.assert_array_equal(dx, dx_expected)


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_a_nan_in_a_row_that_counts_stays_one(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 4)
    x[1] = NAN
    weight = np.ones(4)
    module.forward(x, y, weight)
    counted = module.total_weight
    module.forward(np.delete(x, 1, 0), np.delete(y, 1, 0), np.ones(3))
    loss, dx = both(module, x, y, weight)
    if counted > module.total_weight:
        assert np.isnan(dx[1]).any() or type(module) is NLLModule or type(module) is KLDivergenceModule
        assert np.isnan(loss).any()


def test_a_mean_of_float32_losses_leaves_the_range_only_with_its_result() -> None:
    x, zeros = np.full(10, 3e38, np.float32), np.zeros(10)
    assert L1Module().forward(x, zeros) == np.float32(3e38)
    assert L1Module().forward(np.full(10, 1.7e308), zeros) == pytest.approx(1.7e308, rel=1e-12)
    assert L1Module().forward(np.append(x, -x), np.append(-x, -x)) == np.float32(3e38)
    assert MSEModule().forward(np.array([4e19] + [0] * 9, np.float32), zeros) == pytest.approx(1.6e38)
    assert MSEModule().forward(np.array([4e19, 0], np.float32), zeros[:2]) == INF
    assert L1Module("sum").forward(x, zeros, np.full(10, 1e-30)) == pytest.approx(3e9)
    scores = np.array([[3e38, -3e38]] + [[0, -1e38]] * 2, np.float32)
    assert SoftMaxCrossEntropyModule().forward(scores, np.array([1, 0, 0])) == pytest.approx(2e38)


WEIGHTS = [1e39, 1e300, 1e-39, 1e-300, 2.0**70]


@pytest.mark.parametrize("dtype", DTYPES)
@EVERY_LOSS_CASE
@pytest.mark.parametrize("line", [line for line in LOSSES if line.variant == "mean"], ids=str)
def test_weights_of_any_size_weigh_alike(line: Line, case: int, dtype: type) -> None:
    module, x, y = line.loss(case, 3)
    x = x.astype(dtype)
    expected, dx_expected = both(module, x, y, [1, 1, 1])
    total = module.total_weight
    # the smallest number of all times a class weight below 1 is none; see the test of products below
    for size in WEIGHTS if getattr(module, "class_weight", None) is not None else [*WEIGHTS, 5e-324]:
        loss, dx = both(module, x, y, [size] * 3)
        np.testing.assert_allclose(loss, expected, rtol=1e-6 if dtype is np.float32 else 1e-13)
        np.testing.assert_allclose(dx, dx_expected, rtol=1e-6 if dtype is np.float32 else 1e-13)
        assert module.total_weight == pytest.approx(total * size, rel=1e-13, abs=0)


@pytest.mark.parametrize("omega", [1e39, 1e300, 1e-39, 1e-300])
@pytest.mark.parametrize("smoothing", [0, 0.1])
@pytest.mark.parametrize("make", [*ENTROPIES, HingeModule])
def test_class_weights_of_any_size_weigh_alike(make: Callable[..., LossModule], smoothing: float, omega: float) -> None:
    options = {"label_smoothing": smoothing} if smoothing and make is not HingeModule else {}
    x = np.array([[0.5, 0.5], [0.25, 0.75]], np.float32)
    x = np.log(x) if make is NLLModule else x + 3 if make is SoftMaxCrossEntropyModule else x
    plain, dx_plain = both(make(**options), x, np.array([0, 1]))
    loss, dx = both(make(class_weight=[omega, omega], **options), x, np.array([0, 1]))
    np.testing.assert_allclose(loss, plain, rtol=1e-6)
    np.testing.assert_allclose(dx, dx_plain, rtol=1e-6)
    tilted = make(class_weight=[omega, 1], **options)
    assert np.isfinite(both(tilted, x, np.array([0, 1]))[1]).all()
    assert tilted.total_weight == pytest.approx(omega + 1)


def test_weights_that_no_number_can_hold_together_are_refused() -> None:
    x, y = np.zeros((2, 2), np.float32), np.array([0, 1])
    for loss, weight in (
        (SoftMaxCrossEntropyModule(), [1e308, 1e308]),
        (SoftMaxCrossEntropyModule(class_weight=[1e308, 1e308]), None),
        (SoftMaxCrossEntropyModule(class_weight=[1e200, 1]), [1e200, 1]),
        (SoftMaxCrossEntropyModule(class_weight=[1e-200, 1]), [1e-200, 1]),
        (SoftMaxCrossEntropyModule(class_weight=[1e-200, 1], label_smoothing=0.1), [1e-200, 1]),
        (HingeModule(class_weight=[5e-324, 1]), [0.25, 1]),
    ):
        with pytest.raises(OptionError, match=r"SoftMax|Hinge.*weight"):
            loss.forward(x, y, weight)
    with pytest.raises(OptionError, match="MSEModule.forward: weights must have a finite sum, got 1e\\+308 among them"):
        MSEModule().forward(np.zeros((1, 3)), np.zeros((1, 3)), [1e308])  # three numbers a row
    assert SoftMaxCrossEntropyModule(class_weight=[0, 1]).forward(x, y, [5, 0]) == 0


@pytest.mark.parametrize("wrong", [[INF, 1], [NAN, 1], [-1, 1], [-0.5, 1], [np.longdouble("1e4000"), 1]])
def test_weights_that_are_no_weights_are_refused(wrong: Any) -> None:
    if np.finfo(np.longdouble).max == np.finfo(np.float64).max:
        wrong = [INF, 1]
    with pytest.raises(OptionError, match="weights must be finite and ≥ 0"):
        MSEModule().forward(np.zeros(2, np.float32), np.zeros(2), np.array(wrong))
    with pytest.raises(OptionError, match="class_weight must be a vector of finite numbers ≥ 0"):
        NLLModule(class_weight=np.array(wrong))


OUTSIDE: list[tuple[LossModule, Any, Any, str]] = [
    (BCEModule(), [0.5, 2], [1, 1], r"probabilities in \[0, 1\], got 2.0 at \[1\]"),
    (BCEModule(), [[0.5], [-0.01]], [[1], [1]], r"got -0.01 at \[1, 0\]"),
    (BCEModule(), [0.5, INF], [1, 1], r"got inf at \[1\]"),
    (CrossEntropyModule(), [[1.5, -0.5]], [0], r"probabilities in \[0, 1\], got 1.5 at \[0, 0\]"),
    (CrossEntropyModule(), [[NAN, 1], [0, 1.01]], [[1, 0], [0, 1]], r"got 1.01 at \[1, 1\]"),
    (NLLModule(), [[-1, -2], [5, 1]], [0, 0], r"logarithms of probabilities, ≤ 0, got 5.0 at \[1, 0\]"),
    (NLLModule(), [[-1, INF]], [0], r"got inf at \[0, 1\]"),
    (KLDivergenceModule(), [[-1, 0.01]], [[0.5, 0.5]], r"≤ 0, got 0.01 at \[0, 1\]"),
]


@pytest.mark.parametrize(("loss", "x", "y", "words"), OUTSIDE)
def test_predictions_outside_their_domain_are_refused(loss: LossModule, x: Any, y: Any, words: str) -> None:
    for dtype in (np.float64, np.complex128):
        with pytest.raises(DomainError, match=f"{type(loss).__name__}.forward: x must hold .*{words}.* Hint: "):
            loss.forward(np.array(x, dtype), np.array(y))
    assert issubclass(DomainError, ValueError)


@pytest.mark.parametrize("step", [1e-4, 1e-3 * 0.99, np.finfo(np.float32).eps])
def test_rounding_and_a_numeric_step_past_the_edge_are_allowed(step: float) -> None:
    edges = np.array([[1 + step, -step]])
    for loss, x, y in (
        (BCEModule(), edges, [[1, 0]]),
        (CrossEntropyModule(), edges, [0]),
        (NLLModule(), [[step, -5]], [0]),
        (KLDivergenceModule(), [[step, -5]], [[1, 0]]),
    ):
        value, dx = both(loss, np.asarray(x), np.array(y))
        assert -2e-3 < value <= 0
        assert np.isfinite(dx).all()


def test_probabilities_in_labels_have_their_domain_too() -> None:
    x = np.full((1, 2), 0.5)
    for loss, half in ((CrossEntropyModule(), x), (KLDivergenceModule(), np.log(x)), (NLLModule(), np.log(x))):
        with pytest.raises(LabelError, match=r"be probabilities, finite and ≥ 0, none above 1, got \[0.  1.5\] at 0"):
            loss.forward(half, np.array([[0, 1.5]]))
        loss.forward(half, np.array([[0, 1 + 1e-7]]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_slopes_of_impossible_answers_survive_the_next_product(dtype: type) -> None:
    scores = np.array([[900], [-900], [900], [-900], [0]], dtype)
    y = np.array([[0], [1], [1], [0], [1]])
    sigmoid, loss = SigmoidModule(), BCEModule()
    p = sigmoid.forward(scores)
    np.testing.assert_array_equal(p[:4, 0], [1, 0, 1, 0])
    loss.forward(p, y)
    dx = sigmoid.backward(loss.backward())
    assert np.isfinite(dx).all()
    assert (dx * (p - y) >= 0).all()
    softmax, entropy = SoftMaxModule(), CrossEntropyModule()
    for labels in (np.array([1, 0]), np.eye(2)[[1, 0]]):
        entropy.forward(softmax.forward(np.array([[900, -900], [-900, 900]], dtype)), labels)
        assert np.isfinite(softmax.backward(entropy.backward())).all()
    layer = LinearModule(1, 1, dtype=dtype)
    layer.params["weight"][...] = 1e6
    layer.forward(np.zeros((2, 1), dtype))
    loss.forward(np.array([[0], [1]], dtype), [[1], [0]])
    with np.errstate(over="raise", invalid="raise"):
        assert np.isfinite(layer.backward(loss.backward())).all()


@pytest.mark.parametrize(("dtype", "floor"), [(np.float32, 2.0**-126 * 2**23), (np.float64, 2.0**-1022 * 2**52)])
def test_the_logarithm_is_exact_down_to_its_floor(dtype: type, floor: float) -> None:
    p = np.array([floor, floor * 4, floor * 1e5, 1e-10], dtype)
    below = np.array([0, floor / 2, floor / 1e5], dtype)
    for module, shaped, y in (
        (BCEModule("none"), lambda v: v, lambda v: np.ones(v.shape)),
        (CrossEntropyModule("none"), lambda v: np.stack([v, 1 - v], 1), lambda v: np.zeros(len(v), int)),
    ):
        loss, dx = both(module, shaped(p), y(p))
        np.testing.assert_array_equal(loss, -np.log(p))
        np.testing.assert_array_equal(dx if dx.ndim == 1 else dx[:, 0], -1 / p)
        loss, dx = both(module, shaped(below), y(below))
        np.testing.assert_array_equal(loss, -np.log(dtype(floor)))
        np.testing.assert_array_equal(dx if dx.ndim == 1 else dx[:, 0], dtype(-1) / dtype(floor))


def test_scores_that_are_probabilities_are_warned_of_once() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(7, 6)), np.arange(7) % 3
    model, loss = MLP(6, [5], 3, rng=0), SoftMaxCrossEntropyModule()
    for dtype in DTYPES:
        loss = SoftMaxCrossEntropyModule()
        p = np.exp(x[:, :3]).astype(dtype) / np.exp(x[:, :3]).astype(dtype).sum(axis=1, keepdims=True)
        with pytest.warns(UserWarning, match=r"x must hold scores, got rows that sum to 1.* \.logits\), or take Cross"):
            loss.forward(p, y)
        loss.forward(p, y)
    assert np.isfinite(SoftMaxCrossEntropyModule().forward(model.logits.forward(x), y))


@pytest.mark.parametrize(
    "x",
    [
        np.full((3, 4), 0.25),  # all equal: the scores of a net that knows nothing
        [[0.2, 0.8]],  # one row may be chance
        [[0.2, 0.8], [0.3, 0.8]],
        [[0.2, 0.8], [1.5, -0.5]],
        [[1.2, -0.2], [0.3, 0.7]],
        [[1.0], [1.0]],
        np.eye(3),
        np.zeros((2, 3)),
        [[NAN, 0.5], [0.5, 0.5]],
        [[0.2, 0.81], [0.3, 0.7]],
        [[0.2, 0.8001], [0.3, 0.7001]],
        [[0.2, 0.8], [0.0, 1.0]],
    ],
)
def test_other_scores_are_not_warned_of(x: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SoftMaxCrossEntropyModule().forward(np.asarray(x, float), np.zeros(len(x), int))


JUNK = [None, "a", True, NAN, INF, [1], {}, 1j]


@pytest.mark.parametrize("junk", [*JUNK, np.array([1, 2]), np.ma.masked_array([1.0, 2], [0, 1]), b"mean"], ids=repr)
@pytest.mark.parametrize("option", ["reduction", "delta", "margin", "label_smoothing", "class_weight", "ignore_index"])
def test_settings_of_another_kind_are_refused_by_name(option: str, junk: Any) -> None:
    makers: dict[str, list[Callable[..., LossModule]]] = {
        "reduction": [
            MSEModule,
            L1Module,
            HuberModule,
            SmoothL1Module,
            PoissonNLLModule,
            BCEModule,
            BCEWithLogitsModule,
            *ENTROPIES,
            HingeModule,
            KLDivergenceModule,
        ],
        "delta": [HuberModule],
        "margin": [HingeModule],
        "label_smoothing": ENTROPIES,
        "class_weight": [*ENTROPIES, HingeModule],
        "ignore_index": [*ENTROPIES, HingeModule],
    }
    allowed = option in ("class_weight", "ignore_index") and junk is None
    allowed |= option == "class_weight" and isinstance(junk, list | np.ndarray) and not np.ma.isMaskedArray(junk)
    for make in makers[option]:
        if allowed:
            make(**{option: junk})
        else:
            with pytest.raises((OptionError, DTypeError), match=f"{make.__name__}: .*{option}"):
                make(**{option: junk})


def test_numpy_scalars_are_settings() -> None:
    for kind in (np.float32, np.float64, np.int64, np.uint8):
        assert type(HuberModule(delta=kind(1)).delta) is type(HingeModule(margin=kind(1)).margin) is float
        assert NLLModule(label_smoothing=kind(1)).label_smoothing == 1
    assert repr(NLLModule(ignore_index=np.int16(-1))) == "NLLModule(ignore_index=-1)"


BATCHES = [
    (MSEModule(), np.zeros((2, 2)), np.zeros((2, 2))),
    (BCEModule(), np.full((2, 2), 0.5), np.zeros((2, 2))),
    (KLDivergenceModule(), np.full((2, 2), -0.5), np.full((2, 2), 0.5)),
    (SoftMaxCrossEntropyModule(), np.zeros((2, 2)), np.array([0, 1])),
    (CrossEntropyModule(ignore_index=-1), np.full((2, 2), 0.5), np.array([0, -1])),
    (HingeModule(), np.zeros((2, 2)), np.array([0, 1])),
]


@pytest.mark.parametrize(("loss", "x", "y"), BATCHES)
def test_arrays_that_cannot_be_meant_are_refused_by_a_named_error(loss: LossModule, x: Array, y: Array) -> None:
    ragged: list[Any] = [[1], [2, 3]]
    dates = np.zeros(y.shape, "M8[s]")
    for wrong in (None, "a", ragged, object(), dates, y + 0j, np.ma.masked_array(y, y == y), {}, 2**100, y.astype(str)):
        with pytest.raises(MlpNumpyError, match=type(loss).__name__):
            loss.forward(x, wrong)
        if wrong is not None:
            with pytest.raises(MlpNumpyError, match=type(loss).__name__):
                loss.forward(x, y, wrong)
            loss.forward(x, y)
            with pytest.raises(MlpNumpyError, match=type(loss).__name__):
                loss.backward(wrong)
    with pytest.raises(DTypeError, match="weight must be a plain array, got a masked one"):
        loss.forward(x, y, np.ma.masked_array([1.0, 99], [False, True]))


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_half_precision_is_taken_as_labels_and_weights(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 3)
    half = y if y.dtype.kind in "iu" else y.astype(np.float16)
    single = half if y.dtype.kind in "iu" else half.astype(np.float32)
    weight = np.array([1, 0.5, 2], np.float16)
    out, dx = both(module, x.astype(np.float32), half, weight)
    expected, dx_expected = both(module, x.astype(np.float32), single, weight.astype(np.float64))
    np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(dx, dx_expected)
    assert dx.dtype == np.float32


@pytest.mark.parametrize("loss", [*(make() for make in ENTROPIES), HingeModule(), KLDivergenceModule()], ids=repr)
def test_predictions_without_classes_are_refused(loss: LossModule) -> None:
    along_axis_1 = not isinstance(loss, HingeModule | KLDivergenceModule)
    for shape in ((3, 0), (3,), (3, 0, 2) if along_axis_1 else (3, 2, 2)):
        with pytest.raises(ShapeError, match=r"x must be \(N, C\)(, got| or \(N, C, …\), got)"):
            loss.forward(np.zeros(shape), np.zeros(shape if shape == (3, 0) else 3, int))


@pytest.mark.parametrize("make", [MSEModule, L1Module, HuberModule, BCEModule, BCEWithLogitsModule])
def test_predictions_without_numbers_are_refused(make: Callable[[], LossModule]) -> None:
    for shape in ((3, 0), (3, 2, 0)):
        with pytest.raises(ShapeError, match=f"{make.__name__}.forward: x must hold at least one number, got"):
            make().forward(np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize("y", [[0.5, 2], [-0.1, 1], [NAN, 0.5]])
@pytest.mark.parametrize("make", [BCEModule, BCEWithLogitsModule])
def test_one_bad_answer_among_good_ones_is_refused(make: Callable[[], LossModule], y: list[float]) -> None:
    with pytest.raises(LabelError, match=r"labels must lie in \[0, 1\]"):
        make().forward(np.full(2, 0.5), np.array(y))


@EVERY_LOSS_CASE
@EVERY_LOSS
def test_a_complex_forward_has_no_backward(line: Line, case: int) -> None:
    module, x, y = line.loss(case, 3)
    module.forward(x.astype(np.complex128), y)
    with pytest.raises(DTypeError, match="x must have been real, got complex128"):
        module.backward()


def test_the_gradient_check_of_a_chain_with_saturated_rows() -> None:
    x = np.array([[40.0, -40], [0.3, 0.2], [-3, 5]])
    report = gradcheck(Sequential(SoftMaxModule()), x, np.array([0, 1, 1]), loss=CrossEntropyModule())
    assert report.verdict == "fine"
