"""NAdam: Adam with Nesterov's momentum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, NOT_NEGATIVE, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, checked_decoupling, mean_of_squares, update_moment


class NAdam(Optimizer):
    """NAdam, in place.

        w ← w − lr·wd·w           (with decoupled weight decay)    or    g ← g + wd·w    (with weight decay)
        μₜ = β₁ (1 − ½ · 0.96^(t·ψ))                               P ← P μₜ, from 1
        m ← m + (1 − β₁)(g − m)
        v ← β₂ v + (1 − β₂) g²
        w ← w − lr · ((1 − μₜ)/(1 − P) · g + μₜ₊₁/(1 − P μₜ₊₁) · m) / (√(v/(1 − β₂ᵗ)) + ε)      in step t = 1, 2, …

    lr                       the learning rate, > 0; may be changed between steps
    beta1, beta2             decay rates of the moment estimates, in [0, 1)
    eps                      added to the denominator, > 0 and no subnormal number of the parameters' dtype
    momentum_decay           ψ ≥ 0: speed at which μ approaches β₁
    weight_decay             wd ≥ 0, of what ``decay`` names: "all" parameters or the "weights"
    decoupled_weight_decay   weight decay applied to the weights instead of the gradient
    maximize                 ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.NAdam``, except that the two parts of the step are added before
    they are divided, and that P is a float64 for every dtype (in PyTorch it has the default dtype, and float32 affects
    the tenth digit of the weights). Dozat 2016, "Incorporating Nesterov Momentum into Adam", algorithm 2.

    Raises OptionError for settings outside these bounds, and for a decoupled weight decay of 0.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 2e-3,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        momentum_decay: float = 4e-3,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        decoupled_weight_decay: bool = False,
        maximize: bool = False,
    ) -> None:
        self.beta1 = number("NAdam", "beta1", beta1, FRACTION)
        self.beta2 = number("NAdam", "beta2", beta2, FRACTION)
        self.momentum_decay = number("NAdam", "momentum_decay", momentum_decay, NOT_NEGATIVE)
        self.decoupled_weight_decay = checked_decoupling("NAdam", decoupled_weight_decay, weight_decay)
        options: dict[str, Any] = {"weight_decay": weight_decay, "decay": decay, "maximize": maximize}
        super().__init__(parameters, lr, slots=("m", "v"), **options)
        self.eps = self._denominator_eps(eps)
        self._kept["mu_product"] = np.ones(())

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        self._kept["mu_product"] *= self._mu(self.steps + 1)  # P ← P μₜ
        super().step()

    def _mu(self, t: int) -> float:
        fading: float = 0.96 ** (t * self.momentum_decay)
        return self.beta1 * (1 - 0.5 * fading)  # μₜ = β₁ (1 − ½ · 0.96^(t·ψ))

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        (m, v), (work, numerator) = slots, scratch
        mu, mu_next, product = self._mu(self.steps), self._mu(self.steps + 1), float(self._kept["mu_product"])
        update_moment(m, g, self.beta1, work)  # m ← m + (1 − β₁)(g − m)
        mean_of_squares(v, g, self.beta2, work)  # v ← β₂ v + (1 − β₂) g²
        np.multiply(g, lr * (1 - mu) / (1 - product), out=numerator)  # lr (1 − μₜ)/(1 − P) · g
        axpby(lr * mu_next / (1 - product * mu_next), m, 1, numerator)  # + lr μₜ₊₁/(1 − P μₜ₊₁) · m
        np.sqrt(v, out=work)  # w ← w − … / (√(v/(1 − β₂ᵗ)) + ε)
        work /= math.sqrt(1 - self.beta2**self.steps)
        work += self.eps
        numerator /= work
        w -= numerator
