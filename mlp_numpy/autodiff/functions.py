"""Functions on nodes: activations and losses, each a composition of formulas.

The losses are sums over the batch, as in vugrad; the fused formulas of ``mlp_numpy.modules``
(``SoftMaxCrossEntropy.do_forward`` …) are faster and have a ``reduction``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.core import Operand, TensorNode
from mlp_numpy.autodiff.ops import (
    Concatenate,
    Exp,
    Log,
    Normalize,
    ReLU,
    RowMax,
    RowSum,
    Select,
    Sigmoid,
    Sqrt,
    Sum,
    Tanh,
    Where,
)
from mlp_numpy.checks import shown
from mlp_numpy.errors import DTypeError, OptionError, ShapeError


def sigmoid(x: TensorNode) -> TensorNode:
    """1 / (1 + e⁻ˣ), elementwise."""
    return Sigmoid.do_forward(x)


def relu(x: TensorNode) -> TensorNode:
    """max(0, x), elementwise."""
    return ReLU.do_forward(x)


def tanh(x: TensorNode) -> TensorNode:
    """The hyperbolic tangent, elementwise."""
    return Tanh.do_forward(x)


def exp(x: TensorNode) -> TensorNode:
    """eˣ, elementwise."""
    return Exp.do_forward(x)


def log(x: TensorNode) -> TensorNode:
    """The natural logarithm, elementwise."""
    return Log.do_forward(x)


def sqrt(x: TensorNode) -> TensorNode:
    """The square root, elementwise."""
    return Sqrt.do_forward(x)


def where(condition: Array, a: Operand, b: Operand) -> TensorNode:
    """``a`` where the condition, a constant array of bools, holds, and ``b`` elsewhere."""
    return Where.do_forward(a, b, condition=condition)


def concatenate(nodes: Sequence[TensorNode], axis: int = 0) -> TensorNode:
    """Concatenate nodes along an axis. Raises OptionError for anything but a list of nodes and arrays, one at least."""
    if not isinstance(nodes, list | tuple) or not nodes:
        raise OptionError(f"concatenate: nodes must be a list of TensorNodes, one at least, got {shown(nodes)}.")
    joined: TensorNode = Concatenate.do_forward(*nodes, axis=axis)
    return joined


def softmax(x: TensorNode) -> TensorNode:
    """Probabilities (N, C) from scores (N, C), row by row.

    Subtracting each row's maximum, as a constant, changes neither the result nor its gradient.

    Raises DTypeError for anything but a node, ShapeError unless it is (N, C).
    """
    _check_scores("softmax", x)
    return Normalize.do_forward(Exp.do_forward(x - _row_maxima(x)))


def logsoftmax(x: TensorNode) -> TensorNode:
    """The logarithm of the softmax, in a form that neither overflows nor takes the logarithm of 0.

    log Sₙᵢ = (xₙᵢ − mₙ) − log Σⱼ exp(xₙⱼ − mₙ)      mₙ = maxⱼ xₙⱼ

    Raises DTypeError for anything but a node, ShapeError unless it is (N, C).
    """
    _check_scores("logsoftmax", x)
    difference = x - RowMax.do_forward(x).unsqueeze(1)
    return difference - Log.do_forward(RowSum.do_forward(Exp.do_forward(difference))).unsqueeze(1)


def celoss(outputs: TensorNode, targets: Any) -> TensorNode:
    """Cross-entropy of **probabilities** (N, C) for classes (N,): −Σₙ log pₙ,ₜ₍ₙ₎, a sum over the batch."""
    # selected before the logarithm, so that zero probabilities of other classes have no effect
    return -Sum.do_forward(Log.do_forward(Select.do_forward(outputs, indices=targets)))


def logceloss(logprobs: TensorNode, targets: Any) -> TensorNode:
    """Cross-entropy of **logarithms** of probabilities (N, C) for classes (N,): a sum over the batch."""
    return -Sum.do_forward(Select.do_forward(logprobs, indices=targets))


def _check_scores(who: str, x: Any) -> None:
    if not isinstance(x, TensorNode):
        raise DTypeError(f"{who}: x must be a TensorNode, got {shown(x)}. Hint: TensorNode(array).")
    if x.value.ndim != 2 or not x.value.size:
        raise ShapeError(f"{who}: x must be (N, C), got {x.value.shape}.")


def _row_maxima(x: TensorNode) -> Array:
    maxima: Array = x.value.real.max(axis=1, keepdims=True)
    return maxima
