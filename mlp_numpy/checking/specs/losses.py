"""The specs of losses; their variants are the reductions. In every second case examples or losses have weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs import losses_references as formulas
from mlp_numpy.checking.specs import losses_torch as pytorch
from mlp_numpy.checking.specs.losses_references import Counts, LossReference, counted_equally, reduced
from mlp_numpy.checking.specs.spec import Draw, Shapes, Spec
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
    PoissonNLLModule,
    Reduction,
    SmoothL1Module,
    SoftMaxCrossEntropyModule,
)
from mlp_numpy.modules.class_axis import from_rows

_MARGIN: Final = 1 / 64
_VALUES: Final[Shapes] = [(2, 0), (2, 3, 0), (99, 7)]
_ROWS: Final[Shapes] = [(3,), (2, 0), (2, 2, 2)]
_CLASSES: Final[Shapes] = [(3,), (2, 0), (2, 0, 2), (2, 3, 0)]
"""What holds no value, or is no batch of values, rows (N, C), or classes (N, C, …)."""


def _spec(
    name: str,
    module: type[LossModule],
    draw: Draw,
    losses: LossReference,
    torch: pytorch.TorchLosses,
    refused: Shapes,
    counts: Counts = counted_equally,
) -> Spec:
    """The spec of a loss from its losses before the reduction, by elementary formulas and by PyTorch.

    counts   what each loss counts in the divisor of the mean
    """

    def reference(module: Any, params: Any, x: Any, y: Array, weight: Array | None = None) -> Any:
        return reduced(module, losses(module, x, y), weight, counts(module, x, y))

    def torch_reference(torch_: Any, module: Any, params: Any, x: Any, y: Any, weight: Any = None) -> Any:
        if weight is None and pytorch.reduces(module, y):
            return torch(torch_, module, x, y, module.reduction)
        return reduced(module, torch(torch_, module, x, y, "none"), weight, counts(module, x, y))

    return Spec(name, module, draw, reference, torch_reference, get_args(Reduction), wrong_shapes=lambda _: refused)


def _of_classes(make: Callable[..., LossModule], sample: Callable[[Sampler, int, int], Array]) -> Draw:
    """A loss of classes, in some cases with class weights, smoothed labels or some to be ignored; three of eight cases
    have a class for each of several positions."""

    def draw(draws: Sampler, variant: str) -> Sample:
        n, c = draws.shape(2)
        positions = draws.shape(int(draws.rng.integers(1, 2, endpoint=True)), most=2) if draws.case % 8 > 4 else ()
        shape, m = (n, c, *positions), n * int(np.prod(positions))
        x = np.ascontiguousarray(from_rows(sample(draws, m, c), shape))
        y, options = _labels(draws, draws.labels(m, c), c)
        if draws.rng.random() < 0.5:
            options["label_smoothing"] = 0.125
        y = y.reshape(n, *positions) if y.ndim == 1 else from_rows(y, shape)
        return Sample(make(_reduction(variant), **options), x, y, _weights(draws, (n, *positions)))

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
            return Sample(loss, x, y, _weights(draws, (n,)), kinked=draws.tied)


def _labels(draws: Sampler, y: Array, c: int) -> tuple[Array, dict[str, Any]]:
    """The labels, of which some, but never the first, may become one to be ignored; and the options of the loss."""
    options: dict[str, Any] = {}
    if draws.rng.random() < 0.5:
        omega = draws.rng.choice([0.25, 0.5, 1.0, 2.0], c)
        if y.ndim == 1:
            omega[1 + y.max() :] = 0  # a class that no row has may weigh nothing
        options["class_weight"] = omega.tolist()
    if y.ndim == 1 and draws.rng.random() < 0.5:
        options["ignore_index"] = -1
        y = np.where((draws.rng.random(len(y)) < 0.4) & (np.arange(len(y)) > 0), -1, y)
    return y, options


def _divergence(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2)
    labels = draws.labels(n, c) if draws.case % 4 == 2 else draws.probabilities(n, c)
    return Sample(KLDivergenceModule(_reduction(variant)), _logarithms(draws, n, c), labels, _weights(draws, (n,)))


def _of_distances(make: Callable[..., LossModule], kinked: bool, **choices: Sequence[float]) -> Draw:
    """A loss of differences x − y, which in cases without ties are near no kink: at 0, or at an option, of which
    there are ``choices``."""

    def draw(draws: Sampler, variant: str) -> Sample:
        options = {name: float(draws.rng.choice(values)) for name, values in choices.items()}
        x = draws.numbers(*_any_shape(draws))
        r = draws.numbers(*x.shape)
        for kink in options.values():
            r = np.where(abs(abs(r) - kink) < _MARGIN, 1.25 * r, r) if not draws.tied and kink else r
        y = (x - r).astype(np.float32).astype(np.float64)
        return Sample(make(_reduction(variant), **options), x, y, _weights(draws, x.shape), kinked and draws.tied)

    return draw


def _of_answers(make: Callable[..., LossModule], of_probabilities: bool) -> Draw:
    """A loss of yes or no, or of a probability of it; in every third case with weights of yes."""

    def draw(draws: Sampler, variant: str) -> Sample:
        shape = _any_shape(draws)
        x = draws.fractions(*shape) if of_probabilities else draws.numbers(*shape)
        y = draws.fractions(*shape) if draws.case % 4 == 3 else draws.rng.integers(2, size=shape)
        weights = _weights(draws, shape)
        options: dict[str, Any] = {}
        if draws.case % 3 == 2:
            options["pos_weight"] = draws.rng.choice([0.0, 0.5, 3.0], shape[1:]).tolist()
        return Sample(make(_reduction(variant), **options), x, y.astype(np.float64), weights)

    return draw


def _of_counts(draws: Sampler, variant: str) -> Sample:
    """Rates of 0.1 and above, or any logarithms, and counts with 0 and 1 among them."""
    shape = _any_shape(draws)
    log_input, full = (bool(draws.rng.integers(2)) for _ in range(2))
    x = draws.numbers(*shape) / 2 if log_input else 4 * draws.fractions(*shape)
    y, eps = draws.rng.integers(5, size=shape).astype(np.float64), float(draws.rng.choice([1e-8, 0.125]))
    loss = PoissonNLLModule(_reduction(variant), log_input=log_input, full=full, eps=eps)
    return Sample(loss, x, y, _weights(draws, shape))


def _any_shape(draws: Sampler) -> tuple[int, ...]:
    return draws.shape(int(draws.rng.integers(1, 3, endpoint=True)), most=3)


def _weights(draws: Sampler, losses: tuple[int, ...]) -> dict[str, Any]:
    """In every second case weights of the examples, in every fourth of the losses, with 0 and 2 among them."""
    shape = losses if draws.case % 4 == 3 else losses[:1]
    return {"weight": draws.rng.choice([0.0, 0.5, 1.0, 2.0], shape)} if draws.case % 2 else {}


def _reduction(variant: str) -> Reduction:
    found: dict[str, Reduction] = {name: name for name in get_args(Reduction)}
    return found[variant]


_ENTROPIES: Final = (
    (
        "cross-entropy",
        CrossEntropyModule,
        _probabilities,
        formulas.cross_entropy_losses,
        pytorch.cross_entropy_in_torch,
    ),
    (
        "softmax cross-entropy",
        SoftMaxCrossEntropyModule,
        _scores,
        formulas.of_softmax_losses,
        pytorch.of_softmax_in_torch,
    ),
    ("nll", NLLModule, _logarithms, formulas.nll_losses, pytorch.nll_in_torch),
)
_DISTANCES: Final[tuple[tuple[str, Any, bool, dict[str, Any], Any], ...]] = (
    ("mse", MSEModule, False, {}, formulas.mse_losses),
    ("l1", L1Module, True, {}, formulas.l1_losses),
    ("huber", HuberModule, True, {"delta": (0.25, 1.0, 2.0)}, formulas.huber_losses),
    ("smooth_l1", SmoothL1Module, True, {"beta": (0.0, 0.25, 1.0, 2.0)}, formulas.smooth_l1_losses),
)
_ANSWERS: Final[tuple[tuple[str, Any, bool, Any, Any], ...]] = (
    ("bce", BCEModule, True, formulas.bce_losses, pytorch.bce_in_torch),
    ("bce with logits", BCEWithLogitsModule, False, formulas.bce_with_logits_losses, pytorch.bce_with_logits_in_torch),
)

LOSSES: Final = (
    *(
        _spec(name, module, _of_classes(module, sample), losses, torch, _CLASSES, formulas.class_counts)
        for name, module, sample, losses, torch in _ENTROPIES
    ),
    _spec("hinge", HingeModule, _hinge, formulas.hinge_losses, pytorch.hinge_in_torch, _ROWS, formulas.class_counts),
    _spec(
        "kl divergence",
        KLDivergenceModule,
        _divergence,
        formulas.kl_divergence_losses,
        pytorch.kl_divergence_in_torch,
        _ROWS,
    ),
    *(
        _spec(
            name.replace("_", " "),
            module,
            _of_distances(module, kinked, **choices),
            losses,
            pytorch.elementwise(f"{name}_loss", *choices),
            _VALUES,
        )
        for name, module, kinked, choices, losses in _DISTANCES
    ),
    *(
        _spec(name, module, _of_answers(module, of_probabilities), losses, torch, _VALUES)
        for name, module, of_probabilities, losses, torch in _ANSWERS
    ),
    _spec(
        "poisson nll",
        PoissonNLLModule,
        _of_counts,
        formulas.poisson_nll_losses,
        pytorch.elementwise("poisson_nll_loss", "log_input", "full", "eps"),
        _VALUES,
    ),
)
