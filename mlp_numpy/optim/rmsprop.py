"""RMSprop: steps scaled by a moving average of squared gradients."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import FRACTION, flag, number
from mlp_numpy.optim.flat import DecayScope, FlatParameters
from mlp_numpy.optim.optimizer import Optimizer, mean_of_squares, update_moment


class RMSprop(Optimizer):
    """RMSprop, in place.

        g ← g + wd·w                                              (only with weight decay)
        v ← α v + (1 − α) g²
        m ← m + (1 − α)(g − m)                                    (only centered)
        r = √v + ε                     or    r = √max(0, v − m²) + ε    (centered)
        b ← μ b + g / r;  w ← w − lr·b                            (with momentum)
        w ← w − lr · g / r                                        (without)

    lr             the learning rate, > 0; may be changed between steps
    alpha          α in [0, 1), decay rate of the moment estimates
    eps            added to the denominator, > 0 and no subnormal number of the parameters' dtype
    momentum       μ in [0, 1)
    centered       scale by the moving variance of the gradient instead of its mean square
    weight_decay   wd ≥ 0, an L2 penalty on what ``decay`` names: "all" parameters or the "weights"
    maximize       ascend: g ← −g before everything else

    Formula and order of operations as in ``torch.optim.RMSprop``; Tieleman and Hinton 2012, "Neural Networks for
    Machine Learning", lecture 6.5, centered as in Graves 2013, "Generating Sequences With Recurrent Neural Networks",
    equations 38 to 41 (where ε is inside the root). v − m² is a variance, negative only by rounding, for constant
    gradients, where PyTorch returns NaN. The maximum avoids this.

    Raises OptionError for settings outside these bounds.
    """

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float = 1e-2,
        *,
        alpha: float = 0.99,
        eps: float = 1e-8,
        momentum: float = 0.0,
        centered: bool = False,
        weight_decay: float = 0.0,
        decay: DecayScope = "all",
        maximize: bool = False,
    ) -> None:
        self.alpha = number("RMSprop", "alpha", alpha, FRACTION)
        self.momentum = number("RMSprop", "momentum", momentum, FRACTION)
        self.centered = flag("RMSprop", "centered", centered)
        slots = ("v", *(["m"] if self.centered else []), *(["b"] if self.momentum else []))
        super().__init__(parameters, lr, slots=slots, weight_decay=weight_decay, decay=decay, maximize=maximize)
        self.eps = self._denominator_eps(eps)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        v, work = slots[0], scratch[0]
        mean_of_squares(v, g, self.alpha, work)  # v ← α v + (1 − α) g²
        if self.centered:
            m = slots[1]
            update_moment(m, g, self.alpha, work)  # m ← m + (1 − α)(g − m)
            np.multiply(m, m, out=work)  # r = √max(0, v − m²) + ε
            np.subtract(v, work, out=work)
            np.maximum(work, 0, out=work)
            np.sqrt(work, out=work)
        else:
            np.sqrt(v, out=work)  # r = √v + ε
        work += self.eps
        np.divide(g, work, out=work)
        if self.momentum:
            b = slots[-1]
            axpby(1, work, self.momentum, b)  # b ← μ b + g / r
            axpby(-lr, b, 1, w)  # w ← w − lr·b
        else:
            axpby(-lr, work, 1, w)  # w ← w − lr · g / r
