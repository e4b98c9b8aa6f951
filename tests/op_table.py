"""One row an elementary formula: how to draw what it eats, and the same forward in NumPy's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import ops
from mlp_numpy.autodiff.op import Op

Rng = np.random.Generator


@dataclass(frozen=True)
class Row:
    """A formula applied to arrays of these shapes with these constants, and the NumPy function that it must equal."""

    name: str
    op: type[Op]
    shapes: tuple[tuple[int, ...], ...]
    expected: Callable[..., Array]
    constants: dict[str, Any] = field(default_factory=dict)
    positive: bool = False

    def sample(self, seed: int = 3) -> list[Array]:
        rng = np.random.default_rng(seed)
        draws = [rng.normal(size=shape) for shape in self.shapes]
        return [np.asarray(np.abs(array) + 0.5 if self.positive else array) for array in draws]

    def __str__(self) -> str:
        return f"{self.name} {' '.join(map(str, self.shapes))} {self.constants or ''}".strip()


PAIRS = [
    ((2, 3), (2, 3)),
    ((2, 3), (3,)),
    ((2, 1), (1, 3)),
    ((), (2, 3)),
    ((4, 2, 3), (2, 1)),
    ((1,), (1, 1)),
    ((0, 3), (1, 3)),
    ((), ()),
]
SHAPES = [(2, 3), (4,), (), (1, 1), (2, 1, 3), (0, 2)]
MASK = np.array([[True, False, True], [False, False, True]])


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


ROWS = [
    *(Row("add", ops.Add, pair, lambda a, b: a + b) for pair in PAIRS),
    *(Row("sub", ops.Sub, pair, lambda a, b: a - b) for pair in PAIRS),
    *(Row("multiply", ops.Multiply, pair, lambda a, b: a * b) for pair in PAIRS),
    *(Row("divide", ops.Divide, pair, lambda a, b: a / b, positive=True) for pair in PAIRS),
    *(Row("power", ops.Power, pair, lambda a, b: a**b, positive=True) for pair in PAIRS),
    *(
        Row("where", ops.Where, pair, lambda a, b, condition: np.where(condition, a, b), {"condition": MASK})
        for pair in (((2, 3), (3,)), ((), (2, 3)), ((2, 1), (1, 3)), ((3,), ()))
    ),
    *(Row("negate", ops.Negate, (shape,), lambda x: -x) for shape in SHAPES),
    *(Row("id", ops.Id, (shape,), lambda x: x) for shape in SHAPES),
    *(Row("exp", ops.Exp, (shape,), np.exp) for shape in SHAPES),
    *(Row("log", ops.Log, (shape,), np.log, positive=True) for shape in SHAPES),
    *(Row("sqrt", ops.Sqrt, (shape,), np.sqrt, positive=True) for shape in SHAPES),
    *(Row("tanh", ops.Tanh, (shape,), np.tanh) for shape in SHAPES),
    *(Row("sigmoid", ops.Sigmoid, (shape,), _sigmoid) for shape in SHAPES),
    *(Row("relu", ops.ReLU, (shape,), _relu) for shape in SHAPES),
    *(
        Row(name, op, (shape,), function, {"axis": axis, "keepdims": keepdims})
        for name, op, function in (("sum", ops.Sum, np.sum), ("mean", ops.Mean, np.mean), ("max", ops.Max, np.max))
        for shape, axis in (((2, 3), None), ((2, 3), 0), ((2, 3), -1), ((2, 1, 3), 1), ((), None), ((1, 1), None))
        for keepdims in (False, True)
    ),
    *(
        Row(name, op, ((2, 3, 4),), function, {"axis": (0, -1), "keepdims": keepdims})
        for name, op, function in (("sum", ops.Sum, np.sum), ("mean", ops.Mean, np.mean))
        for keepdims in (False, True)
    ),
    *(Row("row sum", ops.RowSum, (shape,), lambda x: x.sum(axis=1)) for shape in ((2, 3), (1, 3), (2, 1), (1, 1))),
    *(Row("row max", ops.RowMax, (shape,), lambda x: x.max(axis=1)) for shape in ((2, 3), (1, 3), (2, 1), (1, 1))),
    *(
        Row("normalize", ops.Normalize, (shape,), lambda x: x / x.sum(axis=1, keepdims=True), positive=True)
        for shape in ((2, 3), (1, 3), (2, 1), (1, 1))
    ),
    *(
        Row("matrix multiply", ops.MatrixMultiply, pair, lambda a, b: a @ b)
        for pair in (
            ((2, 3), (3, 4)),
            ((1, 1), (1, 1)),
            ((1, 3), (3, 1)),
            ((5, 2, 3), (3, 4)),
            ((5, 2, 3), (5, 3, 1)),
            ((2, 3), (5, 3, 4)),
            ((1, 2, 3), (5, 3, 4)),
        )
    ),
    *(
        Row("batch mm", ops.BatchMM, pair, lambda matrix, vectors: vectors @ matrix.T)
        for pair in (((4, 3), (2, 3)), ((1, 3), (1, 3)), ((1, 1), (5, 1)))
    ),
    Row("expand", ops.Expand, ((2, 1),), lambda x, dim, repeats: np.repeat(x, repeats, dim), {"dim": 1, "repeats": 4}),
    Row("expand", ops.Expand, ((1,),), lambda x, dim, repeats: np.repeat(x, repeats, dim), {"dim": -1, "repeats": 1}),
    Row("squeeze", ops.Squeeze, ((2, 1, 3),), lambda x, dim: x.squeeze(dim), {"dim": 1}),
    Row("squeeze", ops.Squeeze, ((1, 1),), lambda x, dim: x.squeeze(dim), {"dim": -1}),
    Row("unsqueeze", ops.Unsqueeze, ((2, 3),), lambda x, dim: np.expand_dims(x, dim), {"dim": 1}),
    Row("unsqueeze", ops.Unsqueeze, ((),), lambda x, dim: np.expand_dims(x, dim), {"dim": 0}),
    Row("reshape", ops.Reshape, ((2, 3),), lambda x, shape: x.reshape(shape), {"shape": (3, -1)}),
    Row("reshape", ops.Reshape, ((1, 1),), lambda x, shape: x.reshape(shape), {"shape": ()}),
    Row("transpose", ops.Transpose, ((2, 3),), lambda x: x.T),
    Row("transpose", ops.Transpose, ((2, 3, 4),), lambda x, axes: x.transpose(axes), {"axes": (2, 0, -2)}),
    Row("concatenate", ops.Concatenate, ((2, 3), (1, 3)), lambda *xs, axis: np.concatenate(xs, axis), {"axis": 0}),
    Row(
        "concatenate",
        ops.Concatenate,
        ((2, 3), (2, 1), (2, 0)),
        lambda *xs, axis: np.concatenate(xs, axis),
        {"axis": -1},
    ),
    *(
        Row(
            "select",
            ops.Select,
            ((len(i), 3),),
            lambda x, indices: x[np.arange(len(x)), indices],
            {"indices": np.array(i)},
        )
        for i in ([2, 0, 2, 1], [1])
    ),
    *(
        Row("index", ops.Index, ((4, 3),), lambda x, index: x[index], {"index": index})
        for index in (
            1,
            -1,
            slice(1, 3),
            (slice(None), 0),
            (Ellipsis, None, slice(None, None, 2)),
            [0, 0, 2],
            (np.array([1, 1]), np.array([2, 2])),
            np.arange(12).reshape(4, 3) % 2 == 0,
            (2, 1),
            np.int64(1),
        )
    ),
]
