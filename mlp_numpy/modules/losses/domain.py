"""Domain checks of predictions: probabilities, log-probabilities, or scores."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DomainError
from mlp_numpy.modules.base import ValueKind

SLACK: Final = 1e-3
"""Tolerance for predictions outside their domain: float32 rounds a softmax to 1.0000001, a numeric check steps past the
bound by 1e-4."""


class _Domain(NamedTuple):
    low: float
    high: float
    words: str


_DOMAINS: Final[dict[ValueKind, _Domain]] = {
    "probabilities": _Domain(0, 1, "probabilities in [0, 1]"),
    "log-probabilities": _Domain(-math.inf, 0, "logarithms of probabilities, ≤ 0"),
}
_HINTS: Final[dict[ValueKind, str]] = {
    "probabilities": "for scores take SoftMaxCrossEntropyModule or BCEWithLogitsModule",
    "log-probabilities": "for scores take SoftMaxCrossEntropyModule, or LogSoftMaxModule before the loss",
}


def check_domain(who: str, input_kind: ValueKind, x: Array, weight: Array | None) -> None:
    """Raise DomainError if a prediction lies outside the domain of ``input_kind`` by more than SLACK.

    Rows of weight 0 are not checked. A NaN is accepted and results in a NaN loss.
    """
    domain = _DOMAINS.get(input_kind)
    if domain is not None:
        low, high = domain.low - SLACK, domain.high + SLACK
        check_bounds(who, x, weight, low, high, domain.words, _HINTS[input_kind])


def check_bounds(who: str, x: Array, weight: Array | None, low: float, high: float, words: str, hint: str) -> None:
    """Raise DomainError if a prediction without weight 0 lies outside [low, high].

    weight   (N,), as x, or (N, …) for x (N, C, …)
    """
    values = x.real
    if (high == math.inf or values.max() <= high) and (low == -math.inf or values.min() >= low):
        return
    outside = (values < low) | (values > high)
    if weight is not None:
        rows = outside if weight.ndim == 1 or weight.shape == x.shape else np.moveaxis(outside, 1, -1)
        rows[weight == 0] = False
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise DomainError(f"{who}: x must hold {words}, got {values[place]} at {list(place)}. Hint: {hint}.")


def are_distributions(x: Array) -> bool:
    """True if the rows of ``x``, at least two, are evidently probabilities: within (0, 1), with sums of 1.

    The first row is tested first, so that scores are rejected quickly. A first row of equal values is inconclusive.
    """
    if len(x) < 2:
        return False
    first = x[0].real.tolist()
    if not 0 < min(first) < max(first) < 1:
        return False
    bound = 16 * len(first) * float(np.finfo(np.float32).eps)
    if not abs(math.fsum(first) - 1) < bound:
        return False
    values = x.real
    return bool(((values > 0) & (values < 1)).all() and (abs(values.sum(axis=1) - 1) < bound).all())
