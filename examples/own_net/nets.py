"""A layer, a loss and a network of one's own; ``examples/own_net/train.py`` audits and trains them."""

import math

import numpy as np

from mlp_numpy import LinearModule, LossModule, Module, Sequential, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.modules import Reduction
from mlp_numpy.modules.losses.reduction import reduce_losses, weigh


class Snake(Op):
    """
    Forward     out = x + sin²(a ⊙ x) / a
    Backward    dx = (1 + sin 2ax) ⊙ dout      da = Σ_n (xₙ sin 2axₙ / a − sin²(axₙ) / a²) ⊙ doutₙ
    Shapes      x, out, dout (N, D)   a (D,), not 0
    Caches      x, a
    Kinks       none
    Reference   Ziyin, Hartwig and Ueda 2020, "Neural Networks Fail to Learn Periodic Functions and How to Fix It"
    """

    @staticmethod
    def forward(context: Context, x: Array, a: Array) -> Array:
        context["x"], context["a"] = x, a
        out: Array = x + np.sin(a * x) ** 2 / a
        return out

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, Array]:
        x, a = context["x"], context["a"]
        sine = np.sin(2 * a * x)
        return (1 + sine) * dout, ((x * sine / a - (np.sin(a * x) / a) ** 2) * dout).sum(axis=0)


class SnakeModule(Module):
    """x + sin²(a ⊙ x) / a with a trainable frequency a for each of ``n_features`` features, initially 1."""

    op = Snake

    def __init__(self, n_features: int) -> None:
        super().__init__(frequency=np.ones(n_features))


class LogCosh(Op):
    """
    Forward     lossₙₖ = log cosh rₙₖ, r = x − y        out = mean, sum or all of vₙ lossₙₖ
    Backward    dxₙₖ = wₙ tanh rₙₖ                      w as in ``weigh``
    Shapes      x, y (N, …)   v (N,), example weights   out, dout () or (N, …)
    Caches      r, v
    Kinks       none
    Reference   log cosh r = |r| + log(1 + e^(−2|r|)) − log 2, which does not overflow
    """

    @staticmethod
    def forward(context: Context, x: Array, *, y: Array, reduction: Reduction, weight: Array | None = None) -> Array:
        context["r"] = r = x - y
        size = np.sign(r.real) * r
        return reduce_losses(context, size + np.log1p(np.exp(-2 * size)) - math.log(2), reduction, weight)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return weigh(context, dout, np.tanh(context["r"]))


class LogCoshModule(LossModule):
    """log cosh(x − y) for targets y of x's shape."""

    op = LogCosh


def build(input_shape: tuple[int, ...], n_outputs: int, rng: np.random.Generator) -> Module:
    """The network: rows (N, C·H·W) → Linear → Snake → Linear → scores (N, n_outputs)."""
    n_inputs = int(np.prod(input_shape))
    first = LinearModule(n_inputs, 32, init=kaiming(), rng=rng)
    return Sequential(first, SnakeModule(32), LinearModule(32, n_outputs, init=kaiming(), rng=rng))
