"""What predictions may be: probabilities, their logarithms, or scores; and what they must not be taken for."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DomainError
from mlp_numpy.modules.base import ValueKind

SLACK: Final = 1e-3
"""So far may a prediction lie outside its domain: float32 rounds a softmax to 1.0000001, a numeric check steps past
the edge by 1e-4."""


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
    """Raise DomainError if a prediction that counts is none of the numbers that it may be, up to SLACK.

    A row of weight 0 is absent and may hold anything. A NaN passes: it stays a NaN in the loss.
    """
    domain = _DOMAINS.get(input_kind)
    if domain is None:
        return
    values = x.real
    low, high = domain.low - SLACK, domain.high + SLACK
    if values.max() <= high and (low == -math.inf or values.min() >= low):
        return
    outside = (values < low) | (values > high)
    if weight is not None:
        outside[weight == 0] = False
    if outside.any():
        place = tuple(int(i) for i in np.argwhere(outside)[0])
        raise DomainError(
            f"{who}: x must hold {domain.words}, got {values[place]} at {list(place)}. Hint: {_HINTS[input_kind]}."
        )


def probability_floor(x: Array) -> Any:
    """The smallest probability whose logarithm is taken: 1/floor times anything up to 1/ε is a number yet."""
    limits = np.finfo(x.dtype)
    return limits.tiny / limits.eps


def are_distributions(x: Array) -> bool:
    """Whether the rows of ``x``, two or more, are plainly probabilities: within (0, 1), and each sums to 1.

    The first row is looked at first, so that of scores hardly more than a number is read. One whose numbers are all
    equal does not say what it is.
    """
    first = x[0].real.tolist()
    if len(x) < 2 or not all(0 < value < 1 for value in first) or len(set(first)) < 2:
        return False
    bound = 16 * len(first) * float(np.finfo(np.float32).eps)
    if not abs(math.fsum(first) - 1) < bound:
        return False
    values = x.real
    return bool(((values > 0) & (values < 1)).all() and (abs(values.sum(axis=1) - 1) < bound).all())
