"""The modules that subgraphs of an ONNX graph stand for: templates, and what makes a module of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import shown
from mlp_numpy.exchange.onnx_graph import Bound, NodeTemplate, Template
from mlp_numpy.modules import (
    SELU,
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    Dropout,
    ELUModule,
    FlattenModule,
    GELUModule,
    GELUTanh,
    HardswishModule,
    IdentityModule,
    Initializer,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLUModule,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    UnflattenModule,
)
from mlp_numpy.modules.windows import Windows

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
    bias = np.zeros(m, weight.dtype) if bias is None else bias
    return _filled(LinearModule(d, m, init=_start(weight), dtype=weight.dtype), weight=weight, bias=_vector(bias, m))


def _vector(values: Array, n: int) -> Array:
    """One value per feature, from any shape that broadcasts to it."""
    return np.broadcast_to(values.reshape(-1), (n,))


def _gemm(bound: Bound) -> Module:
    node, weight = bound.nodes["node"], bound.constants["weight"]
    node.expect(alpha=(1,), beta=(1,), transA=(0,), transB=(0, 1))
    return _linear(weight if node.attributes.get("transB", 0) else weight.T, bound.constants.get("bias"))


def _matmul(bound: Bound) -> Module:
    if bound.rank not in (2, None):
        raise ValueError(f"x must have 2 dimensions, got {bound.rank}")
    return _linear(bound.constants["weight"].T, bound.constants.get("bias"))


def _conv(bound: Bound) -> Module:
    node, weight, bias = bound.nodes["node"], bound.constants["weight"], bound.constants.get("bias")
    node.expect(group=(1,), dilations=([1, 1],), auto_pad=("NOTSET",))
    if weight.ndim != 4:
        raise ValueError(f"the weight must be (M, C, KH, KW), got {weight.shape}")
    over = _windows(bound, weight.shape[2:])
    options: dict[str, Any] = {"bias": bias is not None, "init": _start(weight), "dtype": weight.dtype}
    module = Conv2dModule(weight.shape[1], weight.shape[0], over.kernel, over.stride, over.padding, **options)
    return _filled(module, weight=weight, **({} if bias is None else {"bias": bias}))


def _windows(bound: Bound, weight_size: tuple[int, ...] | None = None) -> Windows:
    attributes = bound.nodes["node"].attributes
    kernel = tuple(attributes.get("kernel_shape", weight_size))
    stride, pads = tuple(attributes.get("strides", (1, 1))), attributes.get("pads", [0] * 4)
    if weight_size is not None and kernel != weight_size:
        raise ValueError(f"kernel_shape must be that of the weight, {weight_size}, got {shown(kernel)}")
    if len(kernel) != 2 or pads[:2] != pads[2:]:
        raise ValueError(f"the windows must be of two dimensions with the same padding on opposite sides, got {pads}")
    return Windows(kernel, stride, tuple(pads[:2]))


def _max_pool(bound: Bound) -> Module:
    bound.nodes["node"].expect(ceil_mode=(0,), dilations=([1, 1],), auto_pad=("NOTSET",), storage_order=(0,))
    over = _windows(bound)
    return MaxPool2dModule(over.kernel, over.stride, over.padding)


def _avg_pool(bound: Bound) -> Module:
    node, over = bound.nodes["node"], _windows(bound)
    node.expect(ceil_mode=(0,), dilations=([1, 1],), auto_pad=("NOTSET",))
    if over.padding != (0, 0) and not node.attributes.get("count_include_pad"):
        raise ValueError("count_include_pad must be 1 with padding, got 0")
    return AvgPool2dModule(over.kernel, over.stride, over.padding)


def _batch_norm(bound: Bound) -> Module:
    node, arrays = bound.nodes["node"], bound.constants
    node.expect(training_mode=(0,), spatial=(1,))
    gamma = arrays["gamma"]
    eps, kept = (_short(node.attributes.get(*option)) for option in (("epsilon", 1e-5), ("momentum", 0.9)))
    # ONNX's momentum is the fraction of the old statistics.
    return _filled(BatchNorm(len(gamma), eps, round(1 - kept, 8), dtype=gamma.dtype), **arrays)


def _layer_norm(bound: Bound) -> Module:
    node, arrays = bound.nodes["node"], dict(bound.constants)
    node.expect(axis=(-1, *(() if bound.rank is None else (bound.rank - 1,))))
    gamma = arrays["gamma"]
    arrays.setdefault("beta", np.zeros_like(gamma))
    return _filled(LayerNorm(len(gamma), _short(node.attributes.get("epsilon", 1e-5)), dtype=gamma.dtype), **arrays)


def _normalize(bound: Bound) -> Module:
    """The normalization that the export writes out in elementary operators."""
    axes = bound.nodes["mean"].attributes.get("axes")
    gamma, beta = (bound.constants[name].reshape(-1) for name in ("gamma", "beta"))
    eps = _short(_scalar(bound.constants["eps"]))
    if bound.nodes["variance"].attributes.get("axes") != axes or axes not in ([0], [0, 2, 3], [-1]):
        raise ValueError(f"axes must be those of a batch or of the last dimension, got {axes}")
    if axes == [-1]:
        return _filled(LayerNorm(len(gamma), eps, dtype=gamma.dtype), gamma=gamma, beta=beta)
    return _filled(BatchNorm(len(gamma), eps, running=False, dtype=gamma.dtype), gamma=gamma, beta=beta)


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


def _softmax(module: type[Module]) -> Make:
    def make(bound: Bound) -> Module:
        bound.nodes["node"].expect(axis=(-1, 1))
        if bound.rank not in (2, None):
            raise ValueError(f"x must be (N, C), got rank {bound.rank}")
        return module()

    return make


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
_CENTERED: Final = _t("Sub", "x", _t("ReduceMean", "x", bind="mean"))
_VARIANCE: Final = _t("ReduceMean", _t("Mul", _CENTERED, _CENTERED), bind="variance")
_ROOT: Final = _t("Sqrt", _t("Add", _VARIANCE, "eps"))
_SAFE_ROOT: Final = _t("Where", _t("Equal", _ROOT, "zero"), "one", _ROOT)
_U: Final = _t("Mul", _t("Add", "x", _t("Mul", _t("Mul", _t("Mul", "x", "x"), "x"), "cube")), "factor")
_TEMPLATES: Final[list[tuple[NodeTemplate, Make]]] = [
    (_t("Gemm", "x", "weight", "bias?", bind="node"), _gemm),
    (_t("Add", _t("MatMul", "x", "weight"), "bias"), _matmul),
    (_t("MatMul", "x", "weight"), _matmul),
    (_t("Conv", "x", "weight", "bias?", bind="node"), _conv),
    (_t("MaxPool", "x", bind="node"), _max_pool),
    (_t("AveragePool", "x", bind="node"), _avg_pool),
    (_t("BatchNormalization", "x", "gamma", "beta", "running_mean", "running_variance", bind="node"), _batch_norm),
    (_t("LayerNormalization", "x", "gamma", "beta?", bind="node"), _layer_norm),
    *((_t("Add", _t("Mul", _t("Div", _CENTERED, root), "gamma"), "beta"), _normalize) for root in (_ROOT, _SAFE_ROOT)),
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
