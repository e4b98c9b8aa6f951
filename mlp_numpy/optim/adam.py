"""Adam: steps scaled by the running mean of the squared gradient."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.flat import FlatParameters

# Elements updated at a time: the six slices a block works on stay in the cache from one line to the next.
_BLOCK: Final = 32768


class Adam:
    """Adam, in place.

        g ← g + wd·w                                              (only with weight decay)
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        w ← w − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)

    lr             the learning rate, > 0; may be changed between steps
    beta1, beta2   how much of the running means is kept, in [0, 1)
    eps            what keeps the division finite, > 0
    weight_decay   wd ≥ 0, an L2 penalty on every parameter, as PyTorch has it (and not AdamW's decay)

    Formula and order of operations are those of ``torch.optim.Adam``; Kingma and Ba 2015, "Adam: A Method for
    Stochastic Optimization", algorithm 1. ``grads`` itself is left as backward wrote it.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        if not isinstance(parameters, FlatParameters):
            kind = type(parameters).__name__
            raise OptionError(f"Adam: parameters must be FlatParameters, got {kind}. Hint: FlatParameters(model).")
        for name, value, holds, bounds in (
            ("lr", lr, 0 < lr < math.inf, "> 0"),
            ("beta1", beta1, 0 <= beta1 < 1, "in [0, 1)"),
            ("beta2", beta2, 0 <= beta2 < 1, "in [0, 1)"),
            ("eps", eps, 0 < eps < math.inf, "> 0"),
            ("weight_decay", weight_decay, 0 <= weight_decay < math.inf, "≥ 0"),
        ):
            if not holds:
                raise OptionError(f"Adam: {name} must be a number {bounds}, got {value!r}.")
        self.parameters = parameters
        self.lr, self.beta1, self.beta2 = float(lr), float(beta1), float(beta2)
        self.eps, self.weight_decay = float(eps), float(weight_decay)
        self.steps = 0
        self._m: Array = np.zeros_like(parameters.values)
        self._v: Array = np.zeros_like(parameters.values)
        block = min(_BLOCK, len(parameters))
        self._decayed, self._scratch = (np.empty(block, parameters.values.dtype) for _ in range(2))

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        self.steps += 1
        for start in range(0, len(self.parameters), _BLOCK):
            self._update(slice(start, min(start + _BLOCK, len(self.parameters))))

    def _update(self, block: slice) -> None:
        w, g = self.parameters.values[block], self.parameters.grads[block]
        m, v = self._m[block], self._v[block]
        scratch = self._scratch[: w.size]
        if self.weight_decay:
            g = np.multiply(w, self.weight_decay, out=self._decayed[: w.size])  # g ← g + wd·w
            g += self.parameters.grads[block]
        np.subtract(g, m, out=scratch)  # m ← m + (1 − β₁)(g − m)
        scratch *= 1 - self.beta1
        m += scratch
        v *= self.beta2  # v ← β₂ v + (1 − β₂) g²
        np.multiply(g, g, out=scratch)
        scratch *= 1 - self.beta2
        v += scratch
        np.sqrt(v, out=scratch)  # w ← w − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
        scratch /= math.sqrt(1 - self.beta2**self.steps)
        scratch += self.eps
        np.divide(m, scratch, out=scratch)
        scratch *= self.lr / (1 - self.beta1**self.steps)
        w -= scratch

    def __repr__(self) -> str:
        decay = f", weight_decay={self.weight_decay:g}" if self.weight_decay else ""
        return f"Adam(lr={self.lr:g}{decay})"
