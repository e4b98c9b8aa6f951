"""Stochastic gradient descent, plain and with momentum."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby, axpy
from mlp_numpy.checks import FRACTION, flag, number
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer
from mlp_numpy.parallel import shares

# Elements. A kernel of "axpy" rounds once (fused multiply-add) in whole vector registers, and for some processors twice
# in what is left over; parts of whole rows leave the same elements over, however many parts there are.
_ROW: Final = 64


class SGD(Optimizer):
    """Stochastic gradient descent, in place.

        g ← g + wd·w                         (with weight decay)
        v ← μ v + (1 − τ) g                  (with momentum; in the first step v ← g)
        g ← v                                (with momentum)    or    g ← g + μ v    (nesterov)
        w ← w − lr·g

    lr             the learning rate, > 0; may be changed between steps
    momentum       μ in [0, 1)
    dampening      τ in [0, 1): fraction of the gradient that the momentum omits
    nesterov       Nesterov momentum: step along g + μ v
    weight_decay   wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize       ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.SGD``; Sutskever, Martens, Dahl and Hinton 2013, "On the
    importance of initialization and momentum in deep learning", section 2, where the learning rate is part of v.

    Raises OptionError for settings outside these bounds, for dampening or nesterov without momentum, and for both
    together.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float,
        *,
        momentum: float = 0.0,
        dampening: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.momentum = number("SGD", "momentum", momentum, FRACTION)
        self.dampening = number("SGD", "dampening", dampening, FRACTION)
        self.nesterov = flag("SGD", "nesterov", nesterov)
        if (self.dampening or self.nesterov) and not self.momentum:
            raise OptionError("SGD: dampening and nesterov must come with a momentum > 0, got 0.")
        if self.dampening and self.nesterov:
            raise OptionError(f"SGD: nesterov must come without dampening, got dampening={dampening:g}.")
        super().__init__(
            parameters, lr, slots=("v",) if momentum else (), weight_decay=weight_decay, decay=decay, maximize=maximize
        )

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        if self.momentum or self.weight_decay or self.parameters.stretches:
            super().step()
        else:
            self._steps += 1
            w, g, rate = self.parameters.values, self.parameters.grads, self.lr if self.maximize else -self.lr
            rows = shares(-(-len(w) // _ROW), self._n_workers(len(w)))
            parts = [slice(row.start * _ROW, row.stop * _ROW) for row in rows]
            self.workers.run(lambda part: axpy(rate, g[parts[part]], w[parts[part]]), len(parts))  # w ← w ∓ lr·g

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        if self.momentum:
            (v,) = slots
            if self.steps == 1:
                v[...] = g  # v ← g
            else:
                axpby(1 - self.dampening, g, self.momentum, v)  # v ← μ v + (1 − τ) g
            if self.nesterov:
                ahead = np.multiply(v, self.momentum, out=scratch[0])  # g ← g + μ v
                g = np.add(g, ahead, out=ahead)
            else:
                g = v  # g ← v
        axpby(-lr, g, 1, w)  # w ← w − lr·g
