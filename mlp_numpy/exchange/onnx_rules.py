"""The modules that subgraphs of an ONNX graph stand for: templates, and what makes a module of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import shown
from mlp_numpy.exchange.onnx_forms import averaging
from mlp_numpy.exchange.onnx_graph import Bound, NodeTemplate, Template
from mlp_numpy.modules import (
    SELU,
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    Dropout,
    ELUModule,
    FlattenModule,
    GELUModule,
    GELUTanh,
    GroupNorm,
    HardswishModule,
    HardtanhModule,
    IdentityModule,
    Initializer,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    RMSNorm,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    UnflattenModule,
)
from mlp_numpy.modules.windows import Pair

Make: TypeAlias = Callable[[Bound], Module | None]
"""The module of a matched template, None for a node without effect; raises ValueError if there is no such module."""


def _filled(module: Module, **arrays: Array) -> Module:
    """``module`` with these parameters and buffers."""
    module.load_state(module.state() | arrays)
    return module


def _start(weight: Array) -> Initializer:
    """The initializer of a weight that is known."""
    return lambda rng, shape, *, input_layer: weight


def _linear(weight: Array, bias: Array | None) -> Module:
    if weight.ndim != 2 or weight.dtype.kind != "f":
        raise ValueError(f"the weight must be a matrix of floating numbers, got {weight.shape} of {weight.dtype}")
    m, d = weight.shape
    module = LinearModule(d, m, bias=bias is not None, init=_start(weight), dtype=weight.dtype)
    return _filled(module, weight=weight, **({} if bias is None else {"bias": _vector(bias, m)}))


def _vector(values: Array, n: int) -> Array:
    """One value per feature, from any shape that broadcasts to it."""
    return np.broadcast_to(values.reshape(-1), (n,))


def _gemm(bound: Bound) -> Module:
    node, weight = bound.nodes["node"], bound.constants["weight"]
    node.expect(alpha=(1,), beta=(1,), transA=(0,), transB=(0, 1))
    return _linear(weight if node.attributes.get("transB", 0) else weight.T, bound.constants.get("bias"))


def _matmul(bound: Bound) -> Module:
    return _linear(bound.constants["weight"].T, bound.constants.get("bias"))


def _conv(bound: Bound) -> Module:
    node, weight, bias = bound.nodes["node"], bound.constants["weight"], bound.constants.get("bias")
    node.expect(auto_pad=("NOTSET", "VALID", "SAME_UPPER"))
    if weight.ndim != 4:
        raise ValueError(f"the weight must be (M, C, KH, KW), got {weight.shape}")
    kernel, stride, pads = _windows(bound, weight.shape[2:])
    groups = node.attributes.get("group", 1)
    options = {
        "dilation": tuple(node.attributes.get("dilations", (1, 1))),
        "groups": groups,
        "bias": bias is not None,
        "init": _start(weight),
        "dtype": weight.dtype,
    }
    same = node.attributes.get("auto_pad") == "SAME_UPPER"
    padding: Any = "same" if same or pads[:2] != pads[2:] else pads[:2]
    module = Conv2dModule(weight.shape[1] * groups, weight.shape[0], kernel, stride, padding, **options)
    if not same and (*module.windows.padding, *module.windows.after) != pads:
        raise ValueError(f"pads must have the same padding on opposite sides, or that of SAME_UPPER, got {pads}")
    return _filled(module, weight=weight, **({} if bias is None else {"bias": bias}))


def _windows(bound: Bound, weight_size: tuple[int, ...] | None = None) -> tuple[Pair, Pair, tuple[int, ...]]:
    """The kernel, the stride and the four sides of the padding."""
    attributes = bound.nodes["node"].attributes
    kernel = tuple(attributes.get("kernel_shape", weight_size))
    if weight_size is not None and kernel != weight_size:
        raise ValueError(f"kernel_shape must be that of the weight, {weight_size}, got {shown(kernel)}")
    if len(kernel) != 2:
        raise ValueError(f"the windows must be of two dimensions, got {shown(kernel)}")
    (height, width), (down, right) = kernel, attributes.get("strides", (1, 1))
    return (height, width), (down, right), tuple(attributes.get("pads", (0,) * 4))


def _pool(module: Callable[..., Module], bound: Bound, **options: Any) -> Module:
    node = bound.nodes["node"]
    node.expect(auto_pad=("NOTSET", "VALID"), storage_order=(0,))
    kernel, stride, pads = _windows(bound)
    if pads[:2] != pads[2:]:
        raise ValueError(f"pads must have the same padding on opposite sides, got {pads}")
    return module(kernel, stride, pads[:2], ceil_mode=bool(node.attributes.get("ceil_mode", 0)), **options)


def _max_pool(bound: Bound) -> Module:
    return _pool(MaxPool2dModule, bound, dilation=tuple(bound.nodes["node"].attributes.get("dilations", (1, 1))))


def _avg_pool(bound: Bound) -> Module:
    node = bound.nodes["node"]
    node.expect(dilations=([1, 1],))
    return _pool(AvgPool2dModule, bound, count_include_pad=bool(node.attributes.get("count_include_pad", 0)))


def _adaptive_avg_pool(bound: Bound) -> Module:
    rows, columns = bound.constants["rows"], bound.constants["columns"].T
    for weights in (rows, columns):
        if weights.ndim != 2 or not np.allclose(weights, averaging(weights.shape[1], len(weights)), atol=1e-6):
            raise ValueError("both matrices must be those of adaptive average pooling")
    return AdaptiveAvgPool2dModule((len(rows), len(columns)))


def _batch_norm(bound: Bound) -> Module:
    node, arrays = bound.nodes["node"], bound.constants
    node.expect(training_mode=(0,), spatial=(1,))
    gamma = arrays["gamma"]
    eps, kept = (_short(node.attributes.get(*option)) for option in (("epsilon", 1e-5), ("momentum", 0.9)))
    # ONNX's momentum is the fraction of the old statistics.
    return _filled(BatchNorm(len(gamma), eps, round(1 - kept, 8), dtype=gamma.dtype), **arrays)


def _layer_norm(bound: Bound) -> Module:
    node, arrays = bound.nodes["node"], bound.constants
    node.expect(axis=(-1, *(() if bound.rank is None else (bound.rank - 1,))))
    gamma, eps = arrays["gamma"], _short(node.attributes.get("epsilon", 1e-5))
    return _filled(LayerNorm(len(gamma), eps, bias="beta" in arrays, dtype=gamma.dtype), **arrays)


def _standardized(bound: Bound) -> Module:
    """The normalization that the export writes out in elementary operators."""
    axes = bound.nodes["mean"].attributes.get("axes")
    gamma, beta = (bound.constants[name].reshape(-1) for name in ("gamma", "beta"))
    if _axes(bound) != axes or axes not in ([0], [0, 2], [0, 2, 3], [-1]):
        raise ValueError(f"axes must be those of a batch or of the last dimension, got {axes}")
    if axes == [-1]:
        return _filled(LayerNorm(len(gamma), _eps(bound), dtype=gamma.dtype), gamma=gamma, beta=beta)
    return _filled(BatchNorm(len(gamma), _eps(bound), running=False, dtype=gamma.dtype), gamma=gamma, beta=beta)


def _group_norm(bound: Bound) -> Module:
    groups, shape = (bound.constants[name].reshape(-1).tolist() for name in ("groups", "shape"))
    gamma, beta = (bound.constants[name].reshape(-1) for name in ("gamma", "beta"))
    axes = (bound.nodes["mean"].attributes.get("axes"), _axes(bound))
    if len(groups) != 3 or (groups[0], groups[2]) != (0, -1) or shape[:2] != [0, len(gamma)] or axes != ([-1], [-1]):
        raise ValueError(f"the shapes must be (N, G, −1) and (N, C, …), got {groups} and {shape}")
    return _filled(GroupNorm(groups[1], len(gamma), _eps(bound), dtype=gamma.dtype), gamma=gamma, beta=beta)


def _rms_norm(bound: Bound) -> Module:
    gamma = bound.constants["gamma"]
    if _axes(bound) != [-1]:
        raise ValueError(f"axes must be [-1], got {_axes(bound)}")
    return _filled(RMSNorm(len(gamma), _eps(bound), dtype=gamma.dtype), gamma=gamma)


def _axes(bound: Bound) -> Any:
    return bound.nodes["square"].attributes.get("axes")


def _eps(bound: Bound) -> float:
    return _short(_scalar(bound.constants["eps"]))


def _affine(operator: str) -> Make:
    """A shift or scale of each feature: γ (x − μ) + β with a variance of 1."""

    def make(bound: Bound) -> Module:
        values = bound.constants["values"]
        per_feature = {2: ((values.size,), (1, values.size)), 4: ((values.size, 1, 1), (1, values.size, 1, 1))}
        if bound.rank not in per_feature or values.shape not in per_feature[bound.rank] or values.dtype.kind != "f":
            raise ValueError(f"the constant must have one value per feature, got {values.shape} for rank {bound.rank}")
        flat = values.reshape(-1)
        if operator == "Div":
            flat = np.divide(1, flat, out=np.full_like(flat, np.inf), where=flat != 0)
        if not all_finite(flat):
            raise ValueError("the shift or scale must be finite")
        changed = {
            "Sub": {"running_mean": flat},
            "Add": {"beta": flat},
            "Mul": {"gamma": flat},
            "Div": {"gamma": flat},
        }
        return _filled(BatchNorm(flat.size, eps=0, momentum=0, dtype=flat.dtype), **changed[operator])

    return make


def _flatten(bound: Bound) -> Module:
    bound.nodes["node"].expect(axis=(1,))
    return FlattenModule()


def _reshape(bound: Bound) -> Module:
    shape = [int(size) for size in bound.constants["shape"].reshape(-1)]
    # A graph for a fixed batch size may state it.
    keeps_rows = len(shape) > 1 and (shape[0] in (0, -1) or (shape[0] == bound.batch and min(shape[1:]) != 0))
    if bound.nodes["node"].attributes.get("allowzero") or len(shape) not in (2, 4) or not keeps_rows:
        raise ValueError(f"the shape must be rows (N, D) or images (N, C, H, W), got {shape}")
    if len(shape) == 2:
        return FlattenModule()
    if bound.rank not in (2, None):
        raise ValueError(f"x must be rows (N, D) to become images {shape}, got rank {bound.rank}")
    return UnflattenModule(*shape[1:])


def _rows(bound: Bound) -> Module:
    """The view(x.shape[0], -1) of PyTorch."""
    if _scalar(bound.constants["index"]) != 0 or _scalar(bound.constants["rest"]) != -1:
        raise ValueError("the shape must be (x.shape[0], -1)")
    return FlattenModule()


def _softmax(module: Callable[[int], Module]) -> Make:
    return lambda bound: module(bound.nodes["node"].attributes.get("axis", -1))


def _clip(bound: Bound) -> Module:
    low, high = (_short(_scalar(bound.constants[name])) for name in ("min_val", "max_val"))
    return ReLU6Module() if (low, high) == (0, 6) else HardtanhModule(low, high)


def _prelu(bound: Bound) -> Module:
    slope = bound.constants["slope"]
    last = (1,) * ((bound.rank or 2) - 2)
    if slope.size > 1 and slope.shape not in ((slope.size, *last), (1, slope.size, *last)):
        raise ValueError(f"the slope must have one value per feature, got {slope.shape}")
    return _filled(PReLUModule(slope.size, dtype=slope.dtype), slope=slope.reshape(-1))


def _softplus(bound: Bound) -> Module:
    beta, divisor = (_scalar(bound.constants.get(name, np.array(1.0))) for name in ("beta", "divisor"))
    if beta != divisor:
        raise ValueError(f"both factors must be the same, got {beta} and {divisor}")
    return SoftplusModule(_short(beta))


def _gelu_template(probability: Template) -> NodeTemplate:
    return _t("Mul", _t("Mul", "x", _t("Add", probability, "one")), "half")


def _gelu(approximate: Any, **wanted: float) -> Make:
    """A GELU whose constants have these values; with none, the operator of opset 20."""

    def make(bound: Bound) -> Module:
        known = {"one": 1.0, "half": 0.5} | wanted if wanted else {}
        for name, value in known.items():
            if not math.isclose(_scalar(bound.constants[name]), value, rel_tol=1e-6):
                raise ValueError(f"the constant {name} must be {value}, got {shown(bound.constants[name])}")
        return GELUModule(approximate or bound.nodes["node"].attributes.get("approximate", "none"))

    return make


def _dropout(bound: Bound) -> Module:
    ratio = np.asarray(bound.constants.get("ratio", bound.nodes["node"].attributes.get("ratio", 0.5)))
    if _scalar(bound.constants.get("training", np.array(False))):
        raise ValueError("training_mode must be False, got True")
    return Dropout(_short(_scalar(ratio)), rng=0)


def _short(value: float) -> float:
    """The shortest decimal number that rounds to this one in float32: 1e-5 for 9.99999974e-06."""
    return float(str(np.float32(value)))


def _scalar(array: Array) -> float:
    return float(array.reshape(()))


def _selu(bound: Bound) -> Module:
    for name, value in (("alpha", SELU.ALPHA), ("gamma", SELU.SCALE)):
        if not math.isclose(bound.nodes["node"].attributes.get(name, value), value, rel_tol=1e-6):
            raise ValueError(f"{name} must be {value}, got {bound.nodes['node'].attributes[name]}")
    return SELUModule()


def _option(module: Callable[[float], Module], name: str, default: float) -> Make:
    return lambda bound: module(_short(bound.nodes["node"].attributes.get(name, default)))


def _scaled_relu(bound: Bound) -> Module:
    return ReLUModule(_short(_scalar(bound.constants["scale"])))


_t = NodeTemplate


def _roots(x: Template) -> list[NodeTemplate]:
    """The root mean square of ``x``, and with 1 in place of 0."""
    root = _t("Sqrt", _t("Add", _t("ReduceMean", _t("Mul", x, x), bind="square"), "eps"))
    return [root, _t("Where", _t("Equal", root, "zero"), "one", root)]


def _standard(x: Template) -> list[NodeTemplate]:
    """``x`` standardized."""
    centered = _t("Sub", x, _t("ReduceMean", x, bind="mean"))
    return [_t("Div", centered, root) for root in _roots(centered)]


def _scaled(x: Template) -> NodeTemplate:
    return _t("Add", _t("Mul", x, "gamma"), "beta")


_U: Final = _t("Mul", _t("Add", "x", _t("Mul", _t("Mul", _t("Mul", "x", "x"), "x"), "cube")), "factor")
_TEMPLATES: Final[list[tuple[NodeTemplate, Make]]] = [
    (_t("Gemm", "x", "weight", "bias?", bind="node"), _gemm),
    (_t("Add", _t("MatMul", "x", "weight"), "bias"), _matmul),
    (_t("Conv", "x", "weight", "bias?", bind="node"), _conv),
    (_t("MaxPool", "x", bind="node"), _max_pool),
    (_t("AveragePool", "x", bind="node"), _avg_pool),
    (_t("GlobalAveragePool", "x"), lambda bound: AdaptiveAvgPool2dModule(1)),
    (_t("MatMul", _t("MatMul", "rows", "x"), "columns"), _adaptive_avg_pool),
    (_t("MatMul", "x", "weight"), _matmul),
    (_t("BatchNormalization", "x", "gamma", "beta", "running_mean", "running_variance", bind="node"), _batch_norm),
    (_t("LayerNormalization", "x", "gamma", "beta?", bind="node"), _layer_norm),
    *((_scaled(standard), _standardized) for standard in _standard("x")),
    *((_scaled(_t("Reshape", standard, "shape")), _group_norm) for standard in _standard(_t("Reshape", "x", "groups"))),
    *((_t("Mul", _t("Div", "x", root), "gamma"), _rms_norm) for root in _roots("x")),
    (_t("Flatten", "x", bind="node"), _flatten),
    (_t("Reshape", "x", "shape", bind="node"), _reshape),
    (_t("Reshape", "x", _t("Concat", _t("Unsqueeze", _t("Gather", _t("Shape", "*"), "index"), "axes"), "rest")), _rows),
    (_t("Dropout", "x", "ratio?", "training?", bind="node"), _dropout),
    (_t("Cast", "x"), lambda bound: None),
    (_t("Identity", "x"), lambda bound: IdentityModule()),
    (_t("Relu", "x"), lambda bound: ReLUModule()),
    (_t("Mul", _t("Relu", "x"), "scale"), _scaled_relu),
    (_t("LeakyRelu", "x", bind="node"), _option(LeakyReLUModule, "alpha", 0.01)),
    (_t("PRelu", "x", "slope"), _prelu),
    (_t("Elu", "x", bind="node"), _option(ELUModule, "alpha", 1.0)),
    (_t("Selu", "x", bind="node"), _selu),
    (_t("Mul", "x", _t("Sigmoid", "x")), lambda bound: SiLUModule()),
    (_t("Mul", "x", _t("Tanh", _t("Softplus", "x"))), lambda bound: MishModule()),
    (_t("Mish", "x"), lambda bound: MishModule()),
    (_t("Clip", "x", "min_val", "max_val"), _clip),
    (_t("Neg", _t("Softplus", _t("Neg", "x"))), lambda bound: LogSigmoidModule()),
    (_t("Log", _t("Sigmoid", "x")), lambda bound: LogSigmoidModule()),
    (_t("HardSwish", "x"), lambda bound: HardswishModule()),
    (_t("Div", _t("Softplus", _t("Mul", "x", "beta")), "divisor"), _softplus),
    (_t("Softplus", "x"), _softplus),
    (_gelu_template(_t("Erf", _t("Div", "x", "root"))), _gelu("none", root=math.sqrt(2))),
    (_gelu_template(_t("Tanh", _U)), _gelu("tanh", cube=GELUTanh.CUBE, factor=GELUTanh.FACTOR)),
    (_t("Gelu", "x", bind="node"), _gelu(None)),
    (_t("Sigmoid", "x"), lambda bound: SigmoidModule()),
    (_t("Tanh", "x"), lambda bound: TanhModule()),
    (_t("Softmax", "x", bind="node"), _softmax(SoftMaxModule)),
    (_t("LogSoftmax", "x", bind="node"), _softmax(LogSoftMaxModule)),
    *((_t(operator, "x", "values"), _affine(operator)) for operator in ("Sub", "Add", "Mul", "Div")),
]
RULES: Final[dict[str, list[tuple[NodeTemplate, Make]]]] = {
    operator: [rule for rule in _TEMPLATES if rule[0].operator == operator]
    for operator in {wanted.operator for wanted, _ in _TEMPLATES}
}
"""The templates by the operator of their last node, the longer ones first."""
