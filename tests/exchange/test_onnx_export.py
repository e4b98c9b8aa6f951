"""Exported networks: ONNX Runtime's output is ours, for every module and every builder; and what cannot be exported."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_nets import BUILDERS, random_net
from spec_cases import LINES, LOSSES, Line
from tiny import SHAPE, tiny

import mlp_numpy
from mlp_numpy import (
    MLP,
    BatchNorm,
    Conv2dModule,
    LayerNorm,
    LinearModule,
    LossModule,
    Module,
    ReLUModule,
    Sequential,
    TanhModule,
    modules,
)
from mlp_numpy.arrays import Array
from mlp_numpy.data.preprocessing import PREPROCESSINGS, Preprocessing
from mlp_numpy.errors import DTypeError, ExtraMissingError, NonFiniteError, OptionError, ShapeError
from mlp_numpy.exchange import TrainedModel, export_onnx
from mlp_numpy.exchange.onnx_forms import FORMS, OPSET, REFUSED

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
DATA = tiny(20, 5)
CLOSE = 1e-5


def run(path: Path, batch: Array) -> Array:
    """ONNX Runtime's output."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    out: Array = session.run(None, {session.get_inputs()[0].name: batch})[0]
    return out


def check(model: Module, x: Array, path: Path) -> None:
    export_onnx(model, path, input_shape=x.shape[1:])
    ours = model.astype(np.float32).eval().forward(x.astype(np.float32))
    scale = max(1.0, float(np.abs(ours).max()))
    np.testing.assert_allclose(run(path, x.astype(np.float32)), ours, rtol=0, atol=CLOSE * scale)


LAYERS = [line for line in LINES if line not in LOSSES]


@pytest.mark.parametrize("line", LAYERS, ids=str)
def test_the_output_of_every_module_is_ours(line: Line, tmp_path: Path) -> None:
    sample = line.sample(0)
    check(sample.module, sample.x, tmp_path / "a.onnx")


@pytest.mark.parametrize("line", LAYERS, ids=str)
@pytest.mark.slow
def test_the_output_of_every_module_is_ours_for_twenty_samples(line: Line, tmp_path: Path) -> None:
    for case in range(20):
        sample = line.sample(case)
        check(sample.module, sample.x, tmp_path / "a.onnx")


@pytest.mark.parametrize("builder", BUILDERS)
def test_the_output_of_every_builder_is_ours(builder: str, tmp_path: Path) -> None:
    for seed in range(20):
        check(*random_net(builder, seed), tmp_path / "a.onnx")


def test_every_exported_module_has_a_form_or_a_reason() -> None:
    public = [getattr(modules, name) for name in modules.__all__]
    classes = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Module)}
    known = {*FORMS, *REFUSED}
    assert {kind.__name__ for kind in classes - {Module} if not {*kind.__mro__} & known} == set()
    # a subclass with a forward of its own needs a form of its own
    assert {kind for kind in classes - known - {Module} if not issubclass(kind, LossModule)} == set()


@pytest.mark.parametrize("rows", [1, 2, 7])
def test_the_batch_size_is_free(rows: int, tmp_path: Path) -> None:
    net = Sequential(Conv2dModule(1, 2, 3, rng=0), BatchNorm(2), modules.FlattenModule(), LinearModule(8, 3, rng=0))
    net = net.astype(np.float32).eval()
    export_onnx(net, tmp_path / "a.onnx", input_shape=(1, 4, 4))
    x = np.random.default_rng(0).normal(size=(rows, 1, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(run(tmp_path / "a.onnx", x), net.forward(x), atol=CLOSE)


def test_a_model_in_training_is_exported_for_evaluation_and_left_as_it_is(tmp_path: Path) -> None:
    net = MLP(4, [3], 2, batch_norm=True, dropout=0.5, rng=0)
    x = np.random.default_rng(0).normal(size=(2, 4))
    net.forward(x)
    before = net.state()
    export_onnx(net, tmp_path / "a.onnx")
    assert net.training
    assert all(np.array_equal(array, before[name]) for name, array in net.state().items())
    net.backward(np.ones((2, 2)))
    found = run(tmp_path / "a.onnx", x.astype(np.float32))
    np.testing.assert_allclose(found, net.eval().forward(x), atol=CLOSE)


def trained(kind: str = "standardize") -> TrainedModel:
    about = {"name": "ä", "dataset": "tiny", "dataset_option": "shapes", "image_shape": list(SHAPE), "step": 7}
    about |= {"class_names": list(DATA.class_names)}
    return TrainedModel(
        MLP(48, [8], 4, batch_norm=True, rng=0, dtype=np.float32),
        Preprocessing.fit(kind, DATA.train.images, SHAPE),
        about,
    )


@pytest.mark.parametrize("kind", PREPROCESSINGS)
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("shape", [SHAPE, (48,)])
def test_the_graph_of_a_run_takes_stored_pixels(kind: str, dtype: str, shape: tuple[int, ...], tmp_path: Path) -> None:
    model, path = trained(kind), tmp_path / "a.onnx"
    export_onnx(model, path, input_dtype=dtype, input_shape=shape)
    images = DATA.test.images
    found = run(path, images.reshape(-1, *shape).astype(dtype))
    np.testing.assert_allclose(found, model.predict_proba(images), atol=CLOSE)


def test_the_file_records_its_origin(tmp_path: Path) -> None:
    assert export_onnx(trained(), tmp_path / "a.onnx") < CLOSE
    proto = onnx.load(tmp_path / "a.onnx")
    texts = {each.key: each.value for each in proto.metadata_props}
    assert json.loads(texts.pop("class_names")) == list(DATA.class_names)
    assert texts == {"name": "ä", "dataset": "tiny", "step": "7", "preprocessing": "standardize"}
    assert [(each.domain, each.version) for each in proto.opset_import] == [("", OPSET)]
    assert (proto.producer_name, proto.graph.output[0].name) == ("mlp_numpy", "probabilities")
    assert proto.graph.name == "MLP 48-8-4"
    names = {each.name for each in proto.graph.initializer}
    assert {"0.weight", "0.bias", "2.running_mean", "preprocessing.shift"} <= names


class Doubled(Module):
    """Twice its input: a module of a user's own."""

    op = modules.Id

    def forward(self, x: Array) -> Array:
        return 2 * x


class Renamed(LinearModule):
    """A subclass without a formula of its own."""


def _doubled(graph: Any, module: Doubled, x: str, example: Array) -> str:
    return str(graph.node("Mul", x, graph.constant("two", 2)))


def test_a_module_of_ones_own_needs_a_form(tmp_path: Path) -> None:
    net = Sequential(Renamed(3, 2, rng=0), Doubled())
    with pytest.raises(OptionError, match=r"got Doubled\(\)\. Hint: forms=\{Doubled: function\}"):
        export_onnx(net, tmp_path / "a.onnx")
    assert not (tmp_path / "a.onnx").exists()
    x = np.ones((2, 3), np.float32)
    export_onnx(net, tmp_path / "a.onnx", forms={Doubled: _doubled})
    np.testing.assert_allclose(run(tmp_path / "a.onnx", x), net.forward(x), atol=CLOSE)


def test_a_form_that_is_wrong_is_found(tmp_path: Path) -> None:
    net, path = Sequential(LinearModule(3, 2, init=mlp_numpy.glorot(), rng=0), Doubled()), tmp_path / "a.onnx"
    for form, meant in (
        (lambda graph, module, x, example: x, "must equal the model's within 1"),
        (lambda graph, module, x, example: graph.node("NoOperator", x), "the graph must be valid ONNX"),
        (lambda graph, module, x, example: graph.node("Identity", "nothing"), "the graph must be valid ONNX"),
    ):
        with pytest.raises(OptionError, match=meant):
            export_onnx(net, path, forms={Doubled: form})
        assert not path.exists()


@pytest.mark.parametrize(
    ("model", "options", "error", "meant"),
    [
        (TanhModule(), {}, OptionError, r"input_shape must be given for a model whose first layer is TanhModule\(\)"),
        (LinearModule(3, 2), {"input_shape": (4,)}, ShapeError, "input_shape must be an example of the model"),
        (LinearModule(3, 2), {"input_shape": (0,)}, OptionError, r"input_shape\[0\] must be an integer ≥ 1"),
        (LinearModule(3, 2), {"input_dtype": "int8"}, OptionError, "unknown input_dtype 'int8'"),
        (LinearModule(3, 2), {"forms": [1]}, OptionError, "forms must be a dict"),
        (LinearModule(3, 2, dtype=np.complex128), {}, DTypeError, "weight must be real, got complex128"),
        (trained(), {"input_shape": (5,)}, ShapeError, "input_shape must have 48 values"),
        ("net", {}, OptionError, "model must be a module or a TrainedModel, got 'net'"),
        (modules.MSEModule(), {"input_shape": (3,)}, OptionError, "since a loss is no part of a network's output"),
    ],
    ids=str,
)
def test_what_cannot_be_exported_is_named(
    model: Any, options: dict[str, Any], error: type[Exception], meant: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=meant):
        export_onnx(model, tmp_path / "a.onnx", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_weight_beyond_float32_is_named(tmp_path: Path) -> None:
    layer = LinearModule(2, 1)
    layer.params["weight"] = 1e300
    with pytest.raises(NonFiniteError, match=r"weight must lie in the range of float32, got 1e\+300"):
        export_onnx(layer, tmp_path / "a.onnx")


@pytest.mark.parametrize("model", [BatchNorm(2, eps=0, running=False), LayerNorm(2, eps=0), BatchNorm(2, eps=0)])
def test_constant_features_are_zero_without_eps(model: Module, tmp_path: Path) -> None:
    if model.buffers:
        model.buffers["running_variance"][...] = (0, np.inf)
    check(model, np.ones((3, 2)), tmp_path / "a.onnx")


@pytest.mark.slow
def test_the_last_window_of_ceil_mode(tmp_path: Path) -> None:
    rng, n_pools = np.random.default_rng(0), 0
    while n_pools < 200:
        kernel, stride, padding, size = (
            tuple(map(int, rng.integers(*of, 2))) for of in ((1, 5), (1, 6), (0, 3), (1, 9))
        )
        dilation = tuple(map(int, rng.integers(1, 3, 2)))
        try:
            pools = [
                modules.MaxPool2dModule(kernel, stride, padding, dilation=dilation, ceil_mode=True),
                modules.AvgPool2dModule(kernel, stride, padding, ceil_mode=True),
                modules.AvgPool2dModule(kernel, stride, padding, ceil_mode=True, count_include_pad=False),
            ]
            for pool in pools:
                pool.forward(np.zeros((1, 1, *size)))
        except (OptionError, ShapeError):  # more padding than half the kernel, or no window
            continue
        n_pools += len(pools)
        for pool in pools:
            check(pool, rng.normal(size=(2, 1, *size)), tmp_path / "a.onnx")


def test_without_the_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    net = Sequential(LinearModule(3, 2, rng=0), ReLUModule(2.0))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert export_onnx(net, tmp_path / "a.onnx") is None
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'mlp_numpy\[onnx\]'"):
        export_onnx(net, tmp_path / "b.onnx")
