"""Gradient accumulation: one gradient from several backward passes, for batches that do not fit in memory."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import NOT_NEGATIVE, choice, number
from mlp_numpy.errors import CallOrderError
from mlp_numpy.modules import Joined, Reduction
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


class Accumulator:
    """Accumulates the gradients of several backward passes, each of which overwrites ``grads``, and writes the total
    there.

        G = Σᵢ Wᵢ gᵢ / Σᵢ Wᵢ        for a loss that is a mean, Wᵢ its total weight over piece i
        G = Σᵢ gᵢ                   for a loss that is a sum

        for x, y in pieces:
            loss.forward(model.forward(x), y)
            model.backward(loss.backward())
            accumulator.add(loss.total_weight)
        accumulator.finish()
        optimizer.step()

    reduction   that of the loss, "mean" or "sum"; see ``Joined``

    For a loss without weights and ignored labels, ``add(len(x))`` suffices. The result is the gradient of the whole
    batch, except for formulas across examples, such as batch norm.

    Raises OptionError for anything but FlatParameters and for another reduction.
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
        """Add the gradients of the last backward pass; ``total_weight`` is that of the piece's loss.

        A piece of ignored examples only has the total weight 0. Raises OptionError unless it is a number ≥ 0.
        """
        total_weight = number("Accumulator.add", "total_weight", total_weight, NOT_NEGATIVE)
        self._count += 1
        if total_weight or self.parameters.grads.any():
            before, part = self._parts.add(total_weight)
            axpby(part, self.parameters.grads, before, self._sum)  # G ← a G + b gᵢ

    def finish(self) -> None:
        """Write the total gradient to ``parameters.grads`` and reset.

        Raises CallOrderError if nothing was added.
        """
        if not self._count:
            raise CallOrderError("Accumulator.finish: gradients must have been added, got none. Hint: call add first.")
        self.parameters.grads[...] = self._sum
        self.clear()

    def clear(self) -> None:
        """Discard the accumulated gradients."""
        self._sum.fill(0)
        self._parts, self._count = Joined(self._parts.reduction), 0

    def __repr__(self) -> str:
        return f"Accumulator({len(self.parameters):,} gradients of the total weight {self.total_weight:g})"
