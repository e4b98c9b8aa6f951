"""Imported graphs: our own bit for bit, PyTorch's within rounding, and everything else as a named error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_nets import BUILDERS, random_net, randomize
from spec_cases import LINES, LOSSES, Line
from tiny import SHAPE, tiny

from mlp_numpy import MLP, BatchNorm, Dropout, LinearModule, Module, ReLUModule, Sequential
from mlp_numpy.data.preprocessing import PREPROCESSINGS, Preprocessing
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError
from mlp_numpy.exchange import TrainedModel, export_onnx, import_onnx

onnx = pytest.importorskip("onnx")
DATA = tiny(20, 5)
WITHOUT_FORM = ("without scale", "always the batch", "cumulative", "ceil mode", "winograd", "strips")
"""The options that a graph does not record, or records in another module of the same output."""
LAYERS = [line for line in LINES if line not in LOSSES]


def trained_state(model: Module) -> list[bytes]:
    return [array.tobytes() for array in model.state().values() if array.dtype.kind == "f"]


@pytest.mark.parametrize("line", LAYERS, ids=str)
def test_every_module_comes_back_bit_for_bit(line: Line, tmp_path: Path) -> None:
    for case in range(3):
        sample = line.sample(case)
        x, model = sample.x.astype(np.float32), sample.module.astype(np.float32).eval()
        export_onnx(model, tmp_path / "a.onnx", input_shape=x.shape[1:])
        if "ceil mode" in str(line) and "Slice" in {each.op_type for each in onnx.load(tmp_path / "a.onnx").graph.node}:
            continue  # no module cuts pixels off
        again = import_onnx(tmp_path / "a.onnx")
        if "winograd" in str(line):  # a file does not say so; what is read is the faster formula by its sizes
            np.testing.assert_allclose(again.forward(x), model.forward(x), rtol=1e-5, atol=1e-5)
            continue
        np.testing.assert_array_equal(again.forward(x), model.forward(x))
        if "without scale" not in str(line):
            assert trained_state(again) == trained_state(model)
        if not isinstance(model, Sequential) and not any(option in str(line) for option in WITHOUT_FORM):
            assert repr(again) == f"Sequential({model!r})"


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_builder_comes_back_with_its_names(builder: str, tmp_path: Path) -> None:
    for seed in range(5):
        net, x = random_net(builder, seed)
        export_onnx(net, tmp_path / "a.onnx")
        again = import_onnx(tmp_path / "a.onnx")
        np.testing.assert_array_equal(again.forward(x), net.forward(x))
        assert list(again.state()) == list(net.state())
        assert not again.training


@pytest.mark.parametrize("kind", PREPROCESSINGS)
def test_preprocessing_becomes_a_batch_norm(kind: str, tmp_path: Path) -> None:
    about = {"name": "a", "dataset": "tiny", "dataset_option": "shapes", "image_shape": list(SHAPE), "step": 7}
    model = MLP(48, [8], 4, rng=0, dtype=np.float32).eval()
    fitted = Preprocessing.fit(kind, DATA.train.images, SHAPE)
    export_onnx(TrainedModel(model, fitted, about | {"class_names": list(DATA.class_names)}), tmp_path / "a.onnx")
    again = import_onnx(tmp_path / "a.onnx")
    images = DATA.test.images.astype(np.float32)
    np.testing.assert_array_equal(again.forward(images.reshape(-1, *SHAPE)), model.forward(fitted.apply(images)))


# ------------------------------------------------------------------------------------------------------------ PyTorch


def torch_nets(torch: Any) -> dict[str, tuple[Any, tuple[int, ...]]]:
    nn = torch.nn

    class Shortcut(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.last = nn.Linear(8, 8), nn.Linear(8, 3)

        def forward(self, x: Any) -> Any:
            return self.last(x + torch.relu(self.inner(x)))

    class View(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 5)

        def forward(self, x: Any) -> Any:
            return self.last(torch.relu(self.conv(x)).view(x.shape[0], -1))

    activations = [nn.Mish(), nn.GELU(), nn.GELU("tanh"), nn.PReLU(), nn.Hardswish(), nn.ELU(), nn.SELU(), nn.SiLU()]
    activations += [
        nn.Hardtanh(-2, 3),
        nn.ReLU6(),
        nn.LogSigmoid(),
        nn.LeakyReLU(0.2),
        nn.Softplus(),
        nn.Tanh(),
        nn.Sigmoid(),
        nn.LogSoftmax(dim=-1),
    ]
    rows = [nn.Linear(8, 5), nn.ReLU(), nn.Dropout(), nn.BatchNorm1d(5), nn.Linear(5, 3, bias=False), nn.Softmax(dim=1)]
    images = [nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.PReLU(4), nn.MaxPool2d(2)]
    images += [nn.Conv2d(4, 2, (3, 2), stride=2), nn.AvgPool2d(2, 1), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(4, 3)]
    depthwise = [
        nn.Conv2d(3, 6, 3, padding="same", groups=3, dilation=2),
        nn.ReLU6(),
        nn.MaxPool2d(3, 2, ceil_mode=True),
    ]
    depthwise += [nn.AvgPool2d(2, 1, 1, count_include_pad=False), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return {
        "depthwise": (nn.Sequential(*depthwise), (2, 3, 12, 12)),
        "rows": (nn.Sequential(*rows), (2, 8)),
        "images": (nn.Sequential(*images), (2, 3, 12, 12)),
        "activations": (nn.Sequential(nn.LayerNorm(8), *activations), (2, 8)),
        "shortcut": (Shortcut(), (2, 8)),
        "view": (View(), (2, 3, 8, 8)),
    }


@pytest.mark.parametrize("name", ["rows", "images", "depthwise", "activations", "shortcut", "view"])
@pytest.mark.parametrize("free_batch", [True, False])
@pytest.mark.filterwarnings("ignore")
@pytest.mark.slow
def test_graphs_of_pytorch(name: str, free_batch: bool, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    net, shape = torch_nets(torch)[name]
    for each in net.modules():
        if isinstance(each, torch.nn.modules.batchnorm._BatchNorm):
            each.running_mean.normal_()
            each.running_var.uniform_(0.5, 2)
    x = torch.randn(shape)
    axes = {"dynamic_axes": {"x": {0: "N"}}} if free_batch else {}
    torch.onnx.export(net.eval(), (x,), str(tmp_path / "a.onnx"), dynamo=False, input_names=["x"], **axes)
    imported = import_onnx(tmp_path / "a.onnx")
    np.testing.assert_allclose(imported.forward(x.numpy()), net(x).detach().numpy(), atol=1e-5)


# ------------------------------------------------------------------------------------------------------------- errors


def written(path: Path, nodes: list[Any], shape: tuple[Any, ...] = ("N", 3), **constants: Any) -> Path:
    """A graph of these nodes from x to out."""
    make = onnx.helper
    values = [make.make_tensor_value_info(name, 1, size) for name, size in (("x", shape), ("out", None))]
    arrays = [onnx.numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = make.make_graph(nodes, "g", values[:1], values[1:], arrays)
    path.write_bytes(make.make_model(graph).SerializeToString())
    return path


def node(operator: str, *inputs: str, out: str = "out", **attributes: Any) -> Any:
    return onnx.helper.make_node(operator, list(inputs), [out], name="here", **attributes)


F = np.float32
WEIGHT = np.zeros((2, 3), F)
REFUSED: list[tuple[Callable[[], list[Any]], dict[str, Any], str]] = [
    (lambda: [node("LSTM", "x")], {}, r"node 'here' \(LSTM\), an operator without a module here"),
    (lambda: [node("Gemm", "x", "w", alpha=2.0)], {"w": WEIGHT.T}, r"node 'here' \(Gemm\): alpha must be 1, got 2"),
    (lambda: [node("Gemm", "x", "w", transA=1)], {"w": WEIGHT.T}, "transA must be 0, got 1"),
    (lambda: [node("Gemm", "x", "x")], {}, r"node 'here' \(Gemm\), in a form that is unknown here"),
    (lambda: [node("Conv", "x", "w", group=3)], {"w": np.zeros((2, 1, 3, 3), F)}, "groups must divide"),
    (lambda: [node("Conv", "x", "w", pads=[0, 1, 0, 0])], {"w": np.zeros((2, 1, 3, 3), F)}, "the same padding"),
    (lambda: [node("Conv", "x", "w", kernel_shape=[10**6] * 2)], {"w": np.zeros((2, 1, 3, 3), F)}, "kernel_shape"),
    (lambda: [node("Conv", "x", "w")], {"w": np.zeros((2, 1, 3), F)}, r"the weight must be \(M, C, KH, KW\)"),
    (lambda: [node("MaxPool", "x", kernel_shape=[2, 2], storage_order=1)], {}, "storage_order must be 0, got 1"),
    (lambda: [node("AveragePool", "x", kernel_shape=[2, 2], pads=[0, 0, 1, 1])], {}, "the same padding on opposite"),
    (lambda: [node("GlobalMaxPool", "x")], {}, "an operator without a module here"),
    (
        lambda: [node("MatMul", "a", "x", out="y"), node("MatMul", "y", "b")],
        {"a": WEIGHT, "b": WEIGHT.T},
        "in a form that is unknown here",
    ),
    (lambda: [node("Clip", "x", "a", "b")], {"a": F(1), "b": F(0)}, "min_val must be below max_val"),
    (lambda: [node("Flatten", "x", axis=2)], {}, "axis must be 1, got 2"),
    (lambda: [node("Reshape", "x", "s")], {"s": np.array([3, -1])}, r"the shape must be rows .*, got \[3, -1\]"),
    (lambda: [node("Reshape", "x", "s")], {"s": np.array([-1])}, "the shape must be rows"),
    (lambda: [node("Softmax", "x", axis=0)], {}, "axis"),
    (lambda: [node("Mul", "x", "c")], {"c": np.ones((2, 1), F)}, r"one value per feature, got \(2, 1\)"),
    (lambda: [node("PRelu", "x", "c")], {"c": np.ones((2, 1), F)}, "the slope must have one value per feature"),
    (lambda: [node("Selu", "x", alpha=2.0)], {}, "alpha must be 1.67"),
    (lambda: [node("Dropout", "x", "r", "t")], {"r": F(0.5), "t": True}, "training_mode must be False"),
    (lambda: [node("Relu", "y")], {}, "'y', which no node after 'x' makes"),
    (lambda: [node("Relu", "out")], {}, "reads its own output"),
    (lambda: [node("Relu", "x"), node("Tanh", "x")], {}, "two values of the name 'out'"),
    (list, {}, "no nodes"),
    (lambda: [node("Cast", "x", to=1)], {}, "at least one module"),
    (lambda: [node("Gemm", "x", "w")], {"w": np.zeros((3, 2), np.int64)}, "a matrix of floating numbers"),
]


@pytest.mark.parametrize(("nodes", "constants", "meant"), REFUSED, ids=[meant for _, _, meant in REFUSED])
def test_other_graphs_are_refused_by_name(
    nodes: Callable[[], list[Any]], constants: dict[str, Any], meant: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=meant) as caught:
        import_onnx(written(tmp_path / "a.onnx", nodes(), **constants))
    assert "a.onnx must be" in str(caught.value)


def test_operators_of_old_opsets_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", [node("Softmax", "x")])
    proto = onnx.load(path)
    proto.opset_import[0].version = 12
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(DataError, match="operators before opset 13"):
        import_onnx(path)


def test_two_inputs_or_outputs_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", [node("Relu", "x")])
    proto = onnx.load(path)
    proto.graph.output.append(proto.graph.output[0])
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(DataError, match="1 inputs and 2 outputs"):
        import_onnx(path)


def test_arrays_outside_the_file_are_not_read(tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", [node("Gemm", "x", "w")], w=np.ones((3, 400), F))
    onnx.save_model(onnx.load(path), path, save_as_external_data=True, location="secret", size_threshold=0)
    assert (tmp_path / "secret").exists()
    with pytest.raises(DataError, match="the array 'w' in another file"):
        import_onnx(path)


@pytest.mark.parametrize("dims", [[1 << 40], [-3], [1] * 9, [1 << 62, 1 << 62]])
def test_an_array_larger_than_the_file_is_not_made(dims: list[int], tmp_path: Path) -> None:
    path = written(tmp_path / "a.onnx", [node("Gemm", "x", "w")], w=WEIGHT)
    proto = onnx.load(path)
    proto.graph.initializer[0].dims[:] = dims
    path.write_bytes(proto.SerializeToString())
    with pytest.raises(DataError, match=r"an array .* in a file of"):
        import_onnx(path)


def test_a_file_that_is_not_onnx(tmp_path: Path) -> None:
    for content in (b"", b"PK\3\4", b"\xff" * 100, b"\x3a\xff\xff\xff\x7f", b"\x0a\x00" * 600_000):
        (tmp_path / "a.onnx").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.onnx must be a whole ONNX file"):
            import_onnx(tmp_path / "a.onnx")
    with pytest.raises(DataNotFoundError, match=r"none\.onnx is missing, expected a model in ONNX"):
        import_onnx(tmp_path / "none.onnx")
    with pytest.raises(OptionError, match="there must be a path"):
        import_onnx(3)  # type: ignore[arg-type]


def test_shortcuts_that_overlap_end_in_time(tmp_path: Path) -> None:
    nodes = [node("Relu", "x", out="v0"), node("Relu", "v0", out="v1")]
    nodes += [node("Add", f"v{k - 1}", f"v{k - 2}", out=f"v{k}") for k in range(2, 200)]
    with pytest.raises(DataError, match=r"which no node after|\(Add\)"):
        import_onnx(written(tmp_path / "a.onnx", [*nodes, node("Relu", "v199")]))


def test_an_imported_network_can_be_trained(tmp_path: Path) -> None:
    net = Sequential(
        LinearModule(3, 4, rng=0), BatchNorm(4), ReLUModule(), Dropout(0.5, rng=0), LinearModule(4, 2, rng=1)
    )
    randomize(net, np.random.default_rng(0))
    export_onnx(net, tmp_path / "a.onnx")
    again = import_onnx(tmp_path / "a.onnx").train()
    out = again.forward(np.ones((5, 3), F))
    again.backward(np.ones_like(out))
    assert again[0].grads["weight"].shape == (4, 3)
