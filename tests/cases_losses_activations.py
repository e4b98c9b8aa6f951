"""The rows of ``cases.py`` for activations and losses."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, exp, log, sqrt, tanh
from typing import Any

import numpy as np
from case import Case, Rng

from mlp_numpy import (
    BCEModule,
    BCEWithLogitsModule,
    CrossEntropyModule,
    ELUModule,
    GELUModule,
    HingeModule,
    HuberModule,
    IdentityModule,
    KLDivergenceModule,
    L1Module,
    LogSoftMaxModule,
    LossModule,
    Module,
    MSEModule,
    NLLModule,
    PReLUModule,
    ReLUModule,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxCrossEntropyModule,
    SoftplusModule,
    TanhModule,
)
from mlp_numpy.arrays import Array

C = 4
Slow = Callable[[Module, Array, Array | None], Array]


def _normal(*shape: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.normal(size=(n, *shape))


def _between_0_and_1(*shape: int) -> Callable[[Rng, int], Array]:
    return lambda rng, n: rng.uniform(0.05, 0.95, size=(n, *shape))


def _probabilities(rng: Rng, n: int) -> Array:
    return rng.dirichlet(np.ones(C), size=n)


def _logarithms(rng: Rng, n: int) -> Array:
    return np.log(_probabilities(rng, n))


def _classes(rng: Rng, n: int) -> Array:
    return rng.integers(C, size=n)


def _first_two(rng: Rng, n: int) -> Array:
    """Classes whose weight, in the rows with class weights, is not 0."""
    return rng.integers(2, size=n)


def _first_counts(rng: Rng, n: int) -> Array:
    return np.concatenate([[1], rng.integers(C, size=n - 1)])


def _some_absent(rng: Rng, n: int) -> Array:
    """Labels of which −1 marks what does not count; the first one counts."""
    y = rng.integers(-1, C, size=n)
    y[0] = 1
    return y


def _each(function: Callable[[float], float]) -> Slow:
    return lambda module, x, y: np.vectorize(function, otypes=[float])(x)


def _selu(v: float) -> float:
    return 1.0507009873554804934 * (v if v > 0 else 1.6732632423543772848 * (exp(v) - 1))


def _gelu_tanh(v: float) -> float:
    return v / 2 * (1 + tanh(sqrt(2 / np.pi) * (v + 0.044715 * v**3)))


def _slow_prelu(module: Module, x: Array, y: Array | None) -> Array:
    slopes, out = module.params["slope"], np.zeros_like(x)
    for place in np.ndindex(*x.shape):
        slope = slopes[place[1]] if len(slopes) > 1 else slopes[0]
        out[place] = max(0, x[place]) + slope * min(0, x[place])
    return out


def _slow_log_softmax(module: Module, x: Array, y: Array | None) -> Array:
    return np.array([[log(exp(value) / sum(np.exp(row))) for value in row] for row in x])


def reduced(module: LossModule, losses: list[float] | Array, divisor: float) -> Array:
    """Losses as a module's reduction says."""
    return np.asarray({"mean": np.sum(losses) / divisor, "sum": np.sum(losses), "none": losses}[module.reduction])


def _slow_numbers(loss: Callable[[LossModule, float, float], float]) -> Slow:
    """A loss of each number: the mean is over all of them."""

    def slow(module: Any, x: Array, y: Array) -> Array:
        losses = np.zeros(x.shape)
        for place in np.ndindex(*x.shape):
            losses[place] = loss(module, x[place], y[place])
        return reduced(module, losses, x.size)

    return slow


def _huber(module: Any, x: float, y: float) -> float:
    distance = abs(x - y)
    return distance**2 / 2 if distance <= module.delta else module.delta * (distance - module.delta / 2)


def _bce(module: LossModule, x: float, y: float) -> float:
    return -y * log(x) - (1 - y) * log(1 - x)


def _bce_with_logits(module: LossModule, x: float, y: float) -> float:
    return _bce(module, 1 / (1 + exp(-x)), y)


def _slow_classes(logarithms: Callable[[Array], Array]) -> Slow:
    """Cross-entropy with all its options, class by class, as PyTorch documents them."""

    def slow(module: Any, x: Array, y: Array) -> Array:
        logs, losses, divisor = logarithms(x), [], 0.0
        omega = np.ones(x.shape[1]) if module.class_weight is None else module.class_weight
        eps = module.label_smoothing
        for row, label in zip(logs, y, strict=True):
            absent = np.ndim(label) == 0 and label == module.ignore_index
            target = [float(i == label) for i in range(len(row))] if np.ndim(label) == 0 else label
            mixed = [(1 - eps) * share + eps / len(row) for share in target]
            losses.append(0 if absent else -sum(omega[i] * mixed[i] * row[i] for i in range(len(row))))
            divisor += 0 if absent else omega[label] if np.ndim(label) == 0 else 1
        return reduced(module, losses, divisor)

    return slow


def _slow_hinge(module: Any, x: Array, y: Array) -> Array:
    omega = np.ones(x.shape[1]) if module.class_weight is None else module.class_weight
    losses = [
        omega[label] * sum(max(0, row[i] - row[label] + module.margin) for i in range(len(row)) if i != label)
        for row, label in zip(x, y, strict=True)
    ]
    return reduced(module, losses, sum(omega[label] for label in y))


def _slow_divergence(module: LossModule, x: Array, y: Array) -> Array:
    losses = [sum(t * (log(t) - v) for t, v in zip(*rows, strict=True) if t > 0) for rows in zip(y, x, strict=True)]
    return reduced(module, losses, len(x))


def _slow_softmax_logs(x: Array) -> Array:
    return _slow_log_softmax(LogSoftMaxModule(), x, None)


_activations = [
    ("relu, scale 5", lambda: ReLUModule(5), _each(lambda v: 5 * max(0, v))),
    ("relu, scale -0.5", lambda: ReLUModule(scale=-0.5), _each(lambda v: -0.5 * max(0, v))),
    ("elu", lambda: ELUModule(), _each(lambda v: v if v > 0 else exp(v) - 1)),
    ("elu, alpha 0.3", lambda: ELUModule(0.3), _each(lambda v: v if v > 0 else 0.3 * (exp(v) - 1))),
    ("selu", lambda: SELUModule(), _each(_selu)),
    ("gelu", lambda: GELUModule(), _each(lambda v: v * (1 + erf(v / sqrt(2))) / 2)),
    ("gelu, tanh", lambda: GELUModule("tanh"), _each(_gelu_tanh)),
    ("silu", lambda: SiLUModule(), _each(lambda v: v / (1 + exp(-v)))),
    ("softplus", lambda: SoftplusModule(), _each(lambda v: log(1 + exp(v)))),
    ("softplus, beta 3", lambda: SoftplusModule(beta=3), _each(lambda v: log(1 + exp(3 * v)) / 3)),
    ("sigmoid", lambda: SigmoidModule(), _each(lambda v: 1 / (1 + exp(-v)))),
    ("tanh", lambda: TanhModule(), _each(tanh)),
    ("identity", lambda: IdentityModule(), _each(lambda v: v)),
]
_numbers = [
    ("mse", MSEModule, {}, _normal, _normal, lambda module, x, y: (x - y) ** 2),
    ("l1", L1Module, {}, _normal, _normal, lambda module, x, y: abs(x - y)),
    ("huber", HuberModule, {}, _normal, _normal, _huber),
    ("huber, delta 0.2", HuberModule, {"delta": 0.2}, _normal, _normal, _huber),
    ("bce", BCEModule, {}, _between_0_and_1, _between_0_and_1, _bce),
    ("bce with logits", BCEWithLogitsModule, {}, _normal, _between_0_and_1, _bce_with_logits),
]
_entropies = [
    ("cross-entropy", CrossEntropyModule, _probabilities, np.log),
    ("softmax cross-entropy", SoftMaxCrossEntropyModule, _normal(C), _slow_softmax_logs),
    ("nll", NLLModule, _logarithms, lambda x: x),
]
_options: list[tuple[dict[str, Any], tuple[Callable[[Rng, int], Array], ...]]] = [
    ({"class_weight": [0.5, 2.0, 0.0, 1.0]}, (_first_two, _probabilities)),
    ({"label_smoothing": 0.1}, (_classes, _probabilities)),
    ({"ignore_index": -1}, (_some_absent,)),
    (
        {"class_weight": [0.5, 2.0, 0.25, 1.0], "label_smoothing": 0.3, "ignore_index": 3},
        (_first_counts,),
    ),
]
_reductions = ("mean", "sum", "none")
_shapes = (("vector", (), ("mean",)), ("column", (1,), ("none",)), ("table", (3,), _reductions))
_row, _plane = np.ones(C), np.ones((2, C))

LOSSES_AND_ACTIVATIONS = [
    *(
        Case(f"{name}{kind}", lambda rng, make=make: make(), _normal(*shape), slow)
        for name, make, slow in _activations
        for kind, shape in (("", (4,)), (", images", (2, 3, 3)))
    ),
    Case("prelu", lambda rng: PReLUModule(), _normal(4), _slow_prelu),
    Case("prelu, images", lambda rng: PReLUModule(neg_slope=-0.3), _normal(2, 3, 3), _slow_prelu),
    Case("prelu, a slope a feature", lambda rng: PReLUModule(3), _normal(3), _slow_prelu, wrong=_plane),
    Case("prelu, a slope a channel", lambda rng: PReLUModule(3), _normal(3, 2, 2), _slow_prelu, wrong=_row),
    Case("log-softmax", lambda rng: LogSoftMaxModule(), _normal(4), _slow_log_softmax, wrong=np.ones((2, 2, 2))),
    Case("log-softmax, one class", lambda rng: LogSoftMaxModule(), _normal(1), _slow_log_softmax, wrong=np.ones(3)),
    *(
        Case(
            f"{name}, {kind}, {reduction}",
            lambda rng, make=make, options=options, r=reduction: make(r, **options),
            sample(*shape),
            _slow_numbers(loss),
            labels(*shape),
            wrong=np.ones((3, 7)),
        )
        for name, make, options, sample, labels, loss in _numbers
        for kind, shape, reductions in _shapes
        for reduction in reductions
    ),
    *(
        Case(
            f"nll, {kind}, {reduction}",
            lambda rng, r=reduction: NLLModule(r),
            _logarithms,
            _slow_classes(lambda x: x),
            labels,
            wrong=_row,
        )
        for kind, labels in (("integers", _classes), ("soft", _probabilities))
        for reduction in _reductions
    ),
    *(
        Case(
            f"{name}, {options}, {kind}, {reduction}",
            lambda rng, make=make, o=options, r=reduction: make(r, **o),
            sample,
            _slow_classes(logarithms),
            labels,
            wrong=_row,
        )
        for name, make, sample, logarithms in _entropies
        for options, kinds in _options
        for kind, labels in enumerate(kinds)
        for reduction in ("mean", "none")
    ),
    *(
        Case(
            f"hinge, {options}, {reduction}",
            lambda rng, o=options, r=reduction: HingeModule(r, **o),
            _normal(C),
            _slow_hinge,
            _classes,
            wrong=_row,
        )
        for options in ({}, {"margin": 0.3, "class_weight": [0.5, 2.0, 0.25, 1.0]})
        for reduction in _reductions
    ),
    *(
        Case(
            f"kl divergence, {reduction}",
            lambda rng, r=reduction: KLDivergenceModule(r),
            _logarithms,
            _slow_divergence,
            _probabilities,
            wrong=_row,
        )
        for reduction in _reductions
    ),
]
