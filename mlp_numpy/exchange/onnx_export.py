"""Export of networks to ONNX files, checked before they are written."""

from __future__ import annotations

import json
import math
import os
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.atomic_io import written_whole
from mlp_numpy.checks import choice, instance, shown, sizes
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DTypeError, ExtraMissingError, NonFiniteError, OptionError, ShapeError
from mlp_numpy.exchange.model_file import TrainedModel
from mlp_numpy.exchange.onnx_forms import OPSET, GraphBuilder, OnnxForm
from mlp_numpy.models import Classifier, Network
from mlp_numpy.modules import LinearModule, Module, UnflattenModule

SUFFIX_ONNX: Final = ".onnx"
"""File name suffix."""

TOLERANCE: Final = 1e-4
"""The largest difference between both outputs that is accepted, as a fraction of the largest value or of 1."""

_IR_VERSION: Final = 8
_ROWS: Final = 2
_DTYPES: Final = ("float32", "uint8")
_LARGEST_FILE: Final = 2**31 - 1
"""The limit of protobuf, in bytes."""


def export_onnx(
    model: Module | TrainedModel,
    path: str | os.PathLike[str],
    *,
    input_shape: tuple[int, ...] | None = None,
    input_dtype: str | None = None,
    forms: dict[type[Module], OnnxForm] | None = None,
) -> float | None:
    """Write a model, in evaluation mode and float32, as an ONNX file of opset 17 with a dynamic batch size.

    model         a module, or a TrainedModel, whose preprocessing becomes part of the graph and whose class names, run
                  name and step become metadata
    input_shape   shape of one example; by default that of a TrainedModel's images, or the vector that the first layer
                  takes. A Network also takes images of its input size.
    input_dtype   "float32" or "uint8"; by default "uint8" for a TrainedModel (stored pixels), "float32" otherwise
    forms         the nodes of your own modules by class, see ``onnx_forms.OnnxForm``

    The file is checked by ``onnx.checker``, and the output for a random batch is compared with the model's by ONNX
    Runtime if it is installed, before it is written atomically. Constants are named as in ``model.state()``.

    Returns the largest difference between both outputs, None without ONNX Runtime.

    Raises OptionError for a module without a form, an invalid argument, or outputs that differ; ShapeError if
    ``input_shape`` does not fit the model, DTypeError for a complex model, NonFiniteError if a weight overflows in
    float32, ExtraMissingError without onnx, OSError if the file cannot be written.
    """
    path, onnx = as_path("export_onnx", path), onnx_library("export_onnx")
    trained = model if isinstance(model, TrainedModel) else None
    network = model.model if isinstance(model, TrainedModel) else model
    if not isinstance(network, Module):
        raise OptionError(f"export_onnx: model must be a module or a TrainedModel, got {shown(model)}.")
    if input_shape is None:
        shape = _default_shape(network) if trained is None or trained.columns else trained.image_shape
    else:
        shape = sizes("export_onnx", "input_shape", input_shape)
    if trained is not None and math.prod(shape) != trained.model.n_inputs:
        raise ShapeError(f"export_onnx: input_shape must have {trained.model.n_inputs} values, got {shape}.")
    of_images = trained is not None and not trained.columns
    default_dtype = "uint8" if of_images else "float32"
    dtype = np.dtype(
        choice("export_onnx", "input_dtype", default_dtype if input_dtype is None else input_dtype, _DTYPES)
    )
    network = _in_float32(network)
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (_ROWS, *shape)) if dtype == np.uint8 else rng.normal(size=(_ROWS, *shape))
    batch = batch.astype(dtype)
    graph = GraphBuilder(onnx.helper, instance("export_onnx", "forms", {} if forms is None else forms, dict))
    name = "images" if of_images else "x"
    value, example = _add_preprocessing(graph, name, batch, trained.preprocessing if trained else None)
    try:
        value, expected = graph.add(network, value, example)
    except ShapeError as error:
        raise ShapeError(f"export_onnx: input_shape must be an example of the model, got {shape}: {error}") from error
    if trained is not None and trained.scaling is not None:
        for operator, statistic in (("Mul", trained.scaling.std), ("Add", trained.scaling.mean)):
            values = np.array(statistic, np.float32)
            value = graph.node(operator, value, graph.constant(f"target.{operator}", values))
            expected = expected * values if operator == "Mul" else expected + values
    proto = _proto(onnx, graph, network, trained, (name, batch), (value, expected))
    content = _checked_bytes(onnx, proto)
    difference = _difference(content, name, batch, expected)
    with written_whole(path) as file:
        file.write(content)
    return difference


def onnx_library(who: str) -> Any:
    """The package ``onnx``; raises ExtraMissingError if it is absent or broken."""
    try:
        import onnx
    except Exception as error:
        raise ExtraMissingError(
            f"{who}: onnx must be installed, got {type(error).__name__}: {error}. Hint: pip install 'mlp_numpy[onnx]'."
        ) from error
    return onnx


def _default_shape(network: Module) -> tuple[int, ...]:
    if isinstance(network, Network):
        return (network.n_inputs,)
    _, first = next(network.leaves())
    if isinstance(first, LinearModule):
        return (first.in_features,)
    if isinstance(first, UnflattenModule):
        return (math.prod(first.shape),)
    raise OptionError(
        f"export_onnx: input_shape must be given for a model whose first layer is {first!r}, got None. "
        "Hint: input_shape=(3, 32, 32)."
    )


def _in_float32(network: Module) -> Module:
    """A copy in evaluation mode with float32 parameters and buffers."""
    for name, array in network.state().items():
        if array.dtype.kind == "c":
            raise DTypeError(f"export_onnx: {name} must be real, got {array.dtype}.")
    with np.errstate(over="ignore"):
        copy = network.astype(np.float32).eval()
    for name, array in network.state().items():
        if all_finite(array) and not all_finite(copy.state()[name]):
            raise NonFiniteError(f"export_onnx: {name} must lie in the range of float32, got {np.abs(array).max():g}.")
    return copy


def _add_preprocessing(
    graph: GraphBuilder, name: str, batch: Array, preprocessing: Preprocessing | None
) -> tuple[str, Array]:
    """Add the conversion to float32 and (u − shift) · scale of rows: the name and an example of the network's input."""
    example = batch.astype(np.float32)
    if batch.dtype != np.float32:
        name = graph.node("Cast", name, to=1)  # TensorProto.FLOAT
    if preprocessing is None:
        return name, example
    if batch.ndim > 2:
        name, example = graph.node("Flatten", name, axis=1), example.reshape(len(batch), -1)
    for statistic, operator in (("shift", "Sub"), ("scale", "Mul")):
        if statistic in preprocessing.state():
            values = preprocessing.state()[statistic]
            name = graph.node(operator, name, graph.constant(f"preprocessing.{statistic}", values))
    return name, preprocessing.apply(example, np.float32)


def _proto(
    onnx: Any,
    graph: GraphBuilder,
    network: Module,
    trained: TrainedModel | None,
    given: tuple[str, Array],
    result: tuple[str, Array],
) -> Any:
    """The ModelProto of a graph from the value ``given`` to ``result``, each with an example."""
    helper = onnx.helper
    out = "probabilities" if isinstance(network, Classifier) and network.softmax else "output"
    graph.rename_output(result[0], out)
    types = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), ["N", *array.shape[1:]])
        for name, array in (given, (out, result[1]))
    ]
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in graph.constants.items()]
    title = network.title if isinstance(network, Classifier) else type(network).__name__
    proto = helper.make_model(
        helper.make_graph(graph.nodes, title, types[:1], types[1:], constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mlp_numpy",
        producer_version=_version(),
    )
    if trained is not None:
        about = trained.about
        texts = {key: str(about[key]) for key in ("name", "dataset", "step")}
        texts["class_names"] = json.dumps(list(trained.class_names), ensure_ascii=False)
        texts["preprocessing"] = trained.preprocessing.kind
        if trained.columns:
            features = [feature for column in trained.columns for feature in column.features]
            texts["feature_names"] = json.dumps(features, ensure_ascii=False)
        helper.set_model_props(proto, texts)
    return proto


def _version() -> str:
    try:
        return version("mlp_numpy")
    except PackageNotFoundError:  # a source tree that was never installed
        return "0+unknown"


def _checked_bytes(onnx: Any, proto: Any) -> bytes:
    if proto.ByteSize() > _LARGEST_FILE:
        raise OptionError(f"export_onnx: the file must have at most {_LARGEST_FILE:,} bytes, got {proto.ByteSize():,}.")
    try:
        onnx.checker.check_model(proto, full_check=True)
    except Exception as error:  # of a form that the user gave
        raise OptionError(f"export_onnx: the graph must be valid ONNX, got {said(error)}.") from error
    content: bytes = proto.SerializeToString()
    return content


def _difference(content: bytes, name: str, batch: Array, expected: Array) -> float | None:
    """The largest difference between ONNX Runtime's output and ours; None if it is not installed."""
    try:
        import onnxruntime
    except Exception:  # absent, or broken
        return None
    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {name: batch})
    except Exception as error:
        raise OptionError(f"export_onnx: ONNX Runtime must run the graph, got {said(error)}.") from error
    usual = np.isfinite(expected)
    largest = float(np.abs(expected[usual]).max(initial=1.0))
    same = found.shape == expected.shape and np.array_equal(found[~usual], expected[~usual], equal_nan=True)
    difference = float(np.abs(found[usual] - expected[usual]).max(initial=0.0)) if same else math.inf
    if not difference <= TOLERANCE * largest:
        raise OptionError(
            f"export_onnx: ONNX Runtime's output must equal the model's within {TOLERANCE * largest:.1e}, got a "
            f"difference of {difference:.1e}. Hint: values near the limits of float32 overflow in other programs."
        )
    return difference
