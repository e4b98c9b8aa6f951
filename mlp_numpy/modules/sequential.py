"""Modules in a row."""

from __future__ import annotations

from collections.abc import Iterator

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules.base import Module


class Sequential(Module):
    """Modules one behind the other: each forward takes what the one before it gave, each backward what the next gave.

    ``net[1]`` is a module, ``net[:2]`` a Sequential of the same modules, ``len(net)`` their number.

    Raises OptionError if it is given nothing, something that is no module, or the same layer twice.
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        who = type(self).__name__
        if not modules:
            raise OptionError(f"{who}: there must be at least one module, got none.")
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise OptionError(f"{who}: argument {position} must be a module, got {type(module).__name__}.")
        layers = [layer for module in modules for _, layer in module.leaves()]
        for position, layer in enumerate(layers):
            if any(layer is other for other in layers[:position]):
                raise OptionError(
                    f"{who}: every layer must stand once, but {layer!r} stands twice. A module remembers one "
                    "forward, so its second would overwrite what the first one's backward needs. Hint: make two of it."
                )
        self._modules = modules
        self.gives = next((module.gives for module in reversed(modules) if module.gives != "its input"), "its input")

    def forward(self, x: Array) -> Array:
        """The output of the last module."""
        for module in self._modules:
            x = module.forward(x)
        return x

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x of the first module; on the way every module fills its ``grads``.

        Returns None where an input_layer gives no gradient and nothing before it learns.
        """
        dx: Array | None = dout
        for position in range(len(self._modules) - 1, -1, -1):
            if dx is None:
                if not any(True for module in self._modules[: position + 1] for _ in module.learned()):
                    return None
                raise ShapeError(
                    f"{self!r}.backward: {self._modules[position + 1]!r} gives no gradient to its input. "
                    "Hint: only the first layer that learns may be an input_layer."
                )
            dx = self._modules[position].backward(dx)
        return dx

    def children(self) -> dict[str, Module]:
        """The modules under their positions, "0", "1", …"""
        return {str(position): module for position, module in enumerate(self._modules)}

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules)

    def __getitem__(self, position: int | slice) -> Module:
        chosen = self._modules[position]
        return Sequential(*chosen) if isinstance(chosen, tuple) else chosen

    def _arguments(self) -> str:
        return ", ".join(repr(module) for module in self._modules)
