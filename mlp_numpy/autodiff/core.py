"""What a formula is: two pure functions, and the context that the first one leaves for the second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mlp_numpy.arrays import Array


class Context(dict[str, Any]):
    """What ``forward`` remembers for ``backward``: a dict of arrays and constants under names.

    Whoever drives a formula may also say, before the backward pass,

    needs   which inputs' gradients are wanted, one bool a positional input; None means all of them
    into    arrays to write those gradients into, one (or None) a positional input; None means: allocate

    Both change what is computed or where it is put, never its value.
    """

    __slots__ = ("into", "needs")

    def __init__(self) -> None:
        super().__init__()
        self.needs: tuple[bool, ...] | None = None
        self.into: tuple[Array | None, ...] | None = None

    def wants(self, position: int) -> bool:
        """Whether the gradient of the positional input at ``position`` is wanted."""
        return self.needs is None or self.needs[position]

    def target(self, position: int) -> Array | None:
        """The array that the gradient of the input at ``position`` shall be written into, if there is one."""
        return None if self.into is None else self.into[position]


class Op:
    """A formula: ``forward`` computes, ``backward`` is the derivative of that ``forward`` and of nothing else.

    forward(context, *arrays, **constants) → out
        positional arrays have gradients, keywords are constants
    backward(context, dout) → the gradient of each positional array, in their order
        ``dout`` is ∂L/∂out; a single gradient may come without a tuple, one not wanted as None

    Both are static and pure: no state but the context. A subclass's docstring is its equation block.
    """

    forward: ClassVar[Callable[..., Array]]
    backward: ClassVar[Callable[..., Any]]
