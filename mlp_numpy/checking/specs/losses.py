"""The rows of losses: the variants of each are its reductions. In every second case the rows have weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.reference import losses as composed
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Spec
from mlp_numpy.checking.torch_reference import losses as twins
from mlp_numpy.modules import (
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    HingeModule,
    HuberModule,
    KLDivergenceModule,
    L1Module,
    LossModule,
    MSEModule,
    NLLModule,
    Reduction,
    SoftMaxCrossEntropyModule,
)

_MARGIN: Final = 1 / 64


def _of_classes(make: Callable[..., LossModule], sample: Callable[[Sampler, int, int], Array]) -> Draw:
    """A loss of rows of classes, in some cases with class weights, smoothed labels or some to be ignored."""

    def draw(draws: Sampler, variant: str) -> Sample:
        n, c = draws.shape(2)
        x = sample(draws, n, c)
        y, options = _labels(draws, draws.labels(n, c), c)
        if draws.rng.random() < 0.3:
            options["label_smoothing"] = 0.125
        return Sample(make(_reduction(variant), **options), x, y, _weights(draws, n))

    return draw


def _probabilities(draws: Sampler, n: int, c: int) -> Array:
    return draws.probabilities(n, c)


def _logarithms(draws: Sampler, n: int, c: int) -> Array:
    """Numbers ≤ 0; the loss does not ask whether those of a row sum to 1 once they are probabilities."""
    return -abs(draws.numbers(n, c))


def _scores(draws: Sampler, n: int, c: int) -> Array:
    return draws.numbers(n, c)


def _hinge(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    y, options = _labels(draws, draws.rng.integers(c, size=n), c)
    loss = HingeModule(_reduction(variant), margin=float(draws.rng.choice([0.5, 1.0, 2.0])), **options)
    while True:
        x = draws.numbers(n, c)
        right = np.take_along_axis(x, np.maximum(y, 0)[:, np.newaxis], axis=1)
        if draws.tied or abs(x - right + loss.margin).min() > _MARGIN:
            return Sample(loss, x, y, _weights(draws, n), kinked=draws.tied)


def _labels(draws: Sampler, y: Array, c: int) -> tuple[Array, dict[str, Any]]:
    """The labels, of which some, but never the first, may become one to be ignored; and the options of the loss."""
    options: dict[str, Any] = {}
    if draws.rng.random() < 0.3:
        options["class_weight"] = draws.rng.choice([0.25, 0.5, 1.0, 2.0], c).tolist()
    if y.ndim == 1 and draws.rng.random() < 0.3:
        options["ignore_index"] = -1
        y = np.where((draws.rng.random(len(y)) < 0.4) & (np.arange(len(y)) > 0), -1, y)
    return y, options


def _divergence(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    labels = draws.labels(n, c) if draws.case % 4 == 2 else draws.probabilities(n, c)
    return Sample(KLDivergenceModule(_reduction(variant)), _logarithms(draws, n, c), labels, _weights(draws, n))


def _of_distances(make: Callable[..., LossModule], kinked: bool, **options: float) -> Draw:
    """A loss of differences x − y, which in cases without ties are near no kink, at 0 or at ``options``."""

    def draw(draws: Sampler, variant: str) -> Sample:
        x = draws.numbers(*draws.shape(int(draws.rng.integers(1, 3, endpoint=True)), most=3))
        r = draws.numbers(*x.shape)
        for kink in options.values():
            r = np.where(abs(abs(r) - kink) < _MARGIN, 1.25 * r, r) if not draws.tied else r
        y = (x - r).astype(np.float32).astype(np.float64)
        return Sample(make(_reduction(variant), **options), x, y, _weights(draws, len(x)), kinked and draws.tied)

    return draw


def _of_answers(make: Callable[[Reduction], LossModule], of_probabilities: bool) -> Draw:
    """A loss of yes or no, or of a probability of it."""

    def draw(draws: Sampler, variant: str) -> Sample:
        shape = draws.shape(int(draws.rng.integers(1, 3, endpoint=True)), most=3)
        x = draws.fractions(*shape) if of_probabilities else draws.numbers(*shape)
        y = draws.fractions(*shape) if draws.case % 4 == 3 else draws.rng.integers(2, size=shape)
        return Sample(make(_reduction(variant)), x, y.astype(np.float64), _weights(draws, shape[0]))

    return draw


def _weights(draws: Sampler, n: int) -> dict[str, Any]:
    """Weights of the rows in every second case, 0 and 2 among them."""
    return {"weight": draws.rng.choice([0.0, 0.5, 1.0, 2.0], n)} if draws.case % 2 else {}


def _reduction(variant: str) -> Reduction:
    found: dict[str, Reduction] = {name: name for name in get_args(Reduction)}
    return found[variant]


_ALL: Final = get_args(Reduction)

LOSSES: Final = (
    Spec(
        "cross-entropy",
        CrossEntropyModule,
        _of_classes(CrossEntropyModule, _probabilities),
        composed.cross_entropy,
        twins.cross_entropy,
        _ALL,
    ),
    Spec(
        "softmax cross-entropy",
        SoftMaxCrossEntropyModule,
        _of_classes(SoftMaxCrossEntropyModule, _scores),
        composed.softmax_cross_entropy,
        twins.softmax_cross_entropy,
        _ALL,
    ),
    Spec("nll", NLLModule, _of_classes(NLLModule, _logarithms), composed.nll, twins.nll, _ALL),
    Spec("hinge", HingeModule, _hinge, composed.hinge, twins.hinge, _ALL),
    Spec("kl divergence", KLDivergenceModule, _divergence, composed.kl_divergence, twins.kl_divergence, _ALL),
    Spec("mse", MSEModule, _of_distances(MSEModule, kinked=False), composed.mse, twins.of_numbers("mse_loss"), _ALL),
    Spec("l1", L1Module, _of_distances(L1Module, kinked=True), composed.l1, twins.of_numbers("l1_loss"), _ALL),
    Spec(
        "huber",
        HuberModule,
        _of_distances(HuberModule, kinked=True, delta=1.0),
        composed.huber,
        twins.of_numbers("huber_loss", lambda module: {"delta": module.delta}),
        _ALL,
    ),
    Spec(
        "bce",
        BCEModule,
        _of_answers(BCEModule, of_probabilities=True),
        composed.bce,
        twins.of_numbers("binary_cross_entropy"),
        _ALL,
    ),
    Spec(
        "bce with logits",
        BCEWithLogitsModule,
        _of_answers(BCEWithLogitsModule, of_probabilities=False),
        composed.bce_with_logits,
        twins.of_numbers("binary_cross_entropy_with_logits"),
        _ALL,
    ),
)
