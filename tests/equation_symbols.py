"""What the symbols of a derivation stand for: numbers of an example, so that its equations can be held against them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from equation_values import Values

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.explain import EXAMPLES, FORMULAS
from mlp_numpy.modules.winograd_tiles import matrices

HAT = "x\u0302"
LETTERS = {"weight": "W", "bias": "b", "gamma": "γ", "beta": "β", "matrix": "M", "vectors": "V"}
RNG = np.random.default_rng(5)


def jacobian(f: Callable[..., Any], arrays: list[Array], position: int) -> Array:
    """∂f/∂arrays[position] by complex steps, with the indices of f before those of the array."""
    moved = [array.astype(complex) for array in arrays]
    found = np.zeros(np.shape(f(*arrays)) + arrays[position].shape)
    for at in np.ndindex(*arrays[position].shape):
        before = moved[position][at]
        moved[position][at] = before + 1e-30j
        found[(..., *at)] = np.asarray(f(*moved)).imag / 1e-30
        moved[position][at] = before
    return found


def applied(name: str, arrays: dict[str, Array], constants: dict[str, Any], out: str = "out") -> dict[str, Any]:
    """The symbols of a formula: inputs, ``out``, dout, gradients, and ∂out/∂input."""
    op, context, inputs = FORMULAS[name], Context(), list(arrays.values())
    result = np.asarray(op.forward(context, *inputs, **constants))
    dout = RNG.normal(size=result.shape)
    gradients = op.backward(context, np.asarray(dout))
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    letters = [LETTERS.get(key, key) for key in arrays]
    symbols = dict(zip(letters, inputs, strict=True)) | {out: result, "d" + out: dout}
    for position, letter in enumerate(letters):
        symbols["d" + letter] = gradients[position]
        symbols[f"∂{out}/∂{letter}"] = jacobian(lambda *xs: op.forward(Context(), *xs, **constants), inputs, position)
    return symbols


def of_example(name: str, **constants: Any) -> dict[str, Any]:
    example = EXAMPLES[name]
    arrays = {key: np.array(value) for key, value in example.arrays.items()}
    return applied(name, arrays, example.constants | constants)


def of_numbers(name: str) -> Iterator[Values]:
    """An elementwise formula at one number after the other."""
    op, constants = FORMULAS[name], EXAMPLES[name].constants
    letters = {LETTERS.get(key, key): value for key, value in constants.items()}

    def f(v: float) -> Any:
        return op.forward(Context(), np.array(v), **constants)[()]

    functions = {
        "f": f,
        "f′": lambda v: jacobian(lambda x: op.forward(Context(), x, **constants), [np.array(v)], 0)[()],
        "σ": lambda v: 1 / (1 + math.exp(-v)),
        "σ′": lambda v: math.exp(-v) / (1 + math.exp(-v)) ** 2,
        "tanh′": lambda v: 1 / math.cosh(v) ** 2,
        "erf′": lambda v: 2 / math.sqrt(math.pi) * math.exp(-v * v),
        "Φ": lambda v: (1 + math.erf(v / math.sqrt(2))) / 2,
        "Φ′": lambda v: math.exp(-v * v / 2) / math.sqrt(2 * math.pi),
        "φ": lambda v: math.exp(-v * v / 2) / math.sqrt(2 * math.pi),
    }
    for number in (-4.0, -1.3, -0.4, 0.3, 1.7, 5.0):
        x = np.array(abs(number) if name in ("Log", "Sqrt") else number)
        yield Values(applied(name, {"x": x}, constants) | letters | {"e": math.e, "π": math.pi}, functions)


def of_two_numbers(name: str) -> Iterator[Values]:
    """Arithmetic of two numbers."""
    for a, b in ((1.5, -2.0), (0.7, 3.0)):
        constants = {"condition": np.array(a > 1)} if name == "Where" else {}
        symbols = applied(name, {"a": np.array(a), "b": np.array(b)}, constants)
        yield Values(symbols | {"e": math.e} | ({"c": float(a > 1)} if name == "Where" else {}))


def of_a_loss(name: str) -> Iterator[Values]:
    """A loss with example weights, for each reduction."""
    example = EXAMPLES[name]
    x, y, v = np.array(example.arrays["x"]), example.constants["y"], np.array([1.5, 0.5])
    y = np.array([[0.2, 0.5, 0.3], [0.25, 0.5, 0.25]]) if name == "KLDivergence" else y  # 0 log 0 has no number
    for reduction in ("mean", "sum", "none"):
        constants = example.constants | {"y": y, "weight": v, "reduction": reduction}
        symbols = applied(name, {"x": x}, constants)
        alone = applied(name, {"x": x}, example.constants | {"y": y, "reduction": "none"}, "loss")
        dout, by_value = symbols["dout"], alone["loss"].ndim == 2
        share = dout / (v.sum() * (x.shape[1] if by_value else 1)) if reduction == "mean" else dout
        w = share * (v[:, np.newaxis] if by_value and reduction == "none" else v)
        if w.ndim == 2:  # w depends on k too: one value at a time
            w = w[:, 0]
            symbols, alone = ({k: a[:, :1] if np.ndim(a) == 2 else a for k, a in s.items()} for s in (symbols, alone))
            alone["∂loss/∂x"], y = alone["∂loss/∂x"][:, :1, :, :1], np.asarray(y)[:, :1]
        exponentials = np.exp(symbols["x"])
        z = exponentials.sum(axis=1)
        one_hot = np.eye(x.shape[1])[y] if np.ndim(y) == 1 else y
        signs = {"s": np.sign(symbols["x"] - y)} if name == "L1" else {}
        symbols |= {key: alone[key] for key in ("loss", "∂loss/∂x")} | {"w": w, "v": v, "y": one_hot, "e": math.e}
        symbols |= {"S": exponentials / z[:, np.newaxis], "Z": z, "p": symbols["x"], "dloss": 0} | signs
        stirling = {"s": lambda y: y * math.log(y) - y + math.log(2 * math.pi * y) / 2 if y > 1 else 0}
        yield Values(symbols, stirling if name == "PoissonNLL" else {})


def of_one_value(name: str) -> Iterator[Values]:
    """A loss of one value, whose residual, slope or probabilities have no indices."""
    constants: dict[str, Any] = EXAMPLES[name].constants | {"reduction": "sum"}
    for x, y in ((0.3, 0.9), (0.8, 0.1)) if name.startswith("BCE") else ((0.3, 0.9), (2.5, 0.1), (-2.5, 0.1)):
        constants |= {"y": np.array([[y]])} | ({"pos_weight": np.array([3.0])} if name.startswith("BCE") else {})
        symbols = applied(name, {"x": np.array([[x]])}, constants)
        symbols |= {"y": constants["y"], "w": symbols["dout"][np.newaxis], "ρ": constants.get("pos_weight")}
        symbols |= {"loss": symbols["out"].reshape(1, 1), "∂loss/∂x": symbols["∂out/∂x"].reshape(1, 1, 1, 1)}
        sigmoid, t, r = 1 / (1 + math.exp(-x)), math.exp(-abs(x)), x - y
        more: dict[str, dict[str, Any]] = {
            "BCE": {"p": x, "q": 1 - x, "∂p/∂x": np.ones((1, 1)), "∂q/∂x": -np.ones((1, 1))},
            "BCEWithLogits": {"σ": sigmoid, "t": t, "c": 1 + 2 * y, "e": math.e},
            "Huber": {"r": r, "c": min(max(r, -1), 1), "δ": 1},
            "SmoothL1": {"r": r, "s": min(max(r, -1), 1), "β": 1},
        }
        yield Values(symbols | more[name], {"σ": lambda v: 1 / (1 + math.exp(-v))})


def of_softmax(name: str) -> Iterator[Values]:
    symbols = applied(name, {"x": RNG.normal(size=(2, 3))}, {}, "S" if name == "SoftMax" else "out")
    exponentials = np.exp(symbols["x"])
    more = {"Z": exponentials.sum(axis=1), "S": exponentials / exponentials.sum(axis=1, keepdims=True)}
    yield Values(symbols | more | {"m": symbols["x"].max(axis=1), "dout": symbols.get("dout", symbols.get("dS"))})


def of_a_norm(name: str) -> Iterator[Values]:
    """The statistics of one row, or of one feature, and their derivatives."""
    eps, x = 0.1, RNG.normal(size=4)
    columns, is_rms = name == "BatchNormalize", name == "RMSNormalize"
    constants: dict[str, Any] = {"eps": eps} | ({"groups": 1} if name == "GroupNormalize" else {})
    n_params = 1 if columns else 4
    params = {"gamma": RNG.normal(size=n_params), "beta": RNG.normal(size=n_params)}
    params = {"gamma": params["gamma"]} if is_rms else params
    symbols = applied(name, {"x": x[:, np.newaxis] if columns else x[np.newaxis]} | params, constants)
    symbols = {key: np.squeeze(value) for key, value in symbols.items()}

    def mean(x: Array) -> Any:
        return x.sum() / 4

    def variance(x: Array) -> Any:
        return ((x - mean(x)) ** 2).sum() / 4

    def root(x: Array) -> Any:
        return ((mean(x * x) if is_rms else variance(x)) + eps) ** -0.5

    def normalized(x: Array) -> Any:
        return root(x) * (x - (0 if is_rms else mean(x)))

    for key, f in {"μ": mean, "σ²": variance, "r": root, HAT: normalized}.items():
        symbols |= {key: f(x), f"∂{key}/∂x": jacobian(f, [x], 0)}
    r, g = root(x), symbols["dout"] * symbols["γ"]
    symbols |= {f"∂out/∂{HAT}": symbols["γ"] * np.ones(4), "d" + HAT: g, "g": g, "ε": eps, "D": 4, "K": 4, "B": 4}
    symbols |= {"∂r/∂σ²": -0.5 * r**3, f"∂{HAT}/∂μ": -r * np.ones(4)}
    yield Values(symbols, {}, {"c": lambda at: at["k"]})


def of_a_convolution(name: str) -> Iterator[Values]:
    groups = {"Conv2d": 1, "GroupedConv2d": 2, "DepthwiseConv2d": 2}[name]
    over = EXAMPLES["Conv2d"].constants["over"]
    n_out = 2 * groups
    arrays = {"x": RNG.normal(size=(1, 2, 3, 3)), "weight": RNG.normal(size=(n_out, 2 // groups, 2, 2))}
    arrays["bias"] = RNG.normal(size=n_out)
    symbols = applied(name, arrays, {"over": over} | ({"groups": 2} if name == "GroupedConv2d" else {}))
    if name != "Conv2d":
        split = {"x": (1, 2, 1, 3, 3), "W": (2, 2, 1, 2, 2), "b": (2, 2), "out": (1, 2, 2, 2, 2)}
        if name == "DepthwiseConv2d":
            split |= {"x": (1, 2, 3, 3), "W": (2, 2, 2, 2)}
        shapes = split | {"d" + key: shape for key, shape in split.items()}
        shapes |= {f"∂out/∂{key}": split["out"] + split[key] for key in ("x", "W", "b")}
        symbols = {key: value.reshape(shapes[key]) for key, value in symbols.items()}
    yield Values(symbols, {}, {"h": lambda at: at["i"] + at["u"], "w": lambda at: at["j"] + at["v"]})


def of_winograd(name: str) -> Iterator[Values]:
    """Rows of a tile, a step Y = F X H, and one of the 36 places."""
    d, g, z = RNG.normal(size=6), RNG.normal(size=3), RNG.normal(size=4)
    given = matrices(np.dtype(float))
    y = np.lib.stride_tricks.sliding_window_view(d, 3) @ g
    row = {"d": d, "g": g, "z": z, "y": y, "A": given.a, "B": given.b, "G": given.g, "r": np.convolve(z, g)}
    f, x, h, dy = (RNG.normal(size=shape) for shape in ((2, 3), (3, 4), (4, 2), (2, 2)))
    u, v, dp = (RNG.normal(size=shape) for shape in ((2, 3), (4, 3), (4, 2)))
    step = {"F": f, "X": x, "H": h, "Y": f @ x @ h, "dY": dy, "dX": f.T @ dy @ h.T}
    place = {"U": u, "V": v, "P": v @ u.T, "dP": dp, "dV": dp @ u, "dU": dp.T @ v}
    yield Values(row | step | place, {}, {"l": lambda at: at["i"] + at["u"]})


def of_a_reduction(name: str) -> Iterator[Values]:
    x = RNG.normal(size=(2, 3))
    if name in ("Sum", "Mean", "Max"):
        yield Values(applied(name, {"x": x[0]}, {}) | {"n": 3}, {}, {"j": lambda at: int(x[0].argmax())})
    else:
        symbols = applied(name, {"x": abs(x)}, {}) | {"s": abs(x).sum(axis=1)}
        yield Values(symbols, {}, {"j": lambda at: int(abs(x)[at["n"]].argmax())} if name == "RowMax" else {})


def of_shapes(name: str) -> Iterator[Values]:
    symbols = of_example(name)
    if name == "Expand":
        symbols |= {key: symbols[key][:, 0] for key in ("x", "dx")}
    if name == "Reshape":
        symbols = {key: np.ravel(value) for key, value in symbols.items()}
    yield Values(symbols)


SYMBOLS: dict[str, Callable[[str], Iterator[Values]]] = {
    **dict.fromkeys(("Add", "Sub", "Multiply", "Divide", "Power", "Where"), of_two_numbers),
    **dict.fromkeys(("MSE", "L1", "PoissonNLL"), of_a_loss),
    **dict.fromkeys(("CrossEntropy", "SoftMaxCrossEntropy", "NLL", "KLDivergence"), of_a_loss),
    **dict.fromkeys(("BCE", "BCEWithLogits", "Huber", "SmoothL1"), of_one_value),
    **dict.fromkeys(("SoftMax", "LogSoftMax"), of_softmax),
    **dict.fromkeys(("BatchNormalize", "LayerNormalize", "GroupNormalize", "RMSNormalize"), of_a_norm),
    **dict.fromkeys(("Conv2d", "GroupedConv2d", "DepthwiseConv2d"), of_a_convolution),
    **dict.fromkeys(("Sum", "Mean", "Max", "RowSum", "RowMax", "Normalize"), of_a_reduction),
    **dict.fromkeys(("Linear", "MatrixMultiply", "BatchMM", "Transpose"), of_shapes),
    **dict.fromkeys(("Expand", "Squeeze", "Unsqueeze", "Reshape"), of_shapes),
    **dict.fromkeys(("Sigmoid", "Tanh", "SiLU", "Mish", "Softplus", "LogSigmoid", "GELU", "GELUTanh"), of_numbers),
    **dict.fromkeys(("Exp", "Log", "Sqrt", "Id", "Negate"), of_numbers),
    "WinogradConv2d": of_winograd,
}
"""Formulas whose derivations are held against numbers, and what gives their symbols values."""
