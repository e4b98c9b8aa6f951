"""The negative log-likelihood of counts, of a Poisson distribution with the predicted rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import POSITIVE, flag, number
from mlp_numpy.errors import LabelError
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.domain import check_bounds
from mlp_numpy.modules.losses.reduction import Reduction, quiet, reduce_losses, weigh


class PoissonNLL(Op):
    """
    Forward     lossₙₖ = e^xₙₖ − yₙₖ xₙₖ + s(yₙₖ)                 of logarithms of rates (log_input)
                lossₙₖ = xₙₖ − yₙₖ log(xₙₖ + ε) + s(yₙₖ)          of rates; 0 · ∞ = 0
                s(y) = y log y − y + ½ log(2π y) for y > 1, else 0, with ``full``; otherwise 0
                out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ (e^xₙₖ − yₙₖ), or wₙ (1 − yₙₖ/(xₙₖ + ε))
                wₙ = dout vₙ/KΣv, dout vₙ or doutₙₖ vₙ
    Shapes      x, y (N, …), K numbers a row   v (N,) or as x, weights, 1 by default   out, dout () or (N, …)
    Caches      ∂loss/∂x, v
    Kinks       none; at x = ∞ the loss is ∞, as the rate grows faster than its logarithm
    Reference   −log of the Poisson probability e^−λ λ^y / y!, in which s(y) is Stirling's approximation of log y!;
                torch.nn.functional.poisson_nll_loss
    """

    @staticmethod
    @quiet
    def forward(
        context: Context,
        x: Array,
        *,
        y: Array,
        log_input: bool,
        full: bool,
        eps: float,
        reduction: Reduction,
        weight: Array | None = None,
    ) -> Array:
        rate = np.exp(x) if log_input else x
        logarithm = x if log_input else np.log(x + eps)
        context["slopes"] = rate - y if log_input else 1 - y / (x + eps)
        losses: Array = rate - product(y, logarithm)
        losses[rate.real == np.inf] = np.inf
        if full:
            large = np.maximum(y, 1)
            losses += np.where(y > 1, large * np.log(large) - large + np.log(2 * math.pi * large) / 2, 0)
        return reduce_losses(context, losses, reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, context["slopes"].copy())


class PoissonNLLModule(LossModule):
    """Negative log-likelihood of counts y ≥ 0 under Poisson distributions with the predicted rates, of the same shape,
    (N,) or (N, …). "mean" divides by the number of values, N·K for K per example; "none" returns the loss of each
    value.

    log_input   predictions are logarithms of rates; otherwise rates ≥ 0, and below 0 a DomainError
    full        add Stirling's approximation of log y!, which does not depend on the predictions
    eps         added to rates before the logarithm, > 0
    """

    op = PoissonNLL

    def __init__(
        self, reduction: Reduction = "mean", *, log_input: bool = True, full: bool = False, eps: float = 1e-8
    ) -> None:
        super().__init__(reduction)
        self.log_input = flag("PoissonNLLModule", "log_input", log_input)
        self.full = flag("PoissonNLLModule", "full", full)
        self.eps = number("PoissonNLLModule", "eps", eps, POSITIVE)

    def _op_kwargs(self) -> dict[str, Any]:
        return {"log_input": self.log_input, "full": self.full, "eps": self.eps}

    def _options(self) -> dict[str, Any]:
        defaults = {"log_input": True, "full": False, "eps": 1e-8}
        return {name: value for name, value in self._op_kwargs().items() if value != defaults[name]}

    def _check_predictions(self, x: Array, weight: Array | None) -> None:
        if not self.log_input:
            hint = "log_input=True takes logarithms of rates"
            check_bounds(self._forward, x, weight, 0, math.inf, "rates ≥ 0", hint)

    def _check_labels(self, x: Array, y: Array) -> Array:
        y = super()._check_labels(x, y)
        if not y.min() >= 0:
            place = tuple(int(i) for i in np.argwhere(~(y >= 0))[0])
            raise LabelError(f"{self._forward}: labels must be counts ≥ 0, got {y[place]} at {list(place)}.")
        return y
