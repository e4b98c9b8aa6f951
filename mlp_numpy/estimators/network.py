"""The network of an estimator: fully connected, or the caller's own; and rows of a sparse matrix as its input."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.models import Classifier
from mlp_numpy.modules import (
    BatchNorm,
    Dropout,
    ELUModule,
    GELUModule,
    HardswishModule,
    IdentityModule,
    LeakyReLUModule,
    LinearModule,
    MishModule,
    Module,
    ReLUModule,
    SELUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SoftplusModule,
    TanhModule,
    glorot,
)

Builder = Callable[[tuple[int, ...], int], Module]
"""Builds a network from the shape of one input and the number of outputs."""

HIDDEN_ACTIVATIONS: Final[dict[str, Callable[..., Module]]] = {
    "identity": IdentityModule,
    "logistic": SigmoidModule,
    "tanh": TanhModule,
    "relu": ReLUModule,
    "leaky_relu": LeakyReLUModule,
    "elu": ELUModule,
    "selu": SELUModule,
    "gelu": GELUModule,
    "silu": SiLUModule,
    "mish": MishModule,
    "softplus": SoftplusModule,
    "hardswish": HardswishModule,
}
"""The activations by name; the first four are scikit-learn's."""


def perceptron(
    widths: Sequence[int],
    activation: str,
    *,
    dropout: float,
    batch_norm: bool,
    rng: np.random.Generator,
    dtype: np.dtype[Any],
) -> Sequential:
    """The fully connected network of these ``widths``, from inputs to outputs, that ends in scores.

        x → [Linear → activation → Dropout → BatchNorm] per hidden layer → Linear

    Weights and biases start as scikit-learn's: Glorot's uniform initialization, with g² = 1/3 for "logistic".
    """
    init = glorot(math.sqrt(1 / 3) if activation == "logistic" else 1.0, bias=True)
    modules: list[Module] = []
    for layer, (n_in, n_out) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
        if layer:
            modules.append(HIDDEN_ACTIVATIONS[activation]())
            modules += [Dropout(dropout, rng=rng)] if dropout else []
            modules += [BatchNorm(n_in, dtype=dtype)] if batch_norm else []
        modules.append(LinearModule(n_in, n_out, input_layer=not layer, init=init, rng=rng, dtype=dtype))
    return Sequential(*modules)


def own_network(who: str, module: Module | Builder, n_inputs: int, n_outputs: int) -> Module:
    """A copy of the caller's ``module``, or what it builds, up to its scores.

    Raises OptionError for anything but a Module with parameters, ShapeError if it does not turn (N, n_inputs) into
    (N, n_outputs).
    """
    net = copy.deepcopy(module) if isinstance(module, Module) else module((n_inputs,), n_outputs)
    if not isinstance(net, Module) or not any(True for _ in net.named_parameters()):
        raise OptionError(f"{who}: module must be, or build, a Module with parameters, got {shown(net)}.")
    if isinstance(net, Classifier):
        net = net.logits
    out = net.eval().forward(np.zeros((2, n_inputs), dtype_of(net)))
    net.clear_cache()
    if out.shape != (2, n_outputs):
        raise ShapeError(f"{who}: module must turn (2, {n_inputs}) into (2, {n_outputs}), got {out.shape}.")
    return net


def dtype_of(net: Module) -> np.dtype[Any]:
    """The dtype of the network's parameters."""
    _, learned = next(net.named_parameters())
    return learned.value.dtype


def linear_layers(net: Module) -> list[LinearModule]:
    """The fully connected layers, in the order of the forward pass."""
    return [leaf for _, leaf in net.leaves() if isinstance(leaf, LinearModule)]


class SparseRows(Module):
    """Row numbers (N, 1) → these rows (N, D) of a sparse ``matrix`` in CSR format, dense.

    So a batch is densified when it is used, and the matrix never as a whole. It has no parameters and returns no
    gradient.

    Raises OptionError for more rows than ``dtype``, in which the row numbers arrive, counts exactly.
    """

    output_kind = "its input"
    input_needed = False

    def __init__(self, matrix: Any, dtype: np.dtype[Any]) -> None:
        super().__init__()
        most = 2 ** (np.finfo(dtype).nmant + 1)
        if matrix.shape[0] > most:
            raise OptionError(f"SparseRows: there must be at most {most} rows in {dtype}, got {matrix.shape[0]}.")
        self.matrix, self.dtype = matrix, dtype

    def forward(self, x: Array) -> Array:
        """The rows of the numbers ``x`` (N, 1)."""
        self._n_forwards += 1
        rows: Array = self.matrix[x[:, 0].astype(np.intp)].toarray().astype(self.dtype, copy=False)
        return rows

    def backward(self, dout: Array) -> None:
        """None: row numbers have no gradient."""
