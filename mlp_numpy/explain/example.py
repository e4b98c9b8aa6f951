"""An example: one formula, its loops, and small inputs for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlp_numpy import modules
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Op


@dataclass(frozen=True)
class Example:
    """The name of a formula, its two loop functions, and example inputs: arrays and constants by name, and dout, the
    gradient of the output."""

    name: str
    forward: Callable[..., Array]
    backward: Callable[..., Array | tuple[Array, ...]]
    arrays: dict[str, Any]
    dout: Any
    constants: dict[str, Any] = field(default_factory=dict)

    @property
    def op(self) -> type[Op]:
        """The formula of that name."""
        op: type[Op] = getattr(modules, self.name)
        return op
