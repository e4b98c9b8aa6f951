"""One gradient from several backwards: a batch that does not fit in memory, in pieces."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpy
from mlp_numpy.checks import whole_number
from mlp_numpy.errors import CallOrderError
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


class Accumulator:
    """Sums the gradients of several backwards, each of which overwrites ``grads``, and puts their mean there.

        G = Σᵢ nᵢ gᵢ / Σᵢ nᵢ        over the pieces of a batch, of nᵢ examples each

        for x, y in pieces:
            loss.forward(model.forward(x), y)
            model.backward(loss.backward())
            accumulator.add(len(x))
        accumulator.finish()
        optimizer.step()

    With a loss that is the mean over its examples this is the gradient of the whole batch, unless a formula looks at
    several examples at a time, as batch norm does.
    """

    def __init__(self, parameters: FlatParameters) -> None:
        self.parameters = flat_parameters("Accumulator", parameters)
        self._sum: Array = np.zeros_like(parameters.grads)
        self.n_examples = 0

    def add(self, n_examples: int) -> None:
        """Add the gradients as the backward of ``n_examples`` examples has left them.

        Raises OptionError unless that is a whole number > 0.
        """
        n_examples = whole_number("Accumulator.add", "n_examples", n_examples)
        axpy(float(n_examples), self.parameters.grads, self._sum)  # Σᵢ nᵢ gᵢ
        self.n_examples += n_examples

    def finish(self) -> None:
        """Write the mean gradient to ``parameters.grads`` and start anew.

        Raises CallOrderError if nothing was added.
        """
        if not self.n_examples:
            raise CallOrderError("Accumulator.finish: gradients must have been added, got none. Hint: call add first.")
        np.divide(self._sum, self.n_examples, out=self.parameters.grads)  # G = Σᵢ nᵢ gᵢ / Σᵢ nᵢ
        self._sum.fill(0)
        self.n_examples = 0

    def __repr__(self) -> str:
        return f"Accumulator({len(self.parameters):,} gradients of {self.n_examples} examples)"
