"""A sequence of modules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from mlp_numpy.arrays import Array
from mlp_numpy.errors import CallOrderError, OptionError, ShapeError
from mlp_numpy.modules.base import Module


class Sequential(Module):
    """A chain of modules: the output of each is the input of the next, and gradients go in reverse.

    ``net[1]`` is a module, ``net[:2]`` a Sequential of the same modules, ``len(net)`` their number.

    Raises OptionError for no modules, anything but modules, or a duplicate layer.
    """

    _memory: ClassVar[dict[str, Any]] = {"_context": None, "_numbers": None}

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        who = type(self).__name__
        if not modules:
            raise OptionError(f"{who}: there must be at least one module, got none.")
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                raise OptionError(f"{who}: argument {position} must be a module, got {type(module).__name__}.")
        layers = [layer for module in modules for _, layer in module.leaves()]
        seen: set[int] = set()
        for layer in layers:
            if id(layer) in seen:
                raise OptionError(
                    f"{who}: every layer must occur once, but {layer!r} occurs twice. A module caches one "
                    "forward, so its second would overwrite what the first one's backward needs. Hint: use two layers."
                )
            seen.add(id(layer))
        self._modules = modules
        # the forward of each module that belongs to the last forward of this Sequential
        self._numbers: list[int] | None = None
        kinds = (module.output_kind for module in reversed(modules))
        self.output_kind = next((kind for kind in kinds if kind != "its input"), "its input")

    def forward(self, x: Array) -> Array:
        """The output of the last module."""
        for module in self._modules:
            x = module.forward(x)
        self._n_forwards += 1
        self._numbers = [module._n_forwards for module in self._modules]
        return x

    def backward(self, dout: Array) -> Array | None:
        """∂L/∂x of the first module; every module fills its ``grads``.

        Returns None if an input_layer returns no gradient and no module before it has parameters. Raises
        CallOrderError, before any gradient is written, if a module has run another forward since the last one of this
        Sequential; if the modules were called one by one, and not by a forward of this Sequential, their last forwards
        are differentiated.
        """
        self._check_memory()
        dx = self._modules[-1].backward(dout) if self._modules else dout
        for position in range(len(self._modules) - 2, -1, -1):
            if dx is None:
                if not any(True for module in self._modules[: position + 1] for _ in module.named_parameters()):
                    return None
                raise ShapeError(
                    f"{self!r}.backward: {self._modules[position + 1]!r} gives no gradient to its input. "
                    "Hint: only the first layer that learns may be an input_layer."
                )
            dx = self._modules[position].backward(dx)
        return dx

    @property
    def layers(self) -> tuple[Module, ...]:
        """The modules in the order of the forward pass."""
        return self._modules

    @property
    def modules(self) -> tuple[Module, ...]:
        """The same as ``layers``."""
        return self._modules

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

    def _check_memory(self) -> None:
        for module, number in zip(self._modules, self._numbers or (), strict=bool(self._numbers)):
            if module._n_forwards != number:
                raise CallOrderError(
                    f"{self!r}.backward: {module!r} must have run no other forward since this one's, but has. A module "
                    "remembers one forward. Hint: backward before the next forward of a shared module."
                )
        for module in self._modules:
            module._check_memory()

    def _repr_args(self) -> str:
        return ", ".join(repr(module) for module in self._modules)
