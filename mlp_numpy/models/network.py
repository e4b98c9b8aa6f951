"""Base classes of the networks: input shape, and a classifier's logits."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from mlp_numpy.arrays import Array
from mlp_numpy.checks import flag, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.models.summary import Summary, summary
from mlp_numpy.modules import Module, Sequential, SoftMaxModule


class Network(Sequential):
    """A Sequential with a known input size, ``n_inputs``.

    ``forward`` takes (N, n_inputs), or images (N, C, H, W) of the same size, which it flattens; ``backward`` returns a
    gradient of the input's shape. Raises ShapeError for images of another size.
    """

    def __init__(self, n_inputs: int, *modules: Module) -> None:
        super().__init__(*modules)
        self.n_inputs = whole_number(type(self).__name__, "n_inputs", n_inputs)
        self._x_shape: tuple[int, ...] = ()

    def forward(self, x: Array) -> Array:
        """The output of the last module."""
        x = self._check_batch("forward", "x", x)
        flat = x.ndim > 2
        if flat and math.prod(x.shape[1:]) != self.n_inputs:
            raise ShapeError(
                f"{type(self).__name__}.forward: x must be (N, {self.n_inputs}), got {x.shape}. Hint: images of "
                f"{self.n_inputs} values are flattened."
            )
        out = super().forward(x.reshape(len(x), -1) if flat else x)
        # Behind the forward: one that was refused leaves the memory of the last as it was.
        self._x_shape = x.shape
        return out

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x in the shape of x; see Sequential."""
        dx = super().backward(dout)
        return dx if dx is None or self._numbers is None else dx.reshape(self._x_shape)

    def summary(self, batch: int = 32) -> Summary:
        """Layers, output shapes, parameters, and the memory for a batch of ``batch`` examples."""
        return summary(self, (self.n_inputs,), batch)


class Classifier(Network):
    """A network with a softmax at the end: examples (N, n_inputs) → probabilities (N, n_classes).

    softmax   False for a regression: the outputs (N, n_classes) are those of the last of ``modules``

    ``logits`` is the same network without the softmax, sharing every layer, for training with the fused loss.
    """

    n_classes: int

    n_fitted: ClassVar[int] = 0
    """The training examples that ``fit_inputs`` needs; 0: it does nothing."""

    def __init__(self, n_inputs: int, *modules: Module, softmax: bool = True) -> None:
        softmax = flag(type(self).__name__, "softmax", softmax)
        super().__init__(n_inputs, *modules, *([SoftMaxModule()] if softmax else []))
        self.softmax = softmax

    def arguments(self) -> dict[str, Any]:
        """The constructor's arguments for the layers and their sizes, as JSON values."""
        return {}

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the parameters that training leaves as they are; none."""
        return ()

    def fit_inputs(self, x: Array) -> None:
        """Set the initial weights that depend on preprocessed training inputs ``x`` (N, n_inputs); none."""

    @property
    def title(self) -> str:
        """The name for headings, such as "MLP 3072-100-10"."""
        return type(self).__name__

    @property
    def logits(self) -> Network:
        """The network up to the softmax; its layers are shared with this network."""
        return Network(self.n_inputs, *self.scores)

    @property
    def scores(self) -> Sequential:
        """The layers up to the softmax, for batches that are rows; they are shared with this network."""
        return Sequential(*list(self)[: len(self) - self.softmax])

    def _head(self) -> dict[str, Any]:
        """The argument ``softmax``, unless it has its default: model files of version 0.1 do not have it."""
        return {} if self.softmax else {"softmax": False}

    def _head_args(self) -> str:
        return "" if self.softmax else ", softmax=False"
