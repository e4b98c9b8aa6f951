"""What the builders share: they know what they take, and a classifier knows itself without its softmax."""

from __future__ import annotations

import math
from typing import Any

from mlp_numpy.arrays import Array
from mlp_numpy.checks import whole_number
from mlp_numpy.models.summary import Summary, summary
from mlp_numpy.modules import Module, Sequential, SoftMaxModule


class Network(Sequential):
    """A row of modules that knows how many numbers a sample has, ``n_inputs``.

    ``forward`` takes rows (N, n_inputs), or images (N, C, H, W) of as many numbers, which it flattens; ``backward``
    gives a gradient of the shape that came in.
    """

    def __init__(self, n_inputs: int, *modules: Module) -> None:
        super().__init__(*modules)
        self.n_inputs = whole_number(type(self).__name__, "n_inputs", n_inputs)
        self._x_shape: tuple[int, ...] = ()

    def forward(self, x: Array) -> Array:
        """The output of the last module."""
        x = self._check_batch("forward", "x", x)
        flat = x.ndim > 2 and math.prod(x.shape[1:]) == self.n_inputs
        out = super().forward(x.reshape(len(x), -1) if flat else x)
        # Behind the forward: one that was refused leaves the memory of the last as it was.
        self._x_shape = x.shape
        return out

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x in the shape of x; see Sequential."""
        dx = super().backward(dout)
        return dx if dx is None or self._numbers is None else dx.reshape(self._x_shape)

    def summary(self, batch: int = 32) -> Summary:
        """Layers, output shapes, parameters, and the memory that a batch of so many samples will take."""
        return summary(self, (self.n_inputs,), batch)


class Classifier(Network):
    """A network with a softmax at its end: samples (N, n_inputs) → probabilities (N, n_classes).

    ``logits`` is the same network, sharing every layer, without the softmax: what the fused loss is trained on.
    """

    n_classes: int

    def __init__(self, n_inputs: int, *modules: Module) -> None:
        super().__init__(n_inputs, *modules, SoftMaxModule())

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments that decide the layers and their sizes, as values that JSON can hold."""
        return {}

    @property
    def title(self) -> str:
        """What people call it in a heading, such as "MLP 3072-100-10"."""
        return type(self).__name__

    @property
    def logits(self) -> Network:
        """The network up to the softmax; its layers are this network's own."""
        return Network(self.n_inputs, *list(self)[:-1])
