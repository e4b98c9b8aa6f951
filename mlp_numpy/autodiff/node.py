"""The computation graph: nodes for values, and nodes for the operations between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.formula import Context, Function
from mlp_numpy.checks import flag, numbers, shown
from mlp_numpy.errors import DTypeError, GraphError, OptionError, OutOfRangeError, ShapeError


class OpNode:
    """One application of a formula.

    op        the formula, a subclass of Op
    context   the cache of its forward for its backward
    inputs    the nodes it was applied to
    outputs   its output nodes, as far as they still exist: an OpNode holds only weak references to them, so that a
              graph is freed without the garbage collector when its last node is dropped
    """

    __slots__ = ("_forms", "_outputs", "context", "inputs", "op", "reads_leaf")

    def __init__(self, op: type[Function], context: Context, inputs: tuple[Node, ...], reads_leaf: bool) -> None:
        self.op = op
        self.context = context
        self.inputs = inputs
        self.reads_leaf = reads_leaf
        self._outputs: tuple[Callable[[], Node | None], ...] = ()
        self._forms: tuple[tuple[tuple[int, ...], Any], ...] = ()

    @property
    def outputs(self) -> list[Node]:
        return [node for node in (reference() for reference in self._outputs) if node is not None]

    def clear(self) -> None:
        """Release the inputs and the cache for the backward pass."""
        for node in self.outputs:
            node.source = None
        self.inputs = ()
        self.context.clear()

    def __repr__(self) -> str:
        return f"OpNode({self.op.__name__}, {len(self.inputs)} in, {len(self.outputs)} out)"


class Node:
    """A value in a graph, with its gradient; see TensorNode, which adds operators and the backward pass."""

    __slots__ = ("__weakref__", "_fresh", "_grad", "_held", "_leaf", "_needs", "_shared", "_value", "name", "source")

    def __init__(
        self,
        value: Any,
        source: OpNode | None = None,
        name: str | None = None,
        *,
        needs_grad: bool = True,
    ) -> None:
        array = numbers(type(self).__name__, "value", value)
        if type(needs_grad) is not bool:
            needs_grad = flag(type(self).__name__, "needs_grad", needs_grad)
        if source is not None and not isinstance(source, OpNode):
            raise OptionError(f"{type(self).__name__}: source must be an OpNode or None, got {shown(source)}.")
        if needs_grad and array.dtype.kind not in "fc":
            array = array.astype(np.float64)
        self._value: Array = array
        self.source = source
        self.name = name
        self._needs = needs_grad
        # A leaf is a node without an operation: its gradient is an array of its own at a fixed address.
        self._leaf = source is None
        self._held = False
        self._grad: Array | None = None
        # fresh: the gradient's array is zero, so the next gradient may overwrite it instead of being added.
        self._fresh = True
        # shared: the gradient's array may also be another node's, so ``grad`` returns a copy.
        self._shared = False

    @property
    def value(self) -> Array:
        """The array. Assigning rebinds it, but copies into place where the array is a part of FlatParameters."""
        return self._value

    @value.setter
    def value(self, new: Any) -> None:
        if new is self._value:  # p.value -= …: already done in place
            return
        array = numbers(f"{self!r}.value", "what is assigned", new)
        if not self._held:
            if array.shape != self._value.shape:
                self._grad, self._fresh = None, True
            self._value = array if array.dtype.kind in "fc" or not self._needs else array.astype(np.float64)
            return
        if array.shape != self._value.shape:
            raise ShapeError(f"{self!r}.value: must be {self._value.shape}, got {array.shape}.")
        self._check_kind("value", array)
        self._value[...] = array

    @property
    def grad(self) -> Array:
        """∂L/∂value, of the value's shape: zeros initially, accumulated over all ``backward`` calls until
        ``zero_grad``.

        Raises GraphError for a constant.
        """
        if not self._needs:
            raise GraphError(
                f"{self!r}.grad: the node must need a gradient, but it is a constant. "
                "Hint: it was made with needs_grad=False, under no_grad, by detach, or from constants alone."
            )
        if self._grad is None:
            self._grad = np.zeros_like(self._value)
        elif self._shared:
            self._grad = self._grad.copy()
        self._fresh = self._shared = False
        return self._grad

    @grad.setter
    def grad(self, new: Any) -> None:
        if new is self._grad:
            return
        array = numbers(f"{self!r}.grad", "what is assigned", new)
        if array.shape != self._value.shape:
            raise ShapeError(f"{self!r}.grad: must be {self._value.shape}, as the value is, got {array.shape}.")
        self._check_kind("grad", array)
        self.grad[...] = array

    def grad_norm(self) -> float | None:
        """The Euclidean norm of the gradient, or None if there has been none since the last ``zero_grad``."""
        if self._grad is None or (self._leaf and self._fresh):
            return None
        return float(np.linalg.norm(self._grad))

    @property
    def needs_grad(self) -> bool:
        """True if ``backward`` computes a gradient for this node."""
        return self._needs

    @property
    def is_leaf(self) -> bool:
        """True if the node was not computed by a formula."""
        return self._leaf

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the length of one dimension."""
        if dim is None:
            return self._value.shape
        if not isinstance(dim, int | np.integer) or not -self._value.ndim <= dim < self._value.ndim:
            raise OutOfRangeError(f"{self!r}.size: dim must be a dimension of {self._value.shape}, got {dim!r}.")
        return self._value.shape[dim]

    def move(self, values: Array, grads: Array) -> None:
        """Move value and gradient into two vectors of the value's length; the values are copied.

        The arrays become views, in the value's own memory order, and remain so after assignments.
        """
        if not (self._leaf and self._needs):
            raise GraphError(f"{self!r}.move: the node must be a leaf that needs a gradient. Hint: move parameters.")
        shape, by_rows = self._value.shape, self._value.flags.c_contiguous
        for part in (values, grads):
            if type(part) is not np.ndarray or part.shape != (self._value.size,):
                raise ShapeError(f"{self!r}.move: vectors must have {self._value.size} numbers, got {shown(part)}.")
        value, grad = (part.reshape(shape, order="C" if by_rows else "F") for part in (values, grads))
        value[...], grad[...] = self._value, self.grad
        self._value, self._grad, self._held = value, grad, True

    def _check_kind(self, method: str, array: Array) -> None:
        if not np.can_cast(array.dtype, self._value.dtype, casting="same_kind"):
            raise DTypeError(
                f"{self!r}.{method}: must be numbers that {self._value.dtype} can hold, got {array.dtype}."
            )

    def _zero(self) -> None:
        if self._leaf and self._grad is not None:
            self._grad.fill(0)
        else:
            self._grad = None
        self._fresh, self._shared = True, False

    def __getstate__(self) -> dict[str, Any]:
        # A copy, or a pickle, has no graph, and arrays of its own in the same memory order.
        turn = self._value.ndim > 1 and self._value.flags.f_contiguous
        arrays = [array.T if turn and array is not None else array for array in (self._value, self._grad)]
        return {"arrays": arrays, "turn": turn, "name": self.name, "needs": self._needs, "fresh": self._fresh}

    def __setstate__(self, state: dict[str, Any]) -> None:
        value, grad = (array.T if state["turn"] and array is not None else array for array in state["arrays"])
        Node.__init__(self, value, name=state["name"], needs_grad=state["needs"])
        self._grad, self._fresh = grad, state["fresh"]

    def __repr__(self) -> str:
        name = "" if self.name is None else f"{self.name!r}, "
        made = "" if self.source is None else f", from {self.source.op.__name__}"
        return f"{type(self).__name__}({name}{self._value.shape} {self._value.dtype}{made})"
