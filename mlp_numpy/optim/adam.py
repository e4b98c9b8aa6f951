"""Adam and AdamW: steps scaled by a moving average of squared gradients."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, flag, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, mean_of_squares, update_moment


class Rates(NamedTuple):
    """The numbers in a step of Adam: learning rate, β₁, β₂, ε and t."""

    lr: float
    beta1: float
    beta2: float
    eps: float
    t: int


def adam_update(w: Array, g: Array, slots: list[Array], work: Array, rates: Rates) -> None:
    """The update of Adam for one block, with the slots m and v, or m, v and u for AMSGrad."""
    m, v, *largest = slots
    update_moment(m, g, rates.beta1, work)  # m ← m + (1 − β₁)(g − m)
    mean_of_squares(v, g, rates.beta2, work)  # v ← β₂ v + (1 − β₂) g²
    for u in largest:
        v = np.maximum(u, v, out=u)  # u ← max(u, v)
    c = math.sqrt(1 - rates.beta2**rates.t)
    np.sqrt(v, out=work)  # w ← w − lr·c/(1 − β₁ᵗ) · m / (√v + c·ε)
    work += c * rates.eps
    np.divide(m, work, out=work)
    axpby(-rates.lr * c / (1 - rates.beta1**rates.t), work, 1, w)


class Adam(Optimizer):
    """Adam, in place.

        g ← g + wd·w                                              (only with weight decay)
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        u ← max(u, v)                                             (only with amsgrad, and u for v below)
        w ← w − lr/(1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
          = w − lr·c/(1 − β₁ᵗ) · m / (√v + c·ε)                   c = √(1 − β₂ᵗ), in step t = 1, 2, …

    lr             the learning rate, > 0; may be changed between steps
    beta1, beta2   decay rates of the moment estimates, in [0, 1)
    eps            added to the denominator, > 0 and no subnormal number of the parameters' dtype
    amsgrad        divide by the largest v so far
    weight_decay   wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize       ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.Adam``, except for the factor c, which saves one pass over the
    vector; Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1, and section 2 for c. amsgrad:
    Reddi, Kale and Kumar 2018, "On the Convergence of Adam and Beyond", algorithm 2.

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
        decay: DecayScope = "all",
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        who = type(self).__name__
        self.beta1 = number(who, "beta1", beta1, FRACTION)
        self.beta2 = number(who, "beta2", beta2, FRACTION)
        self.amsgrad = flag(who, "amsgrad", amsgrad)
        slots = ("m", "v", "u") if self.amsgrad else ("m", "v")
        super().__init__(parameters, lr, slots=slots, weight_decay=weight_decay, decay=decay, maximize=maximize)
        self.eps = self._denominator_eps(eps)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        rates = Rates(lr, self.beta1, self.beta2, self.eps, self.steps)
        adam_update(w, g, slots, scratch[0], rates)


class AdamW(Adam):
    """Adam with decoupled weight decay, in place.

        w ← w − lr·wd·w
        and then as Adam without weight decay

    weight_decay   wd ≥ 0, of what ``decay`` names: "all" parameters or the "weights"

    The other settings are Adam's; formula and order of operations as in ``torch.optim.AdamW``; Loshchilov and Hutter
    2019, "Decoupled Weight Decay Regularization", algorithm 2 (where wd is not multiplied by lr, but by the factor of a
    schedule).

    Raises OptionError for settings outside their bounds.
    """

    decoupled_weight_decay = True

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 1e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        decay: DecayScope = "all",
        amsgrad: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            parameters,
            lr,
            beta1=beta1,
            beta2=beta2,
            eps=eps,
            weight_decay=weight_decay,
            decay=decay,
            amsgrad=amsgrad,
            maximize=maximize,
        )
