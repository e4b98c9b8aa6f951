"""Summary of a network: layers, output shapes, parameters, and the memory for a batch."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown, sizes, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import Module, Residual


@dataclass(frozen=True)
class SummaryRow:
    """One layer: dotted name, representation, output shape without the N, number of parameters."""

    name: str
    layer: str
    out_shape: tuple[int, ...]
    n_parameters: int


@dataclass(frozen=True)
class Summary:
    """The result of ``summary``. ``str()`` is a table.

    n_parameters      number of parameters
    parameter_bytes   memory of parameters and gradients, without the optimizer's
    kept_bytes        memory that a batch of ``batch`` examples takes between forward and backward
    """

    rows: tuple[SummaryRow, ...]
    n_parameters: int
    parameter_bytes: int
    batch: int
    kept_bytes: int

    def __str__(self) -> str:
        cells = [("", "layer", "output", "parameters")]
        cells += [
            (row.name, row.layer, " × ".join(map(str, row.out_shape)), f"{row.n_parameters:,}") for row in self.rows
        ]
        widths = [max(len(cell[column]) for cell in cells) for column in range(4)]
        lines = [
            f"{name:<{widths[0]}}  {layer:<{widths[1]}}  {out:<{widths[2]}}  {count:>{widths[3]}}".rstrip()
            for name, layer, out, count in cells
        ]
        return "\n".join(
            [
                *lines,
                f"{self.n_parameters:,} parameters, {_megabytes(self.parameter_bytes)} with their gradients; "
                f"a batch of {self.batch} keeps {_megabytes(self.kept_bytes)} for backward",
            ]
        )


def summary(model: Module, input_shape: tuple[int, ...], batch: int = 32) -> Summary:
    """Summarize a model by a forward pass of one example and one of two through a copy.

    input_shape   the shape of one example, without the N: (3072,), or (3, 32, 32)
    batch         batch size for the memory

    Raises OptionError for a batch below 1, and the model's errors for examples of another shape.
    """
    batch = whole_number("summary", "batch", batch)
    if not isinstance(model, Module):
        raise OptionError(f"summary: model must be a module, got {shown(model)}.")
    input_shape = sizes("summary", "input_shape", input_shape)
    twin = copy.deepcopy(model)
    dtype = next((array.value.dtype for _, array in twin.named_parameters()), np.dtype(np.float64))
    rows: list[SummaryRow] = []
    kept = []
    for n in (1, 2):
        rows.clear()
        _walk(twin, "", np.zeros((n, *input_shape), dtype), rows)
        kept.append(_kept_bytes(twin))
    n_parameters = sum(array.value.size for _, array in twin.named_parameters())
    parameter_bytes = sum(array.value.nbytes + array.grad.nbytes for _, array in twin.named_parameters())
    return Summary(tuple(rows), n_parameters, parameter_bytes, batch, kept[0] + (batch - 1) * (kept[1] - kept[0]))


def _walk(module: Module, name: str, x: Array, rows: list[SummaryRow]) -> Array:
    """The forward pass of ``module``, layer by layer, with one row for each."""
    if not module.children():
        out = module.forward(x)
        n_parameters = sum(array.value.size for _, array in module.named_parameters())
        rows.append(SummaryRow(name, repr(module), out.shape[1:], n_parameters))
        return out
    start = x
    for key, child in module.children().items():
        x = _walk(child, f"{name}.{key}".lstrip("."), x, rows)
    if isinstance(module, Residual):
        x = start + x
        rows.append(SummaryRow(name, "+ the input of these", x.shape[1:], 0))
    return x


def _kept_bytes(module: Module) -> int:
    """The size of all arrays that the layers cache for backward, each counted once, without the parameters."""
    found: dict[int, Any] = {}
    for _, leaf in module.leaves():
        for value in (leaf._context or {}).values():
            if isinstance(value, np.ndarray):
                root = _root(value)
                found[id(root)] = root
    for _, learned in module.named_parameters():
        found.pop(id(_root(learned.value)), None)
    return sum(root.nbytes for root in found.values())


def _root(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _megabytes(n: int) -> str:
    return f"{n / 1e6:,.1f} MB"
