"""Adamax: Adam with the infinity norm of the gradients."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, update_moment


class Adamax(Optimizer):
    """Adamax, in place.

        g ← g + wd·w                                              (only with weight decay)
        m ← m + (1 − β₁)(g − m)
        u ← max(β₂ u, |g| + ε)
        w ← w − lr/(1 − β₁ᵗ) · m / u                              in step t = 1, 2, …

    lr             the learning rate, > 0; may be changed between steps
    beta1, beta2   decay rates of the mean and of the maximum, in [0, 1)
    eps            added to the sizes of the gradients, > 0
    weight_decay   wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize       ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.Adamax``; Kingma and Ba 2015, "Adam: A Method for Stochastic
    Optimization", algorithm 2, where there is no ε.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 2e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.beta1 = number("Adamax", "beta1", beta1, FRACTION)
        self.beta2 = number("Adamax", "beta2", beta2, FRACTION)
        super().__init__(parameters, lr, slots=("m", "u"), weight_decay=weight_decay, decay=decay, maximize=maximize)
        self.eps = self._denominator_eps(eps)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        (m, u), work = slots, scratch[0]
        update_moment(m, g, self.beta1, work)  # m ← m + (1 − β₁)(g − m)
        np.abs(g, out=work)  # u ← max(β₂ u, |g| + ε)
        work += self.eps
        u *= self.beta2
        np.maximum(u, work, out=u)
        np.divide(m, u, out=work)  # w ← w − lr/(1 − β₁ᵗ) · m / u
        axpby(-lr / (1 - self.beta1**self.steps), work, 1, w)
