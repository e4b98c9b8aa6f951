"""A mutant: a deliberately wrong formula that the audit must catch."""

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

    op         the formula, or a module composed of modules
    name       description of the error
    backward   the wrong derivative: (context, dout) → gradients; for a module, its method ``backward``
    forward    makes a wrong forward, if the error begins there; called for each application, so that state is separate
    why        one sentence for whoever makes this mistake; empty if the name says it all
    """

    op: type[Op] | type[Module]
    name: str
    backward: Backward
    forward: Callable[[], Callable[..., Any]] | None = None
    why: str = ""

    def fits(self, module: Module) -> bool:
        """True if the module uses the formula in its present mode."""
        if module.children():
            return type(module) is self.op
        return module._active_op() is self.op

    def apply(self, module: Module) -> None:
        """Replace the module's formula by the wrong one, a new subclass of the correct one."""
        name = f"Wrong{self.op.__name__}"
        if module.children():
            module.__class__ = type(name, (type(module),), {"backward": self.backward})
            return
        functions = {"backward": staticmethod(self.backward)}
        if self.forward is not None:
            functions["forward"] = staticmethod(self.forward())
        wrong = type(name, (self.op,), functions)
        # losses read ``op``; layers with one formula per mode override ``_active_op``
        vars(module)["op"], vars(module)["_active_op"] = wrong, lambda: wrong

    @property
    def has_effect(self) -> bool:
        """True if its values ever differed from the correct formula's; assumed for hand-written mistakes."""
        return getattr(self.backward, "has_effect", True)
