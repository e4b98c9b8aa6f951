"""Fully connected networks: MLP, residual MLP, and the network of two layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Seed, generator
from mlp_numpy.checks import FRACTION, flag, number, sizes, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.models.network import Classifier, Network
from mlp_numpy.modules import (
    BatchNorm,
    Dropout,
    Initializer,
    LeakyReLUModule,
    LinearModule,
    Module,
    ReLUModule,
    Residual,
    glorot,
)


class MLP(Classifier):
    """Linear layers with LeakyReLU between them, and a softmax at the end.

        x (N, n_inputs) → [Linear → LeakyReLU] per hidden layer → Linear → SoftMax → probabilities (N, n_classes)

    ``n_hidden`` lists the sizes of the hidden layers; with ``[]`` the network is multinomial logistic regression.
    Reference: "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), section 1.2.

    batch_norm         a BatchNorm before every Linear but the first, as in section 3 there
    dropout            the probability of Dropout after every LeakyReLU; 0 for no Dropout
    init, rng, dtype   initialization, as in LinearModule
    input_layer        backward leaves out ∂L/∂x, which training does not need
    softmax            False for a regression: the outputs (N, n_classes) are those of the last Linear

    ``logits`` is the same network without the softmax, sharing every layer, for training with the fused loss.

    Raises OptionError for sizes below 1.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: Sequence[int],
        n_classes: int,
        neg_slope: float = 0.02,
        *,
        batch_norm: bool = False,
        dropout: float = 0.0,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
        softmax: bool = True,
    ) -> None:
        neg_slope, dropout = number("MLP", "neg_slope", neg_slope), number("MLP", "dropout", dropout, FRACTION)
        batch_norm, input_layer = flag("MLP", "batch_norm", batch_norm), flag("MLP", "input_layer", input_layer)
        ends = (whole_number("MLP", "n_inputs", n_inputs), whole_number("MLP", "n_classes", n_classes))
        widths = (ends[0], *sizes("MLP", "n_hidden", n_hidden), ends[1])
        draws = generator(rng)
        modules: list[Module] = []
        for layer, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            if layer:
                modules.append(LeakyReLUModule(neg_slope))
            if layer and dropout:
                modules.append(Dropout(dropout, rng=draws))
            if layer and batch_norm:
                modules.append(BatchNorm(n_in, dtype=dtype))
            first = input_layer and layer == 0
            modules.append(LinearModule(n_in, n_out, init=init, rng=draws, dtype=dtype, input_layer=first))
        super().__init__(n_inputs, *modules, softmax=softmax)
        self.sizes = widths
        self.n_classes = self.sizes[-1]
        self.neg_slope, self.batch_norm, self.dropout = neg_slope, batch_norm, dropout

    @property
    def title(self) -> str:
        """The name with its sizes: "MLP 3072-100-10"."""
        return "MLP " + "-".join(str(size) for size in self.sizes)

    def arguments(self) -> dict[str, Any]:
        n_inputs, *n_hidden, n_classes = self.sizes
        return {
            "n_inputs": n_inputs,
            "n_hidden": n_hidden,
            "n_classes": n_classes,
            "neg_slope": self.neg_slope,
            "batch_norm": self.batch_norm,
            "dropout": self.dropout,
        } | self._head()

    def _repr_args(self) -> str:
        n_inputs, *n_hidden, n_classes = self.sizes
        options = ", batch_norm=True" if self.batch_norm else ""
        options += f", dropout={self.dropout:g}" if self.dropout else ""
        return f"{n_inputs}, {n_hidden}, {n_classes}, neg_slope={self.neg_slope:g}{options}{self._head_args()}"


class ResidualMLP(Classifier):
    """An MLP with a shortcut around every hidden layer after the first.

        x → Linear → ReLU → [x + ReLU(Linear(x))] per block → Linear → SoftMax → probabilities (N, n_classes)

    n_hidden   the size of every hidden layer, four times n_inputs by default
    n_blocks   number of hidden layers with a shortcut
    softmax    False for a regression, as in MLP

    Reference: "Submission Assignment 2" (Gil Álamo), question 10, which adds one block to a network of two layers.

    Raises OptionError for sizes below 1.
    """

    def __init__(
        self,
        n_inputs: int,
        n_classes: int,
        n_hidden: int | None = None,
        n_blocks: int = 1,
        *,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
        softmax: bool = True,
    ) -> None:
        who = "ResidualMLP"
        n_inputs, n_classes = whole_number(who, "n_inputs", n_inputs), whole_number(who, "n_classes", n_classes)
        n_blocks = whole_number(who, "n_blocks", n_blocks)
        width = 4 * n_inputs if n_hidden is None else whole_number(who, "n_hidden", n_hidden)
        options: dict[str, Any] = {"init": _given(init, glorot()), "rng": generator(rng), "dtype": dtype}
        modules: list[Module] = [LinearModule(n_inputs, width, **options, input_layer=input_layer), ReLUModule()]
        modules += [Residual(LinearModule(width, width, **options), ReLUModule()) for _ in range(n_blocks)]
        super().__init__(n_inputs, *modules, LinearModule(width, n_classes, **options), softmax=softmax)
        self.n_classes = n_classes
        self._sizes = (n_inputs, n_classes, width, n_blocks)

    def arguments(self) -> dict[str, Any]:
        return dict(zip(("n_inputs", "n_classes", "n_hidden", "n_blocks"), self._sizes, strict=True)) | self._head()

    def _repr_args(self) -> str:
        return ", ".join(str(size) for size in self._sizes) + self._head_args()


class TwoLayerNet(Network):
    """Two linear layers with activations f and g: g(f(x W₁ᵀ + b₁) W₂ᵀ + b₂).

    f, g   modules, such as ReLUModule() and SoftMaxModule()

    Reference: "Homework 1" (Albertini), whose problems use a ReLU times 5, a tanh or a ReLU for f, and the identity or
    a sigmoid for g.

    Raises OptionError for sizes below 1.
    """

    def __init__(
        self,
        n_inputs: int,
        n_hidden: int,
        n_outputs: int,
        f: Module,
        g: Module,
        *,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
    ) -> None:
        who = "TwoLayerNet"
        n_inputs, n_hidden = whole_number(who, "n_inputs", n_inputs), whole_number(who, "n_hidden", n_hidden)
        n_outputs = whole_number(who, "n_outputs", n_outputs)
        for name, function in (("f", f), ("g", g)):
            if not isinstance(function, Module):
                raise OptionError(f"{who}: {name} must be a module, got {function!r}. Hint: {name}=TanhModule().")
        options: dict[str, Any] = {"init": _given(init, glorot()), "rng": generator(rng), "dtype": dtype}
        first = LinearModule(n_inputs, n_hidden, **options, input_layer=input_layer)
        super().__init__(n_inputs, first, f, LinearModule(n_hidden, n_outputs, **options), g)
        self._sizes = (n_inputs, n_hidden, n_outputs)

    def _repr_args(self) -> str:
        return ", ".join([*(str(size) for size in self._sizes), repr(self[1]), repr(self[3])])


def _given(init: Initializer | None, default: Initializer) -> Initializer:
    return default if init is None else init
