"""An elementary formula as a module, so that it can be audited as layers are."""

from __future__ import annotations

from typing import Any

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Op
from mlp_numpy.modules import Module


class FormulaModule(Module):
    """``op`` as a module: its first array is the input, further ones are parameters, and ``constants`` its keywords."""

    def __init__(self, op: type[Op], constants: dict[str, Any] | None = None, **arrays: Array) -> None:
        self.op = op
        self._constants_of_op = constants or {}
        super().__init__(**arrays)

    def _op_kwargs(self) -> dict[str, Any]:
        return self._constants_of_op


def with_params(module: Module, *values: Array) -> Module:
    """The module with these values of its parameters, in their order."""
    for (_, learned), value in zip(module.named_parameters(), values, strict=True):
        learned.value[...] = value
    return module
