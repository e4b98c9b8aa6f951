"""The rows of losses: the variants of each are its reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

from mlp_numpy.audit import compositions, twins
from mlp_numpy.audit.draws import Draws, Sample
from mlp_numpy.audit.row import Draw, Row
from mlp_numpy.modules import CrossEntropyModule, LossModule, Reduction, SoftMaxCrossEntropyModule


def _classification(make: Callable[[Reduction], LossModule], on_scores: bool) -> Draw:
    """A loss of rows of classes; the variant is its reduction."""

    def draw(draws: Draws, variant: str) -> Sample:
        n, c = draws.shape(2)
        x = draws.numbers(n, c) if on_scores else draws.probabilities(n, c)
        return Sample(make(_reduction(variant)), x, draws.labels(n, c))

    return draw


def _reduction(variant: str) -> Reduction:
    found: dict[str, Reduction] = {name: name for name in get_args(Reduction)}
    return found[variant]


_REDUCTIONS: Final = get_args(Reduction)

LOSSES: Final = (
    Row(
        "cross-entropy",
        CrossEntropyModule,
        _classification(CrossEntropyModule, on_scores=False),
        compositions.cross_entropy,
        twins.cross_entropy,
        _REDUCTIONS,
    ),
    Row(
        "softmax cross-entropy",
        SoftMaxCrossEntropyModule,
        _classification(SoftMaxCrossEntropyModule, on_scores=True),
        compositions.softmax_cross_entropy,
        twins.softmax_cross_entropy,
        _REDUCTIONS,
    ),
)
