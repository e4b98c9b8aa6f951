"""A mutant: a formula that was made wrong on purpose, and that the audit must see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from mlp_numpy.autodiff import Op
from mlp_numpy.modules import Module

Backward: TypeAlias = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """One wrong version of a formula.

    op         the formula, or a module that is made of modules
    name       what is wrong
    backward   the wrong derivative: (context, dout) → gradients, of a module its method ``backward``
    forward    makes a forward, where the mistake begins there; each application has its own, with its own memory
    """

    op: type[Op] | type[Module]
    name: str
    backward: Backward
    forward: Callable[[], Callable[..., Any]] | None = None

    def fits(self, module: Module) -> bool:
        """Whether the module uses the formula, in the mode that it is in."""
        if module.children():
            return type(module) is self.op
        return module._active_op() is self.op

    def apply(self, module: Module) -> None:
        """Let the module use the wrong formula, a new subclass of the right one, from now on."""
        name = f"Wrong{self.op.__name__}"
        if module.children():
            module.__class__ = type(name, (type(module),), {"backward": self.backward})
            return
        functions = {"backward": staticmethod(self.backward)}
        if self.forward is not None:
            functions["forward"] = staticmethod(self.forward())
        wrong = type(name, (self.op,), functions)
        # a loss takes the first, a layer with a formula for each mode overrides the second
        vars(module)["op"], vars(module)["_active_op"] = wrong, lambda: wrong

    @property
    def has_effect(self) -> bool:
        """Whether it ever gave other numbers than the right formula; a mistake by hand is taken to do so."""
        return getattr(self.backward, "has_effect", True)
