"""``Function``, a computation on arrays and its derivative, and ``Context``, its cache between the two."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mlp_numpy.arrays import Array


class Context(dict[str, Any]):
    """The cache of ``forward`` for ``backward``: a dict of named arrays and constants.

    The caller may also set, before the backward pass,

    needs   which inputs' gradients are needed, one bool per positional input; None means all
    into    arrays to write those gradients into, one (or None) per positional input; None means: allocate

    Both affect which gradients are computed and where they are stored, never their values.
    """

    __slots__ = ("into", "needs")

    def __init__(self) -> None:
        # dict.__init__ is skipped: the tape makes one context per operation, so this saves time.
        self.needs: tuple[bool, ...] | None = None
        self.into: tuple[Array | None, ...] | None = None

    def wants(self, position: int) -> bool:
        """True if the gradient of the positional input at ``position`` is needed."""
        return self.needs is None or self.needs[position]

    def target(self, position: int) -> Array | None:
        """The output array for the gradient of the input at ``position``, or None."""
        return None if self.into is None else self.into[position]


class Function:
    """The two functions of a formula, without a graph; ``Op`` adds their application to nodes."""

    forward: ClassVar[Callable[..., Array]]
    backward: ClassVar[Callable[..., Any]]
    check_inputs: ClassVar[Callable[..., None] | None] = None
    """The input check of ``Op.do_forward``, called before ``forward`` with the same arguments: it raises ShapeError for
    shapes that do not match. Needed only where NumPy would accept them and compute something else."""
