"""Residual connections."""

from __future__ import annotations

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.sequential import Sequential


class Residual(Sequential):
    """A sequence of modules with a shortcut around all of them.

    Forward     out = x + f(x)
    Backward    dx = dout + f′(x)ᵀ dout
    Shapes      x, f(x), out, dout: all the same
    Reference   He et al. 2016, "Deep Residual Learning for Image Recognition", eq. 1

    Raises ShapeError if f changes the shape, OptionError as Sequential does.
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(*modules)
        if self.output_kind != "anything":
            # Probabilities, or their logarithms, plus x are no longer such.
            self.output_kind = "scores"

    def forward(self, x: Array) -> Array:
        """x + f(x)."""
        x = self._check_batch("forward", "x", x)
        change = super().forward(x)
        if change.shape != x.shape:
            raise ShapeError(f"{self!r}.forward: f(x) must have the shape of x, {x.shape}, got {change.shape}.")
        return x + change

    def backward(self, dout: Array) -> Array:
        """∂L/∂x, summed over both paths; the modules fill their ``grads``."""
        dout = self._check_batch("backward", "dout", dout)
        dx = super().backward(dout)
        if dx is None:
            raise ShapeError(
                f"{self!r}.backward: {self[0]!r} gives no gradient to its input. "
                "Hint: a layer with a shortcut around it is no input_layer."
            )
        return dout + dx
