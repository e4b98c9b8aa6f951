"""Adadelta: steps in the units of the parameters, scaled by the moving averages of squared steps and gradients."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, mean_of_squares


class Adadelta(Optimizer):
    """Adadelta, in place.

        g ← g + wd·w                                              (only with weight decay)
        v ← ρ v + (1 − ρ) g²
        Δ = √(d + ε) / √(v + ε) · g
        d ← ρ d + (1 − ρ) Δ²
        w ← w − lr·Δ

    lr             the learning rate, > 0; may be changed between steps
    rho            ρ in [0, 1), decay rate of both averages
    eps            added to both averages, > 0; the first steps are as long as √ε
    weight_decay   wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize       ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.Adadelta``; Zeiler 2012, "ADADELTA: An Adaptive Learning Rate
    Method", algorithm 1, where lr is 1.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 1.0,
        *,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.rho = number("Adadelta", "rho", rho, FRACTION)
        super().__init__(parameters, lr, slots=("v", "d"), weight_decay=weight_decay, decay=decay, maximize=maximize)
        self.eps = self._denominator_eps(eps)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        (v, d), (delta, work) = slots, scratch
        mean_of_squares(v, g, self.rho, work)  # v ← ρ v + (1 − ρ) g²
        np.sqrt(np.add(d, self.eps, out=delta), out=delta)  # Δ = √(d + ε) / √(v + ε) · g
        delta /= np.sqrt(np.add(v, self.eps, out=work), out=work)
        delta *= g
        mean_of_squares(d, delta, self.rho, work)  # d ← ρ d + (1 − ρ) Δ²
        axpby(-lr, delta, 1, w)  # w ← w − lr·Δ
