"""The objective of an estimator: losses per example as scikit-learn has them, and its L2 penalty."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules import BCEWithLogitsModule, HuberModule, L1Module, LossModule, MSEModule
from mlp_numpy.optim import FlatParameters, L2Penalty


class _SumOfOutputs(LossModule):
    """Adds up the losses of an example's K outputs, where "mean" of the library's losses averages them; "mean" divides
    by the number of examples. Every loss is multiplied by ``factor``."""

    factor = 1.0
    _scale = 1.0
    _n_outputs = 1

    @property
    def total_weight(self) -> float:
        """The weighted number of examples."""
        return super().total_weight / self._n_outputs

    def forward(self, x: Array, y: Array | None = None, weight: Array | None = None) -> Array:
        loss = super().forward(x, y, weight)
        self._n_outputs = x.size // len(x)
        self._scale = self.factor * (self._n_outputs if self.reduction == "mean" else 1)
        scaled: Array = loss * self._scale
        return scaled

    def backward(self, dout: Array | None = None, y: Array | None = None, weight: Array | None = None) -> Array:
        if y is not None:
            self.forward(np.asarray(dout), y, weight)
            dout = None
        outer: Any = np.ones(self._out_shape, self._out_dtype) if dout is None else dout
        return super().backward(outer * self._scale)


class LabelLoss(_SumOfOutputs, BCEWithLogitsModule):
    """Σₖ of the binary cross-entropies of K labels."""


class SquaredError(_SumOfOutputs, MSEModule):
    """½ Σₖ (xₙₖ − yₙₖ)²"""

    factor = 0.5


class AbsoluteError(_SumOfOutputs, L1Module):
    """Σₖ |xₙₖ − yₙₖ|"""


class HuberError(_SumOfOutputs, HuberModule):
    """Σₖ of the Huber losses of xₙₖ − yₙₖ with δ = 1."""


REGRESSION_LOSSES: Final[dict[str, type[LossModule]]] = {
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": HuberError,
}
"""The losses of a regression by name."""


class BatchPenalty(L2Penalty):
    """The L2 penalty of scikit-learn, which the examples of a batch share.

        P = α/(2 Σₙ vₙ) · Σ w²        ∂P/∂w = α/Σₙ vₙ · w        v the weights of the batch's examples, 1 by default

    ``last`` is α/2 · Σ w² of the weights that it was last added for.
    """

    def __init__(self, parameters: FlatParameters, alpha: float, loss: LossModule) -> None:
        super().__init__(parameters, alpha)
        self.loss = loss
        self.last = 0.0

    def add(self, total_weight: float | None = None) -> float:
        """Add the gradient for the batch of the loss's last forward, or of a ``total_weight``, and return P."""
        total = self.loss.total_weight if total_weight is None else total_weight
        self.last = self.strength / 2 * self._add(self.strength / total) if total else self.value()
        return self.last / total if total else 0.0
