"""The specs of losses; their variants are the reductions. In every second case the examples have weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, get_args

import numpy as np

from mlp_numpy.arrays import Array, one_hot
from mlp_numpy.autodiff import TensorNode, where
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.activations import softmax_reference
from mlp_numpy.checking.specs.spec import Draw, Params, Shapes, Spec, Tensor, TorchReference
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


def _cross_entropy_reference(
    module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None
) -> TensorNode:
    """− Σᵢ yᵢ log xᵢ"""
    return _nll_reference(module, params, x.log(), y, weight)


def _softmax_cross_entropy_reference(
    module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None
) -> TensorNode:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    return _cross_entropy_reference(module, params, softmax_reference(module, params, x), y, weight)


def _nll_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− Σᵢ ωᵢ ((1 − ε) yᵢ + ε/C) xᵢ, 0 where y is to be ignored"""
    n_classes = x.shape[1]
    rows, present = _rows(module, y, n_classes)
    omega = _class_weight(module, n_classes)
    mixed = (1 - module.label_smoothing) * rows + module.label_smoothing / n_classes
    losses = -(present[:, np.newaxis] * omega * mixed * x).sum(axis=1)
    return _reduced(module, losses, weight, np.ones(len(y)) if y.ndim == 2 else present * (rows @ omega))


def _hinge_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """ω at y · Σ_{i ≠ y} max(0, xᵢ − x_y + Δ)"""
    right, present = _rows(module, y, x.shape[1])
    margins = x - (x * right).sum(axis=1, keepdims=True) + module.margin
    factor = present * (right @ _class_weight(module, x.shape[1]))
    return _reduced(module, factor * (margins.relu() * (1 - right)).sum(axis=1), weight, factor)


def _kl_divergence_reference(
    module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None
) -> TensorNode:
    """Σᵢ yᵢ (log yᵢ − xᵢ), where 0 log 0 = 0"""
    logarithms = np.log(y, out=np.zeros_like(y), where=y > 0)
    return _reduced(module, (y * (logarithms - x)).sum(axis=1), weight)


def _mse_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """(x − y)²"""
    return _reduced(module, (x - y) ** 2, weight)


def _l1_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """max(0, x − y) + max(0, y − x), at 0 with the slope 0 of both"""
    return _reduced(module, _size(x - y), weight)


def _huber_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """½ r² up to δ, δ (|r| − ½ δ) beyond"""
    size = _size(x - y)
    losses = where(size.value.real <= module.delta, size * size / 2, module.delta * (size - module.delta / 2))
    return _reduced(module, losses, weight)


def _bce_reference(module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None) -> TensorNode:
    """− y log x − (1 − y) log(1 − x)"""
    return _reduced(module, -(y * x.log() + (1 - y) * (1 - x).log()), weight)


def _bce_with_logits_reference(
    module: Any, params: Params, x: TensorNode, y: Array, weight: Array | None = None
) -> TensorNode:
    """− y log σ(x) − (1 − y) log σ(−x)"""
    return _reduced(module, y * (1 + (-x).exp()).log() + (1 - y) * (1 + x.exp()).log(), weight)


def _size(r: TensorNode) -> TensorNode:
    return r.relu() + (-r).relu()


def _rows(module: Any, y: Array, n_classes: int) -> tuple[Array, Array]:
    """Labels as rows (N, C), and which of them count."""
    if y.ndim == 2:
        return y, np.ones(len(y))
    present = np.ones(len(y), bool) if module.ignore_index is None else y != module.ignore_index
    return one_hot(np.where(present, y, 0), n_classes), present.astype(float)


def _class_weight(module: Any, n_classes: int) -> Array:
    return np.ones(n_classes) if module.class_weight is None else np.asarray(module.class_weight)


def _reduced(module: Any, losses: TensorNode, weight: Array | None, counts: Array | None = None) -> TensorNode:
    """The losses times the weights v of their examples: unreduced, summed, or divided by Σ v ``counts``.

    counts   count of each loss in the mean, 1 by default
    """
    v = np.ones(len(losses.value)) if weight is None else weight
    v = v.reshape(-1, *(1,) * (losses.ndim - 1))
    weighed: TensorNode = losses * v
    if module.reduction == "none":
        return weighed
    total = (v * (np.ones(losses.shape) if counts is None else counts)).sum()
    return weighed.sum() / (total or np.inf) if module.reduction == "mean" else weighed.sum()


def _of_numbers_in_torch(name: str, arguments: Callable[[Any], dict[str, Any]] | None = None) -> TorchReference:
    """An elementwise loss of ``torch.nn.functional``."""

    def twin(
        torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
    ) -> Tensor:
        keywords = {} if arguments is None else arguments(module)
        loss = getattr(torch.nn.functional, name)
        if weight is None:
            return loss(x, y, reduction=module.reduction, **keywords)
        return _reduced_in_torch(torch, module, loss(x, y, reduction="none", **keywords), weight)

    return twin


def _cross_entropy_in_torch(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ log xᵢ; PyTorch has it of logarithms"""
    return _nll_in_torch(torch, module, params, x.log(), y, weight)


def _softmax_cross_entropy_in_torch(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ log softmax(x)ᵢ"""
    options = {"weight": _class_weight_in_torch(torch, module), "label_smoothing": module.label_smoothing}
    options |= {"ignore_index": _ignored(module)}
    if weight is None:
        return torch.nn.functional.cross_entropy(x, y, reduction=module.reduction, **options)
    losses = torch.nn.functional.cross_entropy(x, y, reduction="none", **options)
    return _reduced_in_torch(torch, module, losses, weight, _counts(torch, module, x, y))


def _nll_in_torch(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """− Σᵢ yᵢ xᵢ; PyTorch has it for whole labels without smoothing"""
    omega, smoothing = _class_weight_in_torch(torch, module), module.label_smoothing
    plain = torch.nn.functional.nll_loss
    if weight is None and y.ndim == 1 and not smoothing:
        return plain(x, y, omega, ignore_index=_ignored(module), reduction=module.reduction)
    omega = torch.ones(x.shape[1], dtype=x.dtype) if omega is None else omega
    if y.ndim == 2:
        losses = -(omega * ((1 - smoothing) * y + smoothing / x.shape[1]) * x).sum(dim=1)
    else:
        right = plain(x, y, omega, ignore_index=_ignored(module), reduction="none")
        even = -(omega * x).mean(dim=1) * (y != _ignored(module))
        losses = (1 - smoothing) * right + smoothing * even
    return _reduced_in_torch(torch, module, losses, weight, _counts(torch, module, x, y))


def _hinge_in_torch(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Σ_{i ≠ y} max(0, xᵢ − x_y + Δ); PyTorch divides it by C, its mean by N for any weights, and ignores no label"""
    omega = _class_weight_in_torch(torch, module)
    present = y != _ignored(module)
    losses = torch.nn.functional.multi_margin_loss(
        x, torch.where(present, y, 0), margin=module.margin, weight=omega, reduction="none"
    )
    return _reduced_in_torch(torch, module, losses * x.shape[1] * present, weight, _counts(torch, module, x, y))


def _kl_divergence_in_torch(
    torch: Any, module: Any, params: Sequence[Tensor], x: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Σᵢ yᵢ (log yᵢ − xᵢ)"""
    loss = torch.nn.functional.kl_div
    if weight is None and module.reduction != "none":
        return loss(x, y, reduction={"mean": "batchmean"}.get(module.reduction, module.reduction))
    return _reduced_in_torch(torch, module, loss(x, y, reduction="none").sum(dim=1), weight)


def _class_weight_in_torch(torch: Any, module: Any) -> Tensor | None:
    return None if module.class_weight is None else torch.tensor(module.class_weight)


def _ignored(module: Any) -> int:
    return -100 if module.ignore_index is None else module.ignore_index


def _counts(torch: Any, module: Any, x: Tensor, y: Tensor) -> Tensor:
    """The count of each example in the mean."""
    if y.ndim == 2:
        return torch.ones(len(y), dtype=x.dtype)
    omega = _class_weight_in_torch(torch, module)
    omega = torch.ones(x.shape[1], dtype=x.dtype) if omega is None else omega
    present = y != _ignored(module)
    return omega[torch.where(present, y, 0)] * present


def _reduced_in_torch(
    torch: Any, module: Any, losses: Tensor, weight: Tensor | None, counts: Tensor | None = None
) -> Tensor:
    v = torch.ones(len(losses), dtype=losses.dtype) if weight is None else weight
    v = v.reshape(-1, *(1,) * (losses.ndim - 1))
    weighed = v * losses
    if module.reduction == "none":
        return weighed
    total = float((v * (torch.ones_like(losses) if counts is None else counts)).sum())
    return weighed.sum() / (total or torch.inf) if module.reduction == "mean" else weighed.sum()


def _of_classes(make: Callable[..., LossModule], sample: Callable[[Sampler, int, int], Array]) -> Draw:
    """A loss of rows of classes, in some cases with class weights, smoothed labels or some to be ignored."""

    def draw(draws: Sampler, variant: str) -> Sample:
        n, c = draws.shape(2)
        x = sample(draws, n, c)
        y, options = _labels(draws, draws.labels(n, c), c)
        if draws.rng.random() < 0.5:
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
    return Sample(KLDivergenceModule(_reduction(variant)), _logarithms(draws, n, c), labels, _weights(draws, n))


def _of_distances(make: Callable[..., LossModule], kinked: bool, **choices: Sequence[float]) -> Draw:
    """A loss of differences x − y, which in cases without ties are near no kink: at 0, or at an option, of which
    there are ``choices``."""

    def draw(draws: Sampler, variant: str) -> Sample:
        options = {name: float(draws.rng.choice(values)) for name, values in choices.items()}
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


def _no_scores(module: Any) -> Shapes:
    """What is no batch (N, C)."""
    return [(3,), (2, 0), (2, 2, 2)]


def _no_numbers(module: Any) -> Shapes:
    """What holds no number, and a shape that no labels have."""
    return [(2, 0), (2, 3, 0), (99, 7)]


_ALL: Final = get_args(Reduction)

LOSSES: Final = (
    Spec(
        "cross-entropy",
        CrossEntropyModule,
        _of_classes(CrossEntropyModule, _probabilities),
        _cross_entropy_reference,
        _cross_entropy_in_torch,
        _ALL,
        wrong_shapes=_no_scores,
    ),
    Spec(
        "softmax cross-entropy",
        SoftMaxCrossEntropyModule,
        _of_classes(SoftMaxCrossEntropyModule, _scores),
        _softmax_cross_entropy_reference,
        _softmax_cross_entropy_in_torch,
        _ALL,
        wrong_shapes=_no_scores,
    ),
    Spec(
        "nll",
        NLLModule,
        _of_classes(NLLModule, _logarithms),
        _nll_reference,
        _nll_in_torch,
        _ALL,
        wrong_shapes=_no_scores,
    ),
    Spec("hinge", HingeModule, _hinge, _hinge_reference, _hinge_in_torch, _ALL, wrong_shapes=_no_scores),
    Spec(
        "kl divergence",
        KLDivergenceModule,
        _divergence,
        _kl_divergence_reference,
        _kl_divergence_in_torch,
        _ALL,
        wrong_shapes=_no_scores,
    ),
    Spec(
        "mse",
        MSEModule,
        _of_distances(MSEModule, kinked=False),
        _mse_reference,
        _of_numbers_in_torch("mse_loss"),
        _ALL,
        wrong_shapes=_no_numbers,
    ),
    Spec(
        "l1",
        L1Module,
        _of_distances(L1Module, kinked=True),
        _l1_reference,
        _of_numbers_in_torch("l1_loss"),
        _ALL,
        wrong_shapes=_no_numbers,
    ),
    Spec(
        "huber",
        HuberModule,
        _of_distances(HuberModule, kinked=True, delta=(0.25, 1.0, 2.0)),
        _huber_reference,
        _of_numbers_in_torch("huber_loss", lambda module: {"delta": module.delta}),
        _ALL,
        wrong_shapes=_no_numbers,
    ),
    Spec(
        "bce",
        BCEModule,
        _of_answers(BCEModule, of_probabilities=True),
        _bce_reference,
        _of_numbers_in_torch("binary_cross_entropy"),
        _ALL,
        wrong_shapes=_no_numbers,
    ),
    Spec(
        "bce with logits",
        BCEWithLogitsModule,
        _of_answers(BCEWithLogitsModule, of_probabilities=False),
        _bce_with_logits_reference,
        _of_numbers_in_torch("binary_cross_entropy_with_logits"),
        _ALL,
        wrong_shapes=_no_numbers,
    ),
)
