"""Import of ONNX graphs made of this library's modules.

The graph is read from its output to its input. At each value the templates of ``RULES`` are tried in order; the first
that fits gives the last module, and the search continues at the template's x. An Add of two values is a shortcut.
"""

from __future__ import annotations

import os

from mlp_numpy.checks import shown
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DataError
from mlp_numpy.exchange.onnx_export import onnx_library
from mlp_numpy.exchange.onnx_graph import OnnxGraph, match, read_graph
from mlp_numpy.exchange.onnx_rules import RULES
from mlp_numpy.modules import IdentityModule, Module, Residual, Sequential


def import_onnx(path: str | os.PathLike[str]) -> Sequential:
    """The network of an ONNX file, in evaluation mode, with the dtype of its constants.

    Files of ``export_onnx`` are read, and others, such as PyTorch's, of one input and one output whose nodes are
    modules of this library: Gemm, MatMul + Add, Conv, pools, normalizations, activations, Flatten, Reshape to images,
    Softmax, and Add around a part (Residual). A constant shift or scale of each feature, such as preprocessing, becomes
    a BatchNorm whose running statistics hold it. A Cast is left out.

    The module at position k has the parameters of the k-th module exported, so ``state()`` is the same if only modules
    were exported.

    Raises DataError naming the node for any other operator or option, and for a file that is damaged, too large, or has
    arrays in other files; DataNotFoundError if it is missing, ExtraMissingError without onnx, OptionError if ``path``
    is not a path.
    """
    path, onnx = as_path("import_onnx", path), onnx_library("import_onnx")
    graph = read_graph(onnx, "import_onnx", path)
    try:
        return Sequential(*_modules(graph, graph.out, graph.x)).eval()
    except Exception as error:  # a foreign graph can be anything
        raise DataError(
            f"import_onnx: {path} must be a graph of this library's modules, got {said(error)}. "
            "Hint: docs/exchange.md lists the operators."
        ) from error


def _modules(graph: OnnxGraph, value: str, start: str) -> list[Module]:
    """The modules from the value ``start`` to ``value``, in order."""
    found: list[Module] = []
    while value != start:
        module, value = _last_module(graph, value, start)
        if module is not None:
            found.append(module)
    return found[::-1]


def _last_module(graph: OnnxGraph, value: str, start: str) -> tuple[Module | None, str]:
    """The module that makes ``value``, and the value it takes, which must not lie before ``start``."""
    node = graph.producers.get(value)
    if node is None or graph.position(value) < graph.position(start):
        raise ValueError(f"the value {shown(value)}, which no node after {shown(start)} makes")
    problem = "in a form that is unknown here" if node.operator in RULES else "an operator without a module here"
    for wanted, make in RULES.get(node.operator, ()):
        bound = match(graph, wanted, value)
        if bound is not None and bound.x is not None:
            try:
                return make(bound), bound.x
            except Exception as error:  # the arrays and options are foreign
                problem = said(error)
    if node.operator == "Add" and len(node.inputs) == 2 and not any(x in graph.constants for x in node.inputs):
        x, end = sorted(node.inputs, key=graph.position)
        if graph.position(x) >= graph.position(start):
            return Residual(*(_modules(graph, end, x) or [IdentityModule()])), x
    raise ValueError(f"{node}, {problem}")
