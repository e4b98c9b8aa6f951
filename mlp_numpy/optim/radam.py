"""RAdam: Adam whose first steps are those of momentum, until the variance of its denominator is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, checked_decoupling, mean_of_squares, update_moment


class RAdam(Optimizer):
    """Rectified Adam, in place.

        w ← w − lr·wd·w           (with decoupled weight decay)    or    g ← g + wd·w    (with weight decay)
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        ρₜ = ρ − 2 t β₂ᵗ/(1 − β₂ᵗ)                                ρ = 2/(1 − β₂) − 1
        w ← w − lr/(1 − β₁ᵗ) · m                                  if ρₜ ≤ 5, else
        w ← w − lr·rₜ/(1 − β₁ᵗ) · m √(1 − β₂ᵗ) / (√v + ε)         in step t = 1, 2, …
        rₜ = √((ρₜ − 4)(ρₜ − 2)ρ / ((ρ − 4)(ρ − 2)ρₜ))

    lr                       the learning rate, > 0; may be changed between steps
    beta1, beta2             decay rates of the moment estimates, in [0, 1)
    eps                      added to the denominator, > 0 and no subnormal number of the parameters' dtype
    weight_decay             wd ≥ 0, of what ``decay`` names: "all" parameters or the "weights"
    decoupled_weight_decay   weight decay applied to the weights instead of the gradient
    maximize                 ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.RAdam``; Liu et al. 2020, "On the Variance of the Adaptive
    Learning Rate and Beyond", algorithm 2, where the bound of ρₜ is 4.

    Raises OptionError for settings outside these bounds, and for a decoupled weight decay of 0.
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
        decay: DecayScope = "all",
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ) -> None:
        self.beta1 = number("RAdam", "beta1", beta1, FRACTION)
        self.beta2 = number("RAdam", "beta2", beta2, FRACTION)
        self.decoupled_weight_decay = checked_decoupling("RAdam", decoupled_weight_decay, weight_decay)
        options: dict[str, Any] = {"weight_decay": weight_decay, "decay": decay, "maximize": maximize}
        super().__init__(parameters, lr, slots=("m", "v"), **options)
        self.eps = self._denominator_eps(eps)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        (m, v), work, t = slots, scratch[0], self.steps
        update_moment(m, g, self.beta1, work)  # m ← m + (1 − β₁)(g − m)
        mean_of_squares(v, g, self.beta2, work)  # v ← β₂ v + (1 − β₂) g²
        lr, correction = lr / (1 - self.beta1**t), 1 - self.beta2**t
        rho = 2 / (1 - self.beta2) - 1
        rho_t = rho - 2 * t * self.beta2**t / correction
        if rho_t <= 5:
            axpby(-lr, m, 1, w)  # w ← w − lr/(1 − β₁ᵗ) · m
            return
        r = math.sqrt((rho_t - 4) * (rho_t - 2) * rho / ((rho - 4) * (rho - 2) * rho_t))
        np.sqrt(v, out=work)  # w ← w − lr·rₜ/(1 − β₁ᵗ) · m √(1 − β₂ᵗ) / (√v + ε)
        work += self.eps
        np.divide(m, work, out=work)
        axpby(-lr * r * math.sqrt(correction), work, 1, w)
