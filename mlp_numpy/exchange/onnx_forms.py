"""The ONNX nodes of every module, for its evaluation mode.

``FORMS`` maps a module's class to the function that adds its nodes to a graph; ``REFUSED`` holds the reasons for the
classes without nodes. Operators of opset 17, float32.

Reference   "ONNX Operators", version 17 of the default domain
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError
from mlp_numpy.models import Network
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
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    LossModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLUModule,
    Residual,
    SELUModule,
    Sequential,
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

Form: TypeAlias = Callable[["GraphBuilder", Any, str, Array], str]
"""``form(graph, module, x, example)`` adds the nodes of ``module`` for the value named ``x`` and returns the name of
the output; ``example`` is a batch of that value, for its shape."""


class GraphBuilder:
    """The nodes and constants of an ONNX graph, added module by module.

    helper   the module ``onnx.helper``
    forms    additional forms by class, which take precedence
    """

    def __init__(self, helper: Any, forms: Mapping[type[Module], Form]) -> None:
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


def form_of(module: Module, forms: Mapping[type[Module], Form]) -> Form:
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
        f"Hint: forms={{{kind.__name__}: function}}, see mlp_numpy.exchange.onnx_forms.Form."
    )


_DEFINING: Final = ("forward", "_active_op", "_op_kwargs", "op")
"""The attributes that define a module's output."""


def _operator(name: str, **attributes: Any) -> Form:
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
    return graph.node("Gemm", x, *_params(graph, module, "weight", "bias"), transB=1)


def _conv(graph: GraphBuilder, module: Conv2dModule, x: str, example: Array) -> str:
    return graph.node("Conv", x, *_params(graph, module, "weight", "bias"), **_windows(module))


def _pool(operator: str, **attributes: Any) -> Form:
    def form(graph: GraphBuilder, module: Any, x: str, example: Array) -> str:
        return graph.node(operator, x, **_windows(module), **attributes)

    return form


def _windows(module: Any) -> dict[str, Any]:
    over = module.windows
    return {"kernel_shape": over.kernel, "strides": over.stride, "pads": over.padding * 2}


def _batch_norm(graph: GraphBuilder, module: BatchNorm, x: str, example: Array) -> str:
    axes = [0, *range(2, example.ndim)]
    if not module.running:
        return _normalize(graph, module, x, axes, (-1, *[1] * (example.ndim - 2)))
    gamma, variance = module.params["gamma"], module.buffers["running_variance"]
    # A variance + ε of 0 or ∞ gives 0 here, and NaN there.
    usual = (variance + gamma.dtype.type(module.eps) > 0) & (variance < np.inf)
    return graph.node(
        "BatchNormalization",
        x,
        graph.constant("gamma", np.where(usual, gamma, 0)),
        *_params(graph, module, "beta"),
        graph.constant("running_mean", module.buffers["running_mean"]),
        graph.constant("running_variance", np.where(usual, variance, 1)),
        epsilon=module.eps,
        momentum=1 - module.momentum,  # the fraction of the old statistics
    )


def _layer_norm(graph: GraphBuilder, module: LayerNorm, x: str, example: Array) -> str:
    if module.eps == 0:
        return _normalize(graph, module, x, [-1], (-1,))
    params = _params(graph, module, "gamma", "beta")
    return graph.node("LayerNormalization", x, *params, axis=-1, epsilon=module.eps)


def _normalize(graph: GraphBuilder, module: Any, x: str, axes: list[int], shape: tuple[int, ...]) -> str:
    """γ (x − μ) / √(σ² + ε) + β with the mean and variance over ``axes`` of x; γ and β reshaped to ``shape``."""
    gamma, beta = (graph.constant(name, module.params[name].reshape(shape)) for name in ("gamma", "beta"))
    centered = graph.node("Sub", x, graph.node("ReduceMean", x, axes=axes, keepdims=1))
    variance = graph.node("ReduceMean", graph.node("Mul", centered, centered), axes=axes, keepdims=1)
    root = graph.node("Sqrt", graph.node("Add", variance, graph.constant("eps", module.eps)))
    if module.eps == 0:  # a constant feature gives 0
        zero, one = graph.constant("zero", 0), graph.constant("one", 1)
        root = graph.node("Where", graph.node("Equal", root, zero), one, root)
    return graph.node("Add", graph.node("Mul", graph.node("Div", centered, root), gamma), beta)


def _dropout(graph: GraphBuilder, module: Dropout, x: str, example: Array) -> str:
    # Without its third input the node leaves x as it is.
    return graph.node("Dropout", x, graph.constant("ratio", module.p))


def _unflatten(graph: GraphBuilder, module: UnflattenModule, x: str, example: Array) -> str:
    return graph.node("Reshape", x, graph.constant("shape", (-1, *module.shape), np.int64))


def _relu(graph: GraphBuilder, module: ReLUModule, x: str, example: Array) -> str:
    out = graph.node("Relu", x)
    return out if module.scale == 1 else graph.node("Mul", out, graph.constant("scale", module.scale))


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


FORMS: Final[dict[type[Module], Form]] = {
    Sequential: _sequential,
    Residual: _residual,
    Network: _network,
    LinearModule: _linear,
    Conv2dModule: _conv,
    MaxPool2dModule: _pool("MaxPool"),
    AvgPool2dModule: _pool("AveragePool", count_include_pad=1),
    BatchNorm: _batch_norm,
    LayerNorm: _layer_norm,
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
    HardswishModule: _operator("HardSwish"),
    SoftplusModule: _softplus,
    GELUModule: _gelu,
    SigmoidModule: _operator("Sigmoid"),
    TanhModule: _operator("Tanh"),
    SoftMaxModule: _operator("Softmax", axis=1),
    LogSoftMaxModule: _operator("LogSoftmax", axis=1),
}
"""The nodes of each class of modules."""

REFUSED: Final[dict[type[Module], str]] = {
    TapeModule: "since its graph is recorded by every forward anew and may depend on the values",
    LossModule: "since a loss is no part of a network's output",
}
"""The classes of modules without nodes, and why."""
