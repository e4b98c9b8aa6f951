"""Tape networks: parameters that persist between graphs, and modules that compute with them.

Not to be confused with ``mlp_numpy.modules``, whose modules apply the formulas without a graph. Both packages have a
``Module`` and a ``Linear``: there ``Linear`` is the formula, here, as in vugrad, the layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlp_numpy.arrays import Seed, generator
from mlp_numpy.autodiff.core import TensorNode
from mlp_numpy.autodiff.ops import BatchMM
from mlp_numpy.checks import allocatable, float_dtype, shown, whole_number
from mlp_numpy.errors import DTypeError, ShapeError


class Module:
    """Parameters, and a ``forward`` that computes with them; ``module(x)`` is ``module.forward(x)``.

    ``backward`` is not needed: it follows from the graph that ``forward`` records.
    """

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """The module's output; to be implemented by subclasses."""
        raise NotImplementedError(f"{type(self).__name__}.forward: subclasses must implement it.")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.forward(*inputs, **options)

    def parameters(self) -> list[TensorNode]:
        """The parameters: by default every leaf with a gradient in this module's attributes, including lists and
        modules, in order of assignment, without duplicates. Subclasses may override it."""
        return [node for _, node in _found(self, "")]

    def named_parameters(self) -> Iterator[tuple[str, TensorNode]]:
        """The parameters with the dotted names of the attributes that hold them, such as "layer1.w"."""
        names = {id(node): name for name, node in _found(self, "")}
        for position, node in enumerate(self.parameters()):
            yield names.get(id(node), str(position)), node

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to zero."""
        for node in self.parameters():
            node.zero_grad()


class Linear(Module):
    """``x Wᵀ + b`` for a batch ``x`` (N, input_size): parameters ``w`` (output_size, input_size) and ``b``
    (1, output_size).

    The weights have Glorot's normal initialization with standard deviation √(2 / (input_size + output_size)), the
    biases start at 0. ``rng`` is a seed or generator. The weight is stored column-major, which makes its products
    faster.

    Raises OptionError for sizes below 1, ShapeError in ``forward`` for an ``x`` that is not (N, input_size).
    """

    def __init__(self, input_size: int, output_size: int, *, rng: Seed = None, dtype: Any = np.float64) -> None:
        input_size = whole_number("Linear", "input_size", input_size)
        output_size = whole_number("Linear", "output_size", output_size)
        allocatable("Linear", (output_size, input_size))
        dtype = float_dtype("Linear", dtype)
        std = np.sqrt(2 / (input_size + output_size))
        weight = generator(rng).normal(0, std, size=(output_size, input_size))
        self.w = TensorNode(np.asfortranarray(weight, dtype=dtype), name="w")
        self.b = TensorNode(np.zeros((1, output_size), dtype=dtype), name="b")

    def forward(self, x: TensorNode) -> TensorNode:
        n_out, n_in = self.w.shape
        if not isinstance(x, TensorNode):
            raise DTypeError(f"Linear({n_in} → {n_out}).forward: x must be a TensorNode, got {shown(x)}.")
        if x.ndim != 2 or x.shape[1] != n_in:
            raise ShapeError(
                f"Linear({n_in} → {n_out}).forward: x must be (N, {n_in}), got {x.shape}. Hint: flatten the images."
            )
        return BatchMM.do_forward(self.w, x) + self.b

    def __repr__(self) -> str:
        n_out, n_in = self.w.shape
        return f"Linear({n_in}, {n_out})"


def _found(module: Module, prefix: str) -> list[tuple[str, TensorNode]]:
    """Every parameter below ``module``, without duplicates, with its dotted name; the recursion is as deep as modules
    are nested."""
    found: list[tuple[str, TensorNode]] = []
    seen: set[int] = set()
    stack: list[tuple[str, Any]] = [(prefix, module)]
    while stack:
        name, holder = stack.pop()
        if id(holder) in seen:
            continue
        if isinstance(holder, TensorNode):
            if holder.is_leaf and holder.needs_grad:
                seen.add(id(holder))
                found.append((name, holder))
        elif isinstance(holder, Module | list | tuple | dict):
            seen.add(id(holder))
            parts = vars(holder) if isinstance(holder, Module) else holder
            pairs = parts.items() if isinstance(parts, dict) else enumerate(parts)
            stack += reversed([(f"{name}.{key}".lstrip("."), part) for key, part in pairs])
    return found
