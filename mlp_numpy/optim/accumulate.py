"""One gradient from several backwards: a batch that does not fit in memory, in pieces."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import NOT_NEGATIVE, choice, number
from mlp_numpy.errors import CallOrderError
from mlp_numpy.modules import Joined, Reduction
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


class Accumulator:
    """Joins the gradients of several backwards, each of which overwrites ``grads``, and puts the whole batch's there.

        G = Σᵢ Wᵢ gᵢ / Σᵢ Wᵢ        for a loss that is a mean, Wᵢ its total weight over piece i
        G = Σᵢ gᵢ                   for a loss that is a sum

        for x, y in pieces:
            loss.forward(model.forward(x), y)
            model.backward(loss.backward())
            accumulator.add(loss.total_weight)
        accumulator.finish()
        optimizer.step()

    reduction   that of the loss, "mean" or "sum"; see ``Joined``, which holds the rule

    A loss without weights and ignored labels weighs every example alike, and ``add(len(x))`` does for it. This is the
    gradient of the whole batch, unless a formula looks at several examples at a time, as batch norm does.

    Raises OptionError for parameters that are not flat and for another reduction.
    """

    def __init__(self, parameters: FlatParameters, reduction: Reduction = "mean") -> None:
        self.parameters = flat_parameters("Accumulator", parameters)
        choice("Accumulator", "reduction", reduction, ("mean", "sum"))
        self._sum: Array = np.zeros_like(parameters.grads)
        self._parts, self._count = Joined(reduction), 0

    @property
    def total_weight(self) -> float:
        """Σᵢ Wᵢ of the pieces added so far."""
        return self._parts.weight

    def add(self, total_weight: float) -> None:
        """Add the gradients as the backward of a piece has left them; ``total_weight`` is that of its loss.

        A piece in which nothing counts has the total weight 0. Raises OptionError unless it is a number ≥ 0.
        """
        total_weight = number("Accumulator.add", "total_weight", total_weight, NOT_NEGATIVE)
        self._count += 1
        if total_weight or self.parameters.grads.any():
            before, part = self._parts.add(total_weight)
            axpby(part, self.parameters.grads, before, self._sum)  # G ← a G + b gᵢ

    def finish(self) -> None:
        """Write the gradient of the whole to ``parameters.grads`` and start anew.

        Raises CallOrderError if nothing was added.
        """
        if not self._count:
            raise CallOrderError("Accumulator.finish: gradients must have been added, got none. Hint: call add first.")
        self.parameters.grads[...] = self._sum
        self.clear()

    def clear(self) -> None:
        """Forget what was added."""
        self._sum.fill(0)
        self._parts, self._count = Joined(self._parts.reduction), 0

    def __repr__(self) -> str:
        return f"Accumulator({len(self.parameters):,} gradients of the total weight {self.total_weight:g})"
