"""What a formula is: two pure functions, and the way to apply them to nodes of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff.record import N, record


class Op:
    """A formula: ``forward`` computes, ``backward`` is the derivative of that ``forward`` and of nothing else.

    forward(context, *arrays, **constants) → out
        positional arrays have gradients, keywords are constants
    backward(context, dout) → the gradient of each positional array, in their order
        ``dout`` is ∂L/∂out; a single gradient may come without a tuple, one not wanted as None

    Both are static and pure: no state but the context. A subclass's docstring is its equation block. A formula with
    several outputs returns a tuple of them, and its ``backward`` takes one ``dout`` an output.
    """

    forward: ClassVar[Callable[..., Array]]
    backward: ClassVar[Callable[..., Any]]
    check_inputs: ClassVar[Callable[..., None] | None] = None
    """What do_forward asks before ``forward``, with the same arrays and constants: it raises ShapeError for those that
    do not fit. A formula needs one only where NumPy would take them and compute something else."""

    @classmethod
    def do_forward(cls, *nodes: N | Array | float, **constants: Any) -> N:
        """Apply the formula to nodes of a graph: a node that holds the output and remembers how it was made.

        At least one of ``nodes`` must be a node; arrays and numbers among them are constants. A formula with several
        outputs gives a list of nodes.

        Raises ShapeError for arrays that do not fit the formula, OptionError for constants that do not,
        DTypeError if nothing among ``nodes`` is a node.
        """
        out: N = record(cls, nodes, constants)
        return out
