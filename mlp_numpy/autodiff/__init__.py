"""Reverse-mode automatic differentiation: formulas, and the tape that records them.

    import mlp_numpy.autodiff as vg

Programs written for vugrad, the teaching library of the course behind "Assignment 2", run with this import in place of
their own, including its data loaders ``load_synth`` and ``load_mnist``. Two differences: initial values and synthetic
data come from NumPy's generators (an argument ``rng`` or ``seed``), not from its global state; and ``softmax`` does not
overflow. Higher-order derivatives are not supported: a gradient is an array, not a node.

Ambiguous names: as in vugrad, ``Linear`` and ``Module`` are here the layer and the base class of tape networks. The
fused formula ``Linear``, and the modules without a graph, are in ``mlp_numpy.modules``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp_numpy.autodiff.core import Node, Operand, OpNode, TensorNode, no_grad
from mlp_numpy.autodiff.explain import explain
from mlp_numpy.autodiff.formula import Context
from mlp_numpy.autodiff.functions import (
    celoss,
    concatenate,
    exp,
    log,
    logceloss,
    logsoftmax,
    relu,
    sigmoid,
    softmax,
    sqrt,
    tanh,
    where,
)
from mlp_numpy.autodiff.modules import Linear, Module
from mlp_numpy.autodiff.op import Op
from mlp_numpy.autodiff.ops import (
    Add,
    BatchMM,
    Concatenate,
    Divide,
    Exp,
    Expand,
    Id,
    Index,
    Log,
    MatrixMultiply,
    Max,
    Mean,
    Multiply,
    Negate,
    Normalize,
    Power,
    ReLU,
    Reshape,
    RowMax,
    RowSum,
    Select,
    Sigmoid,
    Sqrt,
    Squeeze,
    Sub,
    Sum,
    Tanh,
    Transpose,
    Unsqueeze,
    Where,
)

# mlp_numpy.data imports download libraries that formulas do not need, so it is imported when a loader is accessed.
if TYPE_CHECKING:
    from mlp_numpy.data.vugrad_api import load_mnist, load_synth
else:

    def __getattr__(name: str) -> Any:
        if name in ("load_mnist", "load_synth"):
            return getattr(import_module("mlp_numpy.data.vugrad_api"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Add",
    "BatchMM",
    "Concatenate",
    "Context",
    "Divide",
    "Exp",
    "Expand",
    "Id",
    "Index",
    "Linear",
    "Log",
    "MatrixMultiply",
    "Max",
    "Mean",
    "Module",
    "Multiply",
    "Negate",
    "Node",
    "Normalize",
    "Op",
    "OpNode",
    "Operand",
    "Power",
    "ReLU",
    "Reshape",
    "RowMax",
    "RowSum",
    "Select",
    "Sigmoid",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Tanh",
    "TensorNode",
    "Transpose",
    "Unsqueeze",
    "Where",
    "celoss",
    "concatenate",
    "exp",
    "explain",
    "load_mnist",
    "load_synth",
    "log",
    "logceloss",
    "logsoftmax",
    "no_grad",
    "relu",
    "sigmoid",
    "softmax",
    "sqrt",
    "tanh",
    "where",
]
