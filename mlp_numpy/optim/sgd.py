"""Stochastic gradient descent."""

from __future__ import annotations

import math

import numpy as np

from mlp_numpy.blas import axpy
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.flat import FlatParameters


class SGD:
    """Plain stochastic gradient descent, in place.

        w ← w − lr·g

    lr   the learning rate, > 0; may be changed between steps

    Raises OptionError for a learning rate that is not a positive finite number.
    """

    def __init__(self, parameters: FlatParameters, lr: float) -> None:
        if not isinstance(parameters, FlatParameters):
            kind = type(parameters).__name__
            raise OptionError(f"SGD: parameters must be FlatParameters, got {kind}. Hint: FlatParameters(model).")
        if not isinstance(lr, float | int | np.number) or not 0 < lr < math.inf:
            raise OptionError(f"SGD: lr must be a number > 0, got {lr!r}.")
        self.parameters = parameters
        self.lr = float(lr)

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        axpy(-self.lr, self.parameters.grads, self.parameters.values)  # w ← w − lr·g

    def __repr__(self) -> str:
        return f"SGD(lr={self.lr:g})"
