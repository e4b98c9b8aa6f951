"""What the builders share: they know what they take, and a classifier knows itself without its softmax."""

from __future__ import annotations

from typing import Any

from mlp_numpy.models.summary import Summary, summary
from mlp_numpy.modules import Module, Sequential, SoftMaxModule


class Network(Sequential):
    """A row of modules that knows how many numbers a sample has, ``n_inputs``."""

    def __init__(self, n_inputs: int, *modules: Module) -> None:
        super().__init__(*modules)
        self.n_inputs = int(n_inputs)

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
    def logits(self) -> Sequential:
        """The network up to the softmax; its layers are this network's own."""
        return Sequential(*list(self)[:-1])
