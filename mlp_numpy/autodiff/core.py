"""``TensorNode``: a value in a computation graph, with operators that record the graph.

``c = a + b`` is one application of the formula Add: ``c.source`` is its OpNode, and ``c.source.inputs`` are a and b.
After ``loss.backward()``, every node that ``loss`` was computed from has ∂loss/∂value in its ``grad``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.node import Node, OpNode
from mlp_numpy.autodiff.op import Op
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
from mlp_numpy.autodiff.record import no_grad
from mlp_numpy.errors import DTypeError, ShapeError

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


Operand: TypeAlias = TensorNode | Array | float
"""The types of the other operand in an expression."""


def _several(arguments: tuple[Any, ...]) -> tuple[int, ...]:
    """``(2, 3)`` and ``((2, 3),)`` mean the same, as in NumPy's methods."""
    return tuple(arguments[0]) if len(arguments) == 1 and isinstance(arguments[0], list | tuple) else arguments
