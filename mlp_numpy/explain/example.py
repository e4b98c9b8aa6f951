"""An example: one formula, its loops, and small inputs for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Op
from mlp_numpy.explain.formulas import FORMULAS

X: Final = [[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]]
DOUT: Final = [[1.0, 0.5, -1.0], [2.0, -0.25, 1.0]]
"""The batch of two examples with three features that most examples show, and the gradient of its output."""


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
        return FORMULAS[self.name]
