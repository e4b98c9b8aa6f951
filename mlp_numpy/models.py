"""Builders of whole networks out of modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Seed, generator
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import Initializer, LeakyReLUModule, LinearModule, Module, Sequential, SoftMaxModule


class MLP(Sequential):
    """Linear layers with a LeakyReLU between each two, and a softmax at the end.

        x (N, n_inputs) → [Linear → LeakyReLU] per hidden layer → Linear → SoftMax → probabilities (N, n_classes)

    ``n_hidden`` lists the sizes of the hidden layers; with ``[]`` the network is multinomial logistic regression.
    Reference: "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), section 1.2.

    init, rng, dtype   how the weights start, as in LinearModule
    input_layer        backward leaves out ∂L/∂x, which training does not need

    ``logits`` is the same network, sharing every layer, without the softmax: what the fused loss is trained on.

    Raises OptionError for sizes below 1.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: Sequence[int],
        n_classes: int,
        neg_slope: float = 0.02,
        *,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
    ) -> None:
        if not isinstance(n_hidden, list | tuple | np.ndarray):
            raise OptionError(f"MLP: n_hidden must be a list of whole numbers, got {n_hidden!r}. Hint: [100], or [].")
        draws = generator(rng)
        sizes = [n_inputs, *n_hidden, n_classes]
        modules: list[Module] = []
        for layer, (n_in, n_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            if layer:
                modules.append(LeakyReLUModule(neg_slope))
            first = input_layer and layer == 0
            modules.append(LinearModule(n_in, n_out, init=init, rng=draws, dtype=dtype, input_layer=first))
        super().__init__(*modules, SoftMaxModule())
        self.sizes = tuple(int(size) for size in sizes)
        self.neg_slope = float(neg_slope)

    @property
    def logits(self) -> Sequential:
        """The network up to the softmax; its layers are this network's own."""
        return Sequential(*list(self)[:-1])

    @property
    def sizes_text(self) -> str:
        """The sizes as people write them: "MLP 3072-100-10"."""
        return "MLP " + "-".join(str(size) for size in self.sizes)

    def _arguments(self) -> str:
        n_inputs, *n_hidden, n_classes = self.sizes
        return f"{n_inputs}, {n_hidden}, {n_classes}, neg_slope={self.neg_slope:g}"
