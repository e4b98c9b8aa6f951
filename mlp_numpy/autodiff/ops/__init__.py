"""Elementary formulas, simple enough to be checked numerically."""

from mlp_numpy.autodiff.ops.arithmetic import Add, Divide, Multiply, Negate, Power, Sub, Where
from mlp_numpy.autodiff.ops.broadcasting import unbroadcast
from mlp_numpy.autodiff.ops.functions import Exp, Id, Log, ReLU, Sigmoid, Sqrt, Tanh
from mlp_numpy.autodiff.ops.matrices import BatchMM, MatrixMultiply
from mlp_numpy.autodiff.ops.reductions import Axes, Max, Mean, Normalize, RowMax, RowSum, Sum
from mlp_numpy.autodiff.ops.shapes import Concatenate, Expand, Index, Reshape, Select, Squeeze, Transpose, Unsqueeze

__all__ = [
    "Add",
    "Axes",
    "BatchMM",
    "Concatenate",
    "Divide",
    "Exp",
    "Expand",
    "Id",
    "Index",
    "Log",
    "MatrixMultiply",
    "Max",
    "Mean",
    "Multiply",
    "Negate",
    "Normalize",
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
    "Transpose",
    "Unsqueeze",
    "Where",
    "unbroadcast",
]
