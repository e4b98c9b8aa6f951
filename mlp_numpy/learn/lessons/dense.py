"""Exercises about elementary formulas, the fully connected layer, and networks of both."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.autodiff import Add, Multiply, Power
from mlp_numpy.checking.sampler import Sampler
from mlp_numpy.explain.example import DOUT, X
from mlp_numpy.learn.exercise import Arguments, Exercise
from mlp_numpy.learn.lessons.formula_module import FormulaModule, with_params
from mlp_numpy.modules import DropoutMask, LinearModule, Module, ReLUModule, Residual, Sequential

_LINEAR: Final = {"x": X, "weight": [[2.0, 1.0, 0.0], [-1.0, 0.5, 4.0]], "bias": [0.5, -1.0]}
_DOUT_OF_2: Final = [[1.0, 0.5], [2.0, -1.0]]


def batch(draws: Sampler) -> Arguments:
    """x (N, D) alone."""
    return {"x": draws.numbers(*draws.shape(2))}


def _add(draws: Sampler) -> Arguments:
    n, d = draws.shape(2)
    return {"x": draws.numbers(n, d), "b": draws.numbers(d)}


def _multiply(draws: Sampler) -> Arguments:
    n, d = draws.shape(2)
    return {"x": draws.numbers(n, d), "w": draws.numbers(n, d)}


def _linear(draws: Sampler) -> Arguments:
    n, d, m = draws.shape(3)
    return {"x": draws.numbers(n, d), "weight": draws.numbers(m, d), "bias": draws.numbers(m)}


def _linear_module(given: Arguments) -> Module:
    m, d = given["weight"].shape
    return with_params(LinearModule(d, m), given["weight"], given["bias"])


def _mlp(draws: Sampler) -> Arguments:
    n, d, h, m = draws.shape(4)
    return {
        "x": draws.numbers(n, d),
        "w1": draws.numbers(h, d),
        "b1": draws.numbers(h),
        "w2": draws.numbers(m, h),
        "b2": draws.numbers(m),
    }


def _mlp_module(given: Arguments) -> Module:
    (h, d), m = given["w1"].shape, len(given["w2"])
    net = Sequential(LinearModule(d, h), ReLUModule(), LinearModule(h, m))
    return with_params(net, *(given[name] for name in ("w1", "b1", "w2", "b2")))


def _dropout(draws: Sampler) -> Arguments:
    x = draws.numbers(*draws.shape(2))
    return {"x": x, "mask": draws.rng.integers(2, size=x.shape).astype(np.float64), "p": 0.25}


def _dropout_module(given: Arguments) -> Module:
    return FormulaModule(DropoutMask, {"mask": given["mask"] / (1 - given["p"])})


def _residual(draws: Sampler) -> Arguments:
    n, d = draws.shape(2)
    return {"x": draws.numbers(n, d), "weight": draws.numbers(d, d)}


def _residual_module(given: Arguments) -> Module:
    d = len(given["weight"])
    return with_params(Residual(LinearModule(d, d, bias=False), ReLUModule()), given["weight"])


ELEMENTARY_LESSONS: Final = (
    Exercise(
        "square",
        "a square, and the chain rule",
        {"x": "x"},
        {"x": X},
        DOUT,
        batch,
        lambda given: FormulaModule(Power, exponent=np.array([2.0])),
    ),
    Exercise(
        "add",
        "a sum, and broadcasting",
        {"x": "x", "b": "b"},
        {"x": X, "b": [0.5, -1.0, 2.0]},
        DOUT,
        _add,
        lambda given: FormulaModule(Add, b=given["b"].copy()),
    ),
    Exercise(
        "multiply",
        "a product, elementwise",
        {"x": "x", "w": "w"},
        {"x": X, "w": [[2.0, 1.0, 0.0], [-1.0, 0.5, 4.0]]},
        DOUT,
        _multiply,
        lambda given: FormulaModule(Multiply, w=given["w"].copy()),
    ),
    *(
        Exercise(
            f"linear_d{name}",
            f"fully connected layer, d{name}",
            {name: name},
            _LINEAR,
            _DOUT_OF_2,
            _linear,
            _linear_module,
        )
        for name in ("x", "weight", "bias")
    ),
)

NET_LESSONS: Final = (
    Exercise(
        "mlp",
        "the chain: a network of three layers",
        {"w1": "0.weight", "b1": "0.bias", "w2": "2.weight", "b2": "2.bias"},
        {
            "x": X,
            "w1": [[1.0, 0.0, 2.0], [-1.0, 1.0, 0.5]],
            "b1": [0.5, 1.0],
            "w2": [[2.0, -1.0], [0.5, 1.0]],
            "b2": [0.0, 1.0],
        },
        _DOUT_OF_2,
        _mlp,
        _mlp_module,
    ),
    Exercise(
        "dropout",
        "dropout, with its mask given",
        {"x": "x"},
        {"x": X, "mask": [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], "p": 0.5},
        DOUT,
        _dropout,
        _dropout_module,
    ),
    Exercise(
        "residual",
        "a residual block: x takes two paths",
        {"x": "x", "weight": "0.weight"},
        {"x": X, "weight": [[1.0, 0.0, 2.0], [-1.0, 1.0, 0.5], [0.0, 2.0, -1.0]]},
        DOUT,
        _residual,
        _residual_module,
    ),
)
