"""L2 penalty as part of the loss, with its value and gradient."""

from __future__ import annotations

from mlp_numpy.blas import axpy
from mlp_numpy.checks import POSITIVE, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters, flat_parameters


class L2Penalty:
    """An L2 penalty.

        P = λ/2 · Σ w²        ∂P/∂w = λ·w

        loss = loss_module.forward(scores, y) + penalty.value()
        model.backward(loss_module.backward())
        penalty.add()

    strength   λ > 0
    over       the "weights", which are the arrays of two or more dimensions, or "all" parameters

    Because of the ½ the gradient is λ·w: with plain SGD and over="all", a step equals that of weight_decay=λ. The sum
    is not divided by the number of examples.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(self, parameters: FlatParameters, strength: float, *, over: DecayScope = "weights") -> None:
        self.parameters = flat_parameters("L2Penalty", parameters)
        self.strength = number("L2Penalty", "strength", strength, POSITIVE)
        self.over: DecayScope = over
        self._parts = parameters.parts(over)

    def value(self) -> float:
        """λ/2 · Σ w² of the current weights."""
        weights = (self.parameters.values[part] for part in self._parts)
        return self.strength / 2 * sum(float(w.dot(w)) for w in weights)

    def add(self) -> float:
        """Add the penalty's gradient to ``parameters.grads``, to be called after the model's backward.

        Returns the penalty's value.
        """
        return self.strength / 2 * self._add(self.strength)

    def _add(self, factor: float) -> float:
        """g ← g + factor · w; returns Σ w²."""
        squares = 0.0
        for part in self._parts:
            w = self.parameters.values[part]
            axpy(factor, w, self.parameters.grads[part])
            squares += float(w.dot(w))
        return squares

    def __repr__(self) -> str:
        over = "" if self.over == "weights" else f", over={self.over!r}"
        return f"L2Penalty({self.strength:g}{over})"
