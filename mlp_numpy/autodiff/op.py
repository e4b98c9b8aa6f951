"""``Op``: a formula as two pure functions, and its application to nodes, which records it in the graph."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.formula import Context, Function
from mlp_numpy.autodiff.node import Node, OpNode
from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError, OutOfRangeError, ShapeError

N = TypeVar("N", bound=Node)

_recording: ContextVar[bool] = ContextVar("recording", default=True)


class Op(Function):
    """A formula: ``forward`` computes, ``backward`` is the derivative of that ``forward`` and of nothing else.

    forward(context, *arrays, **constants) → out
        positional arguments are arrays with gradients, keyword arguments constants
    backward(context, dout) → the gradient of each positional array, in their order
        ``dout`` is ∂L/∂out; a single gradient may be returned without a tuple, an unneeded one as None

    Both are static and pure: no state but the context. A subclass's docstring is its equation block. A formula with
    several outputs returns a tuple of them, and its ``backward`` takes one ``dout`` per output.
    """

    @classmethod
    def do_forward(cls, *nodes: N | Array | float, **constants: Any) -> N:
        """Apply the formula to nodes and record it in the graph; returns the node of the output.

        At least one of ``nodes`` must be a node; arrays and numbers among them are constants. A formula with several
        outputs returns a list of nodes.

        Raises ShapeError for invalid arrays, OptionError for invalid constants, DTypeError if none of ``nodes`` is a
        node.
        """
        out: N = _record(cls, nodes, constants)
        return out


@contextmanager
def no_grad() -> Iterator[None]:
    """A context manager that disables recording, which saves time and memory."""
    before = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(before)


def _record(op: type[Function], inputs: tuple[Any, ...], constants: Mapping[str, Any]) -> Any:
    """Run the forward of ``op`` on the values of nodes and record it; returns the node, or nodes, of the output."""
    values: list[Array] = []
    needs: list[bool] = []
    reads_leaf = False
    for node in inputs:
        if not isinstance(node, Node):
            return _record(op, _with_constants(op, inputs), constants)
        values.append(node._value)
        needs.append(node._needs)
        if node._leaf and node._needs:
            reads_leaf = True
    context = Context()
    try:
        if op.check_inputs is not None:
            op.check_inputs(*values, **constants)
        out: Any = op.forward(context, *values, **constants)
    except (ValueError, IndexError, TypeError, OverflowError) as error:
        raise _unfit(op, values, error) from error
    kind = type(inputs[0])
    opnode = None
    if True in needs and _recording.get():
        opnode = OpNode(op, context, inputs, reads_leaf)
        if False in needs:
            context.needs = tuple(needs)
    if type(out) is not tuple:
        made = _made(kind, out, opnode)
        if opnode is not None:
            opnode._outputs = (weakref.ref(made),)
        return made
    several = [_made(kind, array, opnode) for array in out]
    if opnode is not None:
        opnode._outputs = tuple(weakref.ref(node) for node in several)
        opnode._forms = tuple((node._value.shape, node._value.dtype) for node in several)
    return several


def _made(kind: type[N], value: Any, source: OpNode | None) -> N:
    """Create the node of a formula's output, without the constructor's checks."""
    node = kind.__new__(kind)
    node._value = value if type(value) is np.ndarray else np.asarray(value)
    node.source = source
    node.name = None
    node._needs = source is not None
    node._leaf = node._held = node._shared = False
    node._grad = None
    node._fresh = True
    return node


def _unfit(op: type[Function], values: list[Array], error: Exception) -> Exception:
    """A ShapeError for NumPy's exception, with the name of the formula and the shapes."""
    if isinstance(error, MlpNumpyError):
        return error
    shapes = " and ".join(str(value.shape) for value in values)
    kinds = {IndexError: OutOfRangeError, ValueError: ShapeError}
    kind = next((ours for theirs, ours in kinds.items() if isinstance(error, theirs)), OptionError)
    return kind(f"{op.__name__}.do_forward: its inputs must fit the formula, got {shapes}: {error}.")


def _with_constants(op: type[Function], inputs: tuple[Any, ...]) -> tuple[Node, ...]:
    """Convert arrays and numbers among the inputs to constant nodes, numbers with the dtype of the first node."""
    first = next((node for node in inputs if isinstance(node, Node)), None)
    if first is None:
        raise DTypeError(
            f"{op.__name__}.do_forward: at least one input must be a TensorNode, got "
            f"{', '.join(type(value).__name__ for value in inputs) or 'none'}. "
            f"Hint: {op.__name__}.forward(Context(), …) works on arrays."
        )
    kind, dtype = type(first), first._value.dtype
    return tuple([node if isinstance(node, Node) else constant(node, dtype, kind) for node in inputs])


def constant(value: Any, dtype: np.dtype[Any], kind: type[N]) -> N:
    """A constant node; a Python number takes the dtype ``dtype``, as in NumPy's promotion rules."""
    if type(value) is float or type(value) is int:
        return _made(kind, np.array(value, dtype if dtype.kind in "fc" else None), None)
    if type(value) is complex:
        return _made(kind, np.array(value, np.result_type(dtype, value)), None)
    return kind(value, needs_grad=False)
