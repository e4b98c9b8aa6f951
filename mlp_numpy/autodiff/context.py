"""What one application of a formula remembers between its forward and its backward."""

from __future__ import annotations

from typing import Any

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
        # The dict is empty already; a tape makes one context an operation, so a call less is time saved.
        self.needs: tuple[bool, ...] | None = None
        self.into: tuple[Array | None, ...] | None = None

    def wants(self, position: int) -> bool:
        """Whether the gradient of the positional input at ``position`` is wanted."""
        return self.needs is None or self.needs[position]

    def target(self, position: int) -> Array | None:
        """The array that the gradient of the input at ``position`` shall be written into, if there is one."""
        return None if self.into is None else self.into[position]
