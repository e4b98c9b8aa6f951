"""The graph of an ONNX file, checked, and templates of subgraphs.

Nothing in the file is trusted: its size, every array's declared size, and data outside the file are checked before an
array is made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.reading import said
from mlp_numpy.errors import DataError
from mlp_numpy.exchange.archive import read_bytes

_OLDEST_OPSET: Final = 13
"""The first in which Softmax takes one axis, and Clip its bounds as inputs."""
_MOST_NODES: Final = 10_000
_MOST_FIELDS: Final = 200_000
_MOST_AXES: Final = 8
_COMMUTATIVE: Final = ("Add", "Mul")
_ELEMENTWISE: Final = {
    *("Add", "Sub", "Mul", "Div", "Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Sigmoid", "Tanh", "Softplus", "Mish"),
    *("Gelu", "HardSwish", "Erf", "Identity", "Cast", "Dropout", "BatchNormalization", "LayerNormalization"),
    *("Softmax", "LogSoftmax", "Clip", "Neg", "Log"),
}
"""The operators whose output has the rank of their input."""


@dataclass(frozen=True)
class OnnxNode:
    """One node: its operator, name, inputs, and attributes by name."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    def __str__(self) -> str:
        return f"node {shown(self.name)} ({self.operator[:80]})"

    def expect(self, **wanted: Any) -> None:
        """Raise ValueError unless each attribute is absent or has one of the wanted values."""
        for name, values in wanted.items():
            if name in self.attributes and self.attributes[name] not in values:
                raise ValueError(f"{self}: {name} must be {values[0]}, got {shown(self.attributes[name])}")


@dataclass(frozen=True)
class OnnxGraph:
    """A graph from one input to one output: the node that makes each value, the constants, and the input's shape.

    Sizes of the input shape that are not fixed are None.
    """

    x: str
    out: str
    shape: tuple[int | None, ...]
    producers: Mapping[str, OnnxNode]
    positions: Mapping[str, int]
    constants: Mapping[str, Array]

    def position(self, value: str) -> int:
        """The position of the node that makes a value; −1 for the input."""
        return self.positions.get(value, -1)

    def rank(self, value: str) -> int | None:
        """The number of dimensions of a value; None if it is unknown."""
        while value != self.x:
            node = self.producers.get(value)
            if node is None:
                return None
            if node.operator in ("Gemm", "Flatten"):
                return 2
            if node.operator in ("Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"):
                return 4
            if node.operator == "Reshape" and len(node.inputs) > 1 and node.inputs[1] in self.constants:
                return int(self.constants[node.inputs[1]].size)
            variable = [name for name in node.inputs if name and name not in self.constants]
            if node.operator not in (*_ELEMENTWISE, "MatMul") or not variable:
                return None
            # The later of two inputs of a shortcut; either has the same rank.
            value = variable[-1]
        return len(self.shape)


class NodeTemplate:
    """A node of an operator with these inputs.

    An input is another template; "x" for any value, the same one everywhere; "*" for any value at all; or the name of a
    constant, which is optional if it ends in "?". ``bind`` names the node itself.
    """

    def __init__(self, operator: str, *inputs: Template, bind: str = "") -> None:
        self.operator, self.inputs, self.bind = operator, inputs, bind


Template: TypeAlias = str | NodeTemplate


@dataclass(frozen=True)
class Bound:
    """The match of a template: the name of x, constants and nodes by name; for x, the rank (None: unknown) and the
    batch size if the graph fixes it."""

    x: str | None = None
    constants: Mapping[str, Array] = field(default_factory=dict)
    nodes: Mapping[str, OnnxNode] = field(default_factory=dict)
    rank: int | None = None
    batch: int | None = None


def match(graph: OnnxGraph, wanted: NodeTemplate, value: str) -> Bound | None:
    """The bindings with which ``wanted`` produces ``value`` from a value x; None if it does not."""
    found = _match(graph, wanted, value, Bound())
    if found is None or found.x is None:
        return None
    return replace(found, rank=graph.rank(found.x), batch=graph.shape[0] if graph.shape else None)


def _match(graph: OnnxGraph, wanted: Template, value: str, bound: Bound) -> Bound | None:
    if wanted == "*":
        return bound
    if wanted == "x":
        differs = value in graph.constants or bound.x not in (None, value)
        return None if differs else replace(bound, x=value)
    if isinstance(wanted, str):
        if value not in graph.constants:
            return None
        return replace(bound, constants={**bound.constants, wanted.rstrip("?"): graph.constants[value]})
    node = graph.producers.get(value)
    if node is None or node.operator != wanted.operator:
        return None
    given = [name for name in node.inputs if name]
    needed = [each for each in wanted.inputs if not (isinstance(each, str) and each.endswith("?"))]
    if not len(needed) <= len(given) <= len(wanted.inputs):
        return None
    if wanted.bind:
        bound = replace(bound, nodes={**bound.nodes, wanted.bind: node})
    for order in (given, given[::-1]) if node.operator in _COMMUTATIVE else (given,):
        found: Bound | None = bound
        for each, name in zip(wanted.inputs, order, strict=False):
            found = _match(graph, each, name, found) if found is not None else None
        if found is not None:
            return found
    return None


def read_graph(onnx: Any, who: str, path: Path) -> OnnxGraph:
    """Read and check the graph of an ONNX file.

    Raises DataNotFoundError if it is missing, DataError if it is unreadable, damaged, not ONNX, or has anything but one
    input and one output.
    """
    content = read_bytes(who, path, "model in ONNX")
    try:
        _check_fields(content)
        proto = onnx.load_model_from_string(content)
        return _graph(onnx, proto, len(content))
    except Exception as error:  # a foreign file can raise anything
        raise DataError(f"{who}: {path} must be a whole ONNX file of one graph, got {said(error)}.") from error


def _graph(onnx: Any, proto: Any, n_bytes: int) -> OnnxGraph:
    graph = proto.graph
    if not graph.node or proto.functions or graph.sparse_initializer:
        raise ValueError("no nodes, local functions or sparse arrays")
    if any(opset.domain not in ("", "ai.onnx") for opset in proto.opset_import):
        raise ValueError("operators of other domains")
    if any(opset.version < _OLDEST_OPSET for opset in proto.opset_import):
        raise ValueError(f"operators before opset {_OLDEST_OPSET}")
    if len(graph.node) > _MOST_NODES or len(graph.initializer) > _MOST_NODES:
        raise ValueError(f"more than {_MOST_NODES:,} nodes or arrays")
    constants = {tensor.name: _array(onnx, tensor, n_bytes) for tensor in graph.initializer}
    producers: dict[str, OnnxNode] = {}
    positions: dict[str, int] = {}
    for position, node in enumerate(graph.node):
        attributes = {each.name: _attribute(onnx, each, n_bytes) for each in node.attribute}
        if node.op_type == "Constant" and isinstance(attributes.get("value"), np.ndarray):
            constants[node.output[0]] = attributes["value"]
            continue
        made = OnnxNode(node.op_type, node.name, tuple(node.input), attributes)
        for name in node.output:
            if name in producers or name in constants:
                raise ValueError(f"two values of the name {shown(name)}")
            producers[name], positions[name] = made, position
        if any(positions.get(name, -1) >= position for name in node.input):
            raise ValueError(f"{made} reads its own output")
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1 or len(graph.output) != 1:
        raise ValueError(f"{len(inputs)} inputs and {len(graph.output)} outputs, where one of each is expected")
    dims = inputs[0].type.tensor_type.shape.dim
    shape = tuple(dim.dim_value if dim.WhichOneof("value") == "dim_value" else None for dim in dims)
    return OnnxGraph(inputs[0].name, graph.output[0].name, shape, producers, positions, constants)


def _attribute(onnx: Any, attribute: Any, n_bytes: int) -> Any:
    kinds = onnx.AttributeProto
    read: dict[int, Callable[[], Any]] = {
        kinds.FLOAT: lambda: attribute.f,
        kinds.INT: lambda: attribute.i,
        kinds.STRING: lambda: attribute.s.decode(),
        kinds.INTS: lambda: list(attribute.ints),
        kinds.FLOATS: lambda: list(attribute.floats),
        kinds.TENSOR: lambda: _array(onnx, attribute.t, n_bytes),
    }
    if attribute.type not in read:
        raise ValueError(f"an attribute {shown(attribute.name)} that is neither a number, a text nor an array")
    return read[attribute.type]()


def _array(onnx: Any, tensor: Any, n_bytes: int) -> Array:
    """The values of a tensor; float16 and bfloat16 as float32."""
    if tensor.data_location != onnx.TensorProto.DEFAULT or tensor.external_data:
        raise ValueError(f"the array {shown(tensor.name)} in another file. Hint: save it with its data in one file")
    if len(tensor.dims) > _MOST_AXES or min(tensor.dims, default=1) < 0 or math.prod(tensor.dims) > n_bytes:
        raise ValueError(f"an array {shown(list(tensor.dims[:9]))} in a file of {n_bytes:,} bytes")
    array: Array = np.asarray(onnx.numpy_helper.to_array(tensor))
    if array.dtype.kind not in "fiub":
        array = array.astype(np.float32)
    return array.astype(np.float32) if array.dtype == np.float16 else array


_TENSOR: Final[dict[int, Any]] = {}
_ATTRIBUTE: Final[dict[int, Any]] = {5: _TENSOR, 10: _TENSOR}
_VALUE_INFO: Final[dict[int, Any]] = {2: {1: {2: {1: {}}}}}
_GRAPH: Final[dict[int, Any]] = {1: {5: _ATTRIBUTE}, 5: _TENSOR, **dict.fromkeys((11, 12, 13), _VALUE_INFO)}
_MODEL: Final[dict[int, Any]] = {7: _GRAPH}
"""The fields of each message that are messages, by their numbers in onnx.proto."""


def _check_fields(content: bytes) -> None:
    """Raise ValueError for a file of more than ``_MOST_FIELDS`` fields: each of two bytes can become an object of a
    hundred."""
    count, messages = 0, [(0, len(content), _MODEL)]
    while messages:
        start, stop, known = messages.pop()
        while start < stop:
            tag, start = _varint(content, start, stop)
            count += 1
            if count > _MOST_FIELDS:
                raise ValueError(f"more than {_MOST_FIELDS:,} fields")
            wire = tag & 7
            if wire == 2:
                length, start = _varint(content, start, stop)
                if tag >> 3 in known:
                    messages.append((start, min(stop, start + length), known[tag >> 3]))
                start += length
            elif wire == 0:
                _, start = _varint(content, start, stop)
            else:
                start += 8 if wire == 1 else 4
        if start > stop:
            raise ValueError("a field longer than the file")


def _varint(content: bytes, start: int, stop: int) -> tuple[int, int]:
    """The number of variable length at ``start``, and the position behind it."""
    value = shift = 0
    while start < stop and shift < 70:
        byte = content[start]
        value |= (byte & 0x7F) << shift
        start, shift = start + 1, shift + 7
        if byte < 0x80:
            return value, start
    raise ValueError("a damaged field")
