"""Write a layer of one's own: a formula (Op), its module, and the check of its gradients.

    python examples/02_your_own_layer.py

Prints the report of the gradient check, with the verdict fine, and then that of the same layer with a wrong backward,
which the check finds.
"""

import numpy as np

from mlp_numpy import Module
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.gradcheck import gradcheck


class ScaledSine(Op):
    """
    Forward     out = a ⊙ sin x
    Backward    dx = a ⊙ cos x ⊙ dout      da = Σ_n sin x_n ⊙ dout_n
    Shapes      x, out, dout (N, D)   a (D,)
    Caches      x, a
    Kinks       none
    Reference   elementary calculus
    """

    @staticmethod
    def forward(context: Context, x: Array, a: Array) -> Array:
        context["x"], context["a"] = x, a
        return a * np.sin(x)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, Array]:
        x, a = context["x"], context["a"]
        return a * np.cos(x) * dout, (np.sin(x) * dout).sum(axis=0)


class ScaledSineModule(Module):
    """a ⊙ sin x with a trainable amplitude a for each of ``n_features`` features."""

    op = ScaledSine

    def __init__(self, n_features: int) -> None:
        super().__init__(amplitude=np.ones(n_features))


class WrongSine(ScaledSine):
    """The same formula; its backward lacks the factor a."""

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, Array]:
        return np.cos(context["x"]) * dout, (np.sin(context["x"]) * dout).sum(axis=0)


layer = ScaledSineModule(3)
layer.params["amplitude"] = np.array([0.5, 1.0, 2.0])
x = np.random.default_rng(0).normal(size=(4, 3))
print(gradcheck(layer, x))
layer.op = WrongSine
print(gradcheck(layer, x))
