"""``Op``: a formula as two pure functions, and its application to nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.record import N, record


class Op:
    """A formula: ``forward`` computes, ``backward`` is the derivative of that ``forward`` and of nothing else.

    forward(context, *arrays, **constants) → out
        positional arguments are arrays with gradients, keyword arguments constants
    backward(context, dout) → the gradient of each positional array, in their order
        ``dout`` is ∂L/∂out; a single gradient may be returned without a tuple, an unneeded one as None

    Both are static and pure: no state but the context. A subclass's docstring is its equation block. A formula with
    several outputs returns a tuple of them, and its ``backward`` takes one ``dout`` per output.
    """

    forward: ClassVar[Callable[..., Array]]
    backward: ClassVar[Callable[..., Any]]
    check_inputs: ClassVar[Callable[..., None] | None] = None
    """The input check of do_forward, called before ``forward`` with the same arguments: it raises ShapeError for shapes
    that do not match. Needed only where NumPy would accept them and compute something else."""

    @classmethod
    def do_forward(cls, *nodes: N | Array | float, **constants: Any) -> N:
        """Apply the formula to nodes and record it in the graph; returns the node of the output.

        At least one of ``nodes`` must be a node; arrays and numbers among them are constants. A formula with several
        outputs returns a list of nodes.

        Raises ShapeError for invalid arrays, OptionError for invalid constants, DTypeError if none of ``nodes`` is a
        node.
        """
        out: N = record(cls, nodes, constants)
        return out
