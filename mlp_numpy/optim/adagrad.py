"""Adagrad: steps scaled by the sum of all squared gradients."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import NOT_NEGATIVE, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer


class Adagrad(Optimizer):
    """Adagrad, in place.

        g ← g + wd·w                                              (only with weight decay)
        s ← s + g²
        w ← w − lr/(1 + (t − 1)·d) · g / (√s + ε)                 in step t = 1, 2, …

    lr                          the learning rate, > 0; may be changed between steps
    lr_decay                    d ≥ 0, decay of the learning rate
    initial_accumulator_value   initial value of s, ≥ 0
    eps                         added to the denominator, > 0 and no subnormal number of the parameters' dtype
    weight_decay                wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize                    ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.Adagrad``; Duchi, Hazan and Singer 2011, "Adaptive Subgradient
    Methods for Online Learning and Stochastic Optimization", figure 1 with diagonal matrices.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 1e-2,
        *,
        lr_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.lr_decay = number("Adagrad", "lr_decay", lr_decay, NOT_NEGATIVE)
        start = number("Adagrad", "initial_accumulator_value", initial_accumulator_value, NOT_NEGATIVE)
        self.initial_accumulator_value = start
        super().__init__(parameters, lr, slots=("s",), weight_decay=weight_decay, decay=decay, maximize=maximize)
        self.eps = self._denominator_eps(eps)
        self._slots["s"] += start

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        (s,), work = slots, scratch[0]
        np.multiply(g, g, out=work)  # s ← s + g²
        s += work
        np.sqrt(s, out=work)  # w ← w − lr/(1 + (t − 1)·d) · g / (√s + ε)
        work += self.eps
        np.divide(g, work, out=work)
        axpby(-lr / (1 + (self.steps - 1) * self.lr_decay), work, 1, w)
