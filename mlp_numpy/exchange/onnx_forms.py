"""The ONNX nodes of every module, for its evaluation mode.

``FORMS`` maps a module's class to the function that adds its nodes to a graph; ``REFUSED`` holds the reasons for the
classes without nodes. Operators of opset 17, float32.

Reference   "ONNX Operators", version 17 of the default domain
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError
from mlp_numpy.models import Network
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
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    LossModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    Residual,
    RMSNorm,
    SELUModule,
    Sequential,
    Sharded,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    TapeModule,
    UnflattenModule,
)

OPSET: Final = 17
"""Version of the default operator set: the first with LayerNormalization."""

OnnxForm: TypeAlias = Callable[["GraphBuilder", Any, str, Array], str]
"""``form(graph, module, x, example)`` adds the nodes of ``module`` for the value named ``x`` and returns the name of
the output; ``example`` is a batch of that value, for its shape."""


class GraphBuilder:
    """The nodes and constants of an ONNX graph, added module by module.

    helper   the module ``onnx.helper``
    forms    additional forms by class, which take precedence
    """

    def __init__(self, helper: Any, forms: Mapping[type[Module], OnnxForm]) -> None:
        self.nodes: list[Any] = []
        self.constants: dict[str, Array] = {}
        self._helper, self._forms, self._scope = helper, forms, ""

    def add(self, module: Module, x: str, example: Array, child: str = "") -> tuple[str, Array]:
        """Add ``module``, the ``child`` of that name, to the value ``x``: the name and an example of its output.

        Raises OptionError for a module without a form.
        """
        outer = self._scope
        self._scope = f"{outer}.{child}".lstrip(".")
        out = form_of(module, self._forms)(self, module, x, example)
        self._scope = outer
        return out, module.forward(example)

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; returns the name of its output."""
        name = f"{self._scope}/{operator}_{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def rename_output(self, value: str, name: str) -> None:
        """Give the last value, which no node reads, the name of the graph's output."""
        made = [node for node in self.nodes if value in node.output]
        if made:
            made[0].output[0] = name
        else:  # a form of the user's without nodes
            self.nodes.append(self._helper.make_node("Identity", [value], [name], name=f"/{name}"))

    def constant(self, name: str, values: Any, dtype: Any = np.float32) -> str:
        """Add a constant under the name of the module and its own; returns the whole name."""
        name = f"{self._scope}.{name}".lstrip(".")
        self.constants[name] = np.asarray(values, dtype)
        return name


def form_of(module: Module, forms: Mapping[type[Module], OnnxForm]) -> OnnxForm:
    """The form of a module: that of its class, or of the nearest base class whose forward it does not change.

    Raises OptionError if there is none.
    """
    kind = type(module)
    if kind in forms:
        return forms[kind]
    for base in kind.__mro__:
        if base in FORMS and all(getattr(kind, name, None) is getattr(base, name, None) for name in _DEFINING):
            return FORMS[base]
        if base in REFUSED:
            raise OptionError(f"export_onnx: {module!r} cannot be exported, {REFUSED[base]}.")
    raise OptionError(
        f"export_onnx: every module must have an ONNX form, got {module!r}. "
        f"Hint: forms={{{kind.__name__}: function}}, see mlp_numpy.exchange.onnx_forms.OnnxForm."
    )


_DEFINING: Final = ("forward", "_active_op", "_op_kwargs", "op")
"""The attributes that define a module's output."""


def _operator(name: str, **attributes: Any) -> OnnxForm:
    """The form of a module that is one operator without parameters."""
    return lambda graph, module, x, example: graph.node(name, x, **attributes)


def _sequential(graph: GraphBuilder, module: Sequential, x: str, example: Array) -> str:
    for name, child in module.children().items():
        x, example = graph.add(child, x, example, name)
    return x


def _residual(graph: GraphBuilder, module: Residual, x: str, example: Array) -> str:
    return graph.node("Add", x, _sequential(graph, module, x, example))


def _network(graph: GraphBuilder, module: Network, x: str, example: Array) -> str:
    if example.ndim > 2 and math.prod(example.shape[1:]) == module.n_inputs:
        x, example = graph.node("Flatten", x, axis=1), example.reshape(len(example), -1)
    return _sequential(graph, module, x, example)


def _params(graph: GraphBuilder, module: Module, *names: str) -> list[str]:
    return [graph.constant(name, module.params[name]) for name in names if name in module.params]


def _linear(graph: GraphBuilder, module: LinearModule, x: str, example: Array) -> str:
    if example.ndim == 2:
        return graph.node("Gemm", x, *_params(graph, module, "weight", "bias"), transB=1)
    out = graph.node("MatMul", x, graph.constant("weight", module.params["weight"].T))
    return graph.node("Add", out, *_params(graph, module, "bias")) if module.bias else out


def _conv(graph: GraphBuilder, module: Conv2dModule, x: str, example: Array) -> str:
    params = _params(graph, module, "weight", "bias")
    return graph.node("Conv", x, *params, **_windows(module), dilations=module.windows.dilation, group=module.groups)


def _max_pool(graph: GraphBuilder, module: MaxPool2dModule, x: str, example: Array) -> str:
    x, options = _rounding(graph, module, x, example)
    return graph.node("MaxPool", x, **options, dilations=module.windows.dilation)


def _avg_pool(graph: GraphBuilder, module: AvgPool2dModule, x: str, example: Array) -> str:
    x, options = _rounding(graph, module, x, example)
    return graph.node("AveragePool", x, **options, count_include_pad=int(module.count_include_pad))


def _rounding(graph: GraphBuilder, module: Any, x: str, example: Array) -> tuple[str, dict[str, Any]]:
    """The input and the options of a pool. With ceil_mode ONNX has also the last window that begins behind the image.

    Where only one direction has such a window, the pixels that no other window sees are cut off.
    """
    over, size, options = module.windows, example.shape[2:], _windows(module)
    counts, floor = over.out_size(*size), replace(over, ceil=False).out_size(*size)
    if counts == floor:
        return x, options
    ends = []
    for direction, count in enumerate(counts):
        seen = (count - 1) * over.stride[direction] + over.extent[direction] - over.padding[direction]
        # one window more than those of the quotient rounded down, or as many
        ends.append(size[direction] if count > floor[direction] else min(size[direction], seen))
        if count == floor[direction]:
            options["pads"][2 + direction] = max(0, seen - size[direction])
    if ends != list(size):
        stops = (graph.constant(name, values, np.int64) for name, values in (("starts", (0, 0)), ("ends", ends)))
        x = graph.node("Slice", x, *stops, graph.constant("axes", (2, 3), np.int64))
    return x, options | {"ceil_mode": 1}


def _windows(module: Any) -> dict[str, Any]:
    over = module.windows
    return {"kernel_shape": over.kernel, "strides": over.stride, "pads": [*over.padding, *over.after]}


def _adaptive_avg_pool(graph: GraphBuilder, module: AdaptiveAvgPool2dModule, x: str, example: Array) -> str:
    if module.output_size == (1, 1):
        return graph.node("GlobalAveragePool", x)
    rows, columns = (averaging(*sizes) for sizes in zip(example.shape[2:], module.output_size, strict=True))
    return graph.node(
        "MatMul", graph.node("MatMul", graph.constant("rows", rows), x), graph.constant("columns", columns.T)
    )


def averaging(size: int, out_size: int) -> Array:
    """The matrix (out_size, size) of adaptive average pooling along one axis: the mean over each window."""
    weights = np.zeros((out_size, size))
    for i, row in enumerate(weights):
        window = slice(i * size // out_size, -(-(i + 1) * size // out_size))
        row[window] = 1 / (window.stop - window.start)
    return weights


def _batch_norm(graph: GraphBuilder, module: BatchNorm, x: str, example: Array) -> str:
    if not module.running:
        out = _standardize(graph, x, [0, *range(2, example.ndim)], module.eps)
        return _scale_and_shift(graph, module, out, example.ndim)
    variance = module.buffers["running_variance"]
    gamma, beta = _gamma_and_beta(module)
    # A variance + ε of 0 or ∞ gives 0 here, and NaN there.
    usual = (variance + variance.dtype.type(module.eps) > 0) & (variance < np.inf)
    # ONNX's momentum is the fraction of the old statistics; a mean over all batches is not among its options.
    momentum = {} if module.momentum is None else {"momentum": 1 - module.momentum}
    return graph.node(
        "BatchNormalization",
        x,
        graph.constant("gamma", np.where(usual, gamma, 0)),
        graph.constant("beta", beta),
        graph.constant("running_mean", module.buffers["running_mean"]),
        graph.constant("running_variance", np.where(usual, variance, 1)),
        epsilon=module.eps,
        **momentum,
    )


def _layer_norm(graph: GraphBuilder, module: LayerNorm, x: str, example: Array) -> str:
    gamma, beta = _gamma_and_beta(module)
    if module.eps == 0:
        out = graph.node("Mul", _standardize(graph, x, [-1], 0.0), graph.constant("gamma", gamma))
        return graph.node("Add", out, graph.constant("beta", beta))
    params = [graph.constant("gamma", gamma), *_params(graph, module, "beta")]
    return graph.node("LayerNormalization", x, *params, axis=-1, epsilon=module.eps)


def _group_norm(graph: GraphBuilder, module: GroupNorm, x: str, example: Array) -> str:
    rows = graph.node("Reshape", x, graph.constant("groups", (0, module.n_groups, -1), np.int64))
    shape = graph.constant("shape", (0, *example.shape[1:]), np.int64)
    out = graph.node("Reshape", _standardize(graph, rows, [-1], module.eps), shape)
    return _scale_and_shift(graph, module, out, example.ndim)


def _rms_norm(graph: GraphBuilder, module: RMSNorm, x: str, example: Array) -> str:
    out = graph.node("Div", x, _root_mean_square(graph, x, [-1], module.eps))
    return graph.node("Mul", out, graph.constant("gamma", _gamma_and_beta(module)[0]))


def _standardize(graph: GraphBuilder, x: str, axes: list[int], eps: float) -> str:
    """(x − μ) / √(σ² + ε) with the mean and variance over ``axes`` of x."""
    centered = graph.node("Sub", x, graph.node("ReduceMean", x, axes=axes, keepdims=1))
    return graph.node("Div", centered, _root_mean_square(graph, centered, axes, eps))


def _root_mean_square(graph: GraphBuilder, x: str, axes: list[int], eps: float) -> str:
    """√(mean x² + ε) over ``axes``; without ε, 1 where it is 0."""
    square = graph.node("ReduceMean", graph.node("Mul", x, x), axes=axes, keepdims=1)
    root = graph.node("Sqrt", graph.node("Add", square, graph.constant("eps", eps)))
    if eps == 0:
        zero, one = graph.constant("zero", 0), graph.constant("one", 1)
        root = graph.node("Where", graph.node("Equal", root, zero), one, root)
    return root


def _scale_and_shift(graph: GraphBuilder, module: Any, x: str, n_axes: int) -> str:
    """γ x + β along axis 1 of an ``x`` of ``n_axes`` axes."""
    gamma, beta = (array.reshape(-1, *(1,) * (n_axes - 2)) for array in _gamma_and_beta(module))
    return graph.node("Add", graph.node("Mul", x, graph.constant("gamma", gamma)), graph.constant("beta", beta))


def _gamma_and_beta(module: Any) -> tuple[Array, Array]:
    """γ and β (n_features,), 1 and 0 if the module has none."""
    n = module.n_features
    return module.params.get("gamma", np.ones(n)), module.params.get("beta", np.zeros(n))


def _dropout(graph: GraphBuilder, module: Dropout, x: str, example: Array) -> str:
    # Without its third input the node leaves x as it is.
    return graph.node("Dropout", x, graph.constant("ratio", module.p))


def _unflatten(graph: GraphBuilder, module: UnflattenModule, x: str, example: Array) -> str:
    return graph.node("Reshape", x, graph.constant("shape", (-1, *module.shape), np.int64))


def _relu(graph: GraphBuilder, module: ReLUModule, x: str, example: Array) -> str:
    out = graph.node("Relu", x)
    return out if module.scale == 1 else graph.node("Mul", out, graph.constant("scale", module.scale))


def _hardtanh(graph: GraphBuilder, module: HardtanhModule, x: str, example: Array) -> str:
    low, high = np.clip((module.min_val, module.max_val), *(np.finfo(np.float32).max * np.array([-1, 1])))
    return graph.node("Clip", x, graph.constant("min_val", low), graph.constant("max_val", high))


def _prelu(graph: GraphBuilder, module: PReLUModule, x: str, example: Array) -> str:
    slope = module.params["slope"]
    along = (-1,) if slope.size == 1 else (-1, *[1] * (example.ndim - 2))
    return graph.node("PRelu", x, graph.constant("slope", slope.reshape(along)))


def _softplus(graph: GraphBuilder, module: SoftplusModule, x: str, example: Array) -> str:
    if module.beta == 1:
        return graph.node("Softplus", x)
    beta = graph.constant("beta", module.beta)
    return graph.node("Div", graph.node("Softplus", graph.node("Mul", x, beta)), beta)


def _gelu(graph: GraphBuilder, module: GELUModule, x: str, example: Array) -> str:
    one, half = graph.constant("one", 1), graph.constant("half", 0.5)
    if module.approximate == "tanh":
        inner = graph.node("Mul", graph.node("Mul", graph.node("Mul", x, x), x), graph.constant("cube", GELUTanh.CUBE))
        u = graph.node("Mul", graph.node("Add", x, inner), graph.constant("factor", GELUTanh.FACTOR))
        probability = graph.node("Tanh", u)
    else:
        probability = graph.node("Erf", graph.node("Div", x, graph.constant("root", math.sqrt(2))))
    return graph.node("Mul", graph.node("Mul", x, graph.node("Add", probability, one)), half)


FORMS: Final[dict[type[Module], OnnxForm]] = {
    Sequential: _sequential,
    Residual: _residual,
    Network: _network,
    LinearModule: _linear,
    Conv2dModule: _conv,
    MaxPool2dModule: _max_pool,
    AvgPool2dModule: _avg_pool,
    AdaptiveAvgPool2dModule: _adaptive_avg_pool,
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
    GroupNorm: _group_norm,
    RMSNorm: _rms_norm,
    Dropout: _dropout,
    FlattenModule: _operator("Flatten", axis=1),
    UnflattenModule: _unflatten,
    IdentityModule: _operator("Identity"),
    ReLUModule: _relu,
    LeakyReLUModule: lambda graph, module, x, example: graph.node("LeakyRelu", x, alpha=module.neg_slope),
    PReLUModule: _prelu,
    ELUModule: lambda graph, module, x, example: graph.node("Elu", x, alpha=module.alpha),
    SELUModule: _operator("Selu", alpha=SELU.ALPHA, gamma=SELU.SCALE),
    SiLUModule: lambda graph, module, x, example: graph.node("Mul", x, graph.node("Sigmoid", x)),
    MishModule: lambda graph, module, x, example: graph.node("Mul", x, graph.node("Tanh", graph.node("Softplus", x))),
    HardtanhModule: _hardtanh,
    ReLU6Module: _hardtanh,
    HardswishModule: _operator("HardSwish"),
    SoftplusModule: _softplus,
    GELUModule: _gelu,
    SigmoidModule: _operator("Sigmoid"),
    TanhModule: _operator("Tanh"),
    LogSigmoidModule: lambda graph, module, x, example: graph.node("Neg", graph.node("Softplus", graph.node("Neg", x))),
    SoftMaxModule: lambda graph, module, x, example: graph.node("Softmax", x, axis=module.axis),
    LogSoftMaxModule: lambda graph, module, x, example: graph.node("LogSoftmax", x, axis=module.axis),
}
"""The nodes of each class of modules."""

REFUSED: Final[dict[type[Module], str]] = {
    TapeModule: "since its graph is recorded by every forward anew and may depend on the values",
    LossModule: "since a loss is no part of a network's output",
    Sharded: "since it only runs another module: export that one, its ``module``",
}
"""The classes of modules without nodes, and why."""
