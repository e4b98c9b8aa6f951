"""``TensorNode``: a value in a computation graph, with operators that record the graph.

``c = a + b`` is one application of the formula Add: ``c.source`` is its OpNode, and ``c.source.inputs`` are a and b.
After ``loss.backward()``, every node that ``loss`` was computed from has ∂loss/∂value in its ``grad``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.node import Node, OpNode
from mlp_numpy.autodiff.op import Op, no_grad
from mlp_numpy.autodiff.ops import (
    Add,
    Axes,
    Divide,
    Exp,
    Index,
    Log,
    MatrixMultiply,
    Max,
    Mean,
    Multiply,
    Negate,
    Power,
    ReLU,
    Reshape,
    Sigmoid,
    Sqrt,
    Squeeze,
    Sub,
    Sum,
    Tanh,
    Transpose,
    Unsqueeze,
)
from mlp_numpy.autodiff.walk import op_nodes_below, propagate
from mlp_numpy.checks import numbers
from mlp_numpy.errors import DTypeError, GraphError, ShapeError

__all__ = ["Node", "Op", "OpNode", "Operand", "TensorNode", "no_grad"]


class TensorNode(Node):
    """A value with a reference to the operation that computed it.

        x = TensorNode([[1.0, 2.0]])
        loss = (x * x).sum()
        loss.backward()
        x.grad                            # 2 x

    value        an array, not copied; integers are converted to float64 since they have no derivative
    source       the OpNode that computed this node, None for a leaf
    name         its label in ``explain``
    needs_grad   whether ``backward`` computes ∂L/∂value for a leaf; False, as for data, saves time

    Operators and methods are NumPy's: ``+ - * / ** @``, indexing, ``sum``, ``mean``, ``max``, ``reshape`` …; numbers
    and arrays as operands are constants.
    """

    __slots__ = ()
    # makes NumPy defer array + node to the node
    __array_ufunc__ = None

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self._value.shape
        return shape

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def dtype(self) -> Any:
        return self._value.dtype

    @property
    def T(self) -> TensorNode:
        return self.transpose()

    def backward(self, grad: Any = None, *, inner: bool = True, afresh: Sequence[Node] = ()) -> None:
        """Backpropagate: add the gradient of this node to every node that it was computed from.

        grad     ∂L/∂this node, of its shape; the default for a scalar is 1
        inner    also store the gradients of the nodes between this one and the leaves; False saves their memory
        afresh   leaves whose gradients are overwritten instead of accumulated; 0 if this node does not depend
                 on them

        Gradients accumulate until ``zero_grad``. They are plain arrays without a graph: higher-order derivatives are
        not supported.

        Raises ShapeError if ``grad`` is missing or has another shape, GraphError if there is nothing to differentiate:
        no leaf needs a gradient, or the graph was cleared.
        """
        if not self._needs:
            raise GraphError(
                f"{self!r}.backward: some node it was computed from must need a gradient, found none. "
                "Hint: was it computed under no_grad, or from constants only?"
            )
        start = self._start(grad)
        for node in afresh:
            if not isinstance(node, Node) or not node._leaf:
                raise GraphError(f"{self!r}.backward: afresh must list leaves, got {node!r}.")
            node._fresh = True
        try:
            propagate(self, start, inner=inner)
        finally:
            for node in afresh:
                if node._fresh and node._grad is not None:
                    node._grad.fill(0)

    def zero_grad(self) -> None:
        """Set the gradients of this node, and of every node that it was computed from, to zero."""
        self._zero()
        for opnode in op_nodes_below(self):
            for node in opnode.inputs:
                node._zero()

    def clear(self) -> None:
        """Clear the graph below this node: remove all its operations and release their caches.

        Leaves, and the values of nodes that are still referenced, remain.
        """
        for opnode in op_nodes_below(self):
            opnode.clear()

    def detach(self) -> Self:
        """A constant node with the same value (not a copy of it) and no graph."""
        return type(self)(self._value, name=self.name, needs_grad=False)

    def item(self) -> Any:
        """The value of a node with a single element as a Python number; raises ShapeError for other sizes."""
        if self._value.size != 1:
            raise ShapeError(f"{self!r}.item: the node must hold one number, got {self._value.shape}.")
        return self._value.item()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise DTypeError(f"{self!r}: a node is not an array, since that would lose its history. Hint: node.value.")

    def __add__(self, other: Operand) -> TensorNode:
        return Add.do_forward(self, other)

    def __radd__(self, other: Operand) -> TensorNode:
        return Add.do_forward(other, self)

    def __sub__(self, other: Operand) -> TensorNode:
        return Sub.do_forward(self, other)

    def __rsub__(self, other: Operand) -> TensorNode:
        return Sub.do_forward(other, self)

    def __mul__(self, other: Operand) -> TensorNode:
        return Multiply.do_forward(self, other)

    def __rmul__(self, other: Operand) -> TensorNode:
        return Multiply.do_forward(other, self)

    def __truediv__(self, other: Operand) -> TensorNode:
        return Divide.do_forward(self, other)

    def __rtruediv__(self, other: Operand) -> TensorNode:
        return Divide.do_forward(other, self)

    def __pow__(self, other: Operand) -> TensorNode:
        return Power.do_forward(self, other)

    def __rpow__(self, other: Operand) -> TensorNode:
        return Power.do_forward(other, self)

    def __matmul__(self, other: TensorNode | Array) -> TensorNode:
        return MatrixMultiply.do_forward(self, other)

    def __rmatmul__(self, other: TensorNode | Array) -> TensorNode:
        return MatrixMultiply.do_forward(other, self)

    def __neg__(self) -> TensorNode:
        return Negate.do_forward(self)

    def __getitem__(self, index: Any) -> TensorNode:
        return Index.do_forward(self, index=index)

    def __iter__(self) -> Iterator[TensorNode]:
        """Iterate over the first dimension."""
        return (self[position] for position in range(self.size(0)))

    def matmul(self, other: TensorNode | Array) -> TensorNode:
        """The matrix product of this node and another, same as ``@``."""
        return MatrixMultiply.do_forward(self, other)

    def sum(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        return Sum.do_forward(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        return Mean.do_forward(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Axes = None, keepdims: bool = False) -> TensorNode:
        return Max.do_forward(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> TensorNode:
        return Reshape.do_forward(self, shape=_several(shape))

    def transpose(self, *axes: Any) -> TensorNode:
        return Transpose.do_forward(self, axes=_several(axes) or None)

    def squeeze(self, dim: int) -> TensorNode:
        return Squeeze.do_forward(self, dim=dim)

    def unsqueeze(self, dim: int) -> TensorNode:
        return Unsqueeze.do_forward(self, dim=dim)

    def exp(self) -> TensorNode:
        return Exp.do_forward(self)

    def log(self) -> TensorNode:
        return Log.do_forward(self)

    def sqrt(self) -> TensorNode:
        return Sqrt.do_forward(self)

    def tanh(self) -> TensorNode:
        return Tanh.do_forward(self)

    def sigmoid(self) -> TensorNode:
        return Sigmoid.do_forward(self)

    def relu(self) -> TensorNode:
        return ReLU.do_forward(self)

    def _start(self, grad: Any) -> Array:
        value = self._value
        if grad is None:
            if value.size != 1:
                raise ShapeError(
                    f"{self!r}.backward: a node of shape {value.shape} must be given its gradient, got none. "
                    f"Hint: backward(grad) with grad of shape {value.shape}, or backward from a sum or a mean."
                )
            return np.ones_like(value)
        array = numbers(f"{self!r}.backward", "grad", grad)
        if array.shape != value.shape:
            raise ShapeError(f"{self!r}.backward: grad must be {value.shape}, as the value is, got {array.shape}.")
        self._check_kind("backward", array)
        return array.astype(value.dtype)


Operand: TypeAlias = TensorNode | Array | float
"""The types of the other operand in an expression."""


def _several(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """``(2, 3)`` and ``((2, 3),)`` mean the same, as in NumPy's methods."""
    return tuple(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], list | tuple) else arguments
