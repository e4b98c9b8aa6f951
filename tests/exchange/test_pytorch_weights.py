"""Weights from and for PyTorch: bit for bit, whatever their names; mistakes are named before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from random_nets import BUILDERS, random_net, randomize
from spec_cases import LINES, LOSSES, Line

from mlp_numpy import (
    BatchNorm,
    Conv2dModule,
    Dropout,
    FlattenModule,
    LinearModule,
    LossModule,
    Module,
    ReLUModule,
    Residual,
    Sequential,
    modules,
)
from mlp_numpy.arrays import Array
from mlp_numpy.errors import (
    DataError,
    DataNotFoundError,
    DTypeError,
    ExtraMissingError,
    OptionError,
    ShapeError,
    UnknownNameError,
)
from mlp_numpy.exchange import load_pytorch, pytorch_state, to_pytorch
from mlp_numpy.exchange.pytorch_modules import IN_PYTORCH

LAYERS = [line for line in LINES if line not in LOSSES]


def net(seed: int = 0, dtype: Any = np.float32) -> Sequential:
    rng = np.random.default_rng(seed)
    found = Sequential(
        Conv2dModule(1, 2, 3, padding=1, rng=rng, dtype=dtype),
        BatchNorm(2, dtype=dtype),
        ReLUModule(),
        FlattenModule(),
        Dropout(0.5, rng=rng),
        Residual(LinearModule(8, 8, rng=rng, dtype=dtype)),
        LinearModule(8, 3, rng=rng, dtype=dtype),
    )
    randomize(found, rng)
    return found


def bits(model: Module) -> dict[str, bytes]:
    """The state without Dropout's seed and step."""
    return {name: array.tobytes() for name, array in model.state().items() if array.dtype.kind == "f"}


def emptied(model: Module) -> Module:
    """A copy with other values."""
    copy = model.astype(next(learned.value.dtype for _, learned in model.named_parameters()))
    copy.load_state({n: a * 0 + 7 if a.dtype.kind == "f" else a for n, a in copy.state().items()})
    return copy


@pytest.mark.parametrize("prefix", ["", "layers."])
def test_names_are_matched_by_order(prefix: str) -> None:
    ours, again = net(), emptied(net())
    state = {f"{prefix}{name.replace('5.0', 'fc')}": array for name, array in pytorch_state(ours).items()}
    load_pytorch(again, state)
    assert bits(again) == bits(ours)


def test_names_can_be_given() -> None:
    ours, again = net(), emptied(net())
    theirs = {"6": "fc2", "5.0": "fc1", "0": "conv", "1": "norm"}
    state = pytorch_state(ours)
    shuffled = {f"{there}.{key.rpartition('.')[2]}": array for here, there in theirs.items()
                for key, array in state.items() if key.rpartition(".")[0] == here}  # fmt: skip
    load_pytorch(again, shuffled, names=theirs)
    assert bits(again) == bits(ours)
    with pytest.raises(UnknownNameError, match=r"names must map \['0', '1', '5.0', '6'\] to \['fc2'"):
        load_pytorch(again, shuffled, names=theirs | {"0": "fc1"})


def test_the_state_has_pytorchs_names() -> None:
    state = pytorch_state(net())
    norm = [f"1.{name}" for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")]
    assert list(state) == ["0.weight", "0.bias", *norm, "5.0.weight", "5.0.bias", "6.weight", "6.bias"]
    assert list(pytorch_state(LinearModule(2, 1))) == ["weight", "bias"]


def changed(**changes: Any) -> dict[str, Any]:
    state = pytorch_state(net()) | {name.replace("_", ".", 1): array for name, array in changes.items()}
    return {name: array for name, array in state.items() if array is not None}


@pytest.mark.parametrize(
    ("source", "error", "meant"),
    [
        (changed(**{"6_weight": np.zeros((8, 3))}), ShapeError, r"6.weight must be \(3, 8\), got \(8, 3\) of 6.weight"),
        (
            changed(**{"6_bias": None}),
            UnknownNameError,
            r"'6'.* must get \['bias', 'weight'\], got \['weight'\] of '6'",
        ),
        (changed(**{"6_more": np.zeros(3)}), UnknownNameError, r"got \['bias', 'more', 'weight'\] of '6'"),
        (changed(**{"7_weight": np.zeros(3)}), UnknownNameError, "there must be 4 layers with arrays, .* got 5"),
        (changed(**{"6_bias": np.array(["a"] * 3)}), DTypeError, "6.bias must hold numbers"),
        (changed(**{"6_bias": np.zeros(3, complex)}), DTypeError, "6.bias must be numbers that float32 can hold"),
        ({1: np.zeros(3)}, OptionError, "source must be a torch.nn.Module"),
        (3, OptionError, "source must be a torch.nn.Module"),
        ("none.safetensors", DataNotFoundError, "none.safetensors is missing, expected a safetensors file"),
    ],
    ids=str,
)
def test_mistakes_are_named_and_nothing_is_written(source: Any, error: type[Exception], meant: str) -> None:
    if isinstance(source, str):
        pytest.importorskip("safetensors")
    again = emptied(net())
    before = bits(again)
    with pytest.raises(error, match=meant):
        load_pytorch(again, source)
    assert bits(again) == before


def test_files_of_safetensors_in_any_order(tmp_path: Path) -> None:
    save_file = pytest.importorskip("safetensors.numpy").save_file
    layers = [LinearModule(3, 3, rng=k) for k in range(12)]
    ours = Sequential(*layers).astype(np.float32)
    state = {name: np.ascontiguousarray(array) for name, array in pytorch_state(ours).items()}
    save_file(dict(sorted((f"net.{name}", array) for name, array in state.items())), tmp_path / "a.safetensors")
    again = emptied(ours)
    load_pytorch(again, tmp_path / "a.safetensors")
    assert bits(again) == bits(ours)
    (tmp_path / "b.safetensors").write_bytes((tmp_path / "a.safetensors").read_bytes()[:-1])
    with pytest.raises(DataError, match=r"b\.safetensors must be a safetensors file, whole and undamaged"):
        load_pytorch(again, tmp_path / "b.safetensors")


@pytest.mark.usefixtures("without_torch")
def test_without_pytorch_the_extra_is_named() -> None:
    with pytest.raises(ExtraMissingError, match=r"pip install 'mlp_numpy\[parity\]'"):
        to_pytorch(net())


class TestWithPyTorch:
    """What needs PyTorch."""

    @pytest.fixture(autouse=True)
    def _library(self) -> None:
        self.torch = pytest.importorskip("torch")

    def outputs(self, there: Any, x: Array) -> Array:
        found: Array = there(self.torch.tensor(x)).detach().numpy()
        return found

    @pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
    @pytest.mark.parametrize("line", LAYERS, ids=str)
    def test_every_module_goes_there_and_back(self, line: Line) -> None:
        for case in range(20):
            sample = line.sample(case, 3)  # a batch norm of one row is refused there
            model = sample.module.eval()
            there = to_pytorch(model)
            np.testing.assert_allclose(self.outputs(there, sample.x), model.forward(sample.x), rtol=0, atol=1e-12)
            assert {n: a.numpy().tobytes() for n, a in there.state_dict().items()} == {
                name: array.tobytes() for name, array in pytorch_state(model).items()
            }

    @pytest.mark.parametrize("builder", BUILDERS)
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_every_builder_goes_there_and_back(self, builder: str, dtype: Any) -> None:
        for seed in range(20):
            model, x = random_net(builder, seed, dtype)
            there = to_pytorch(model)
            ours = model.forward(x)
            atol = 1e-5 if dtype is np.float32 else 1e-12
            np.testing.assert_allclose(self.outputs(there, x), ours, rtol=0, atol=atol * max(1, np.abs(ours).max()))
            again = emptied(model)
            load_pytorch(again, there)
            assert bits(again) == bits(model)

    def test_files_of_safetensors(self, tmp_path: Path) -> None:
        save_file = pytest.importorskip("safetensors.torch").save_file
        ours, again = net(), emptied(net())
        save_file(to_pytorch(ours).state_dict(), tmp_path / "a.safetensors")
        load_pytorch(again, tmp_path / "a.safetensors")
        assert bits(again) == bits(ours)

    def test_numbers_that_numpy_does_not_have(self) -> None:
        with pytest.raises(DTypeError, match=r"0\.weight must hold numbers that NumPy has, .*tensor\.float\(\)"):
            load_pytorch(net(), to_pytorch(net()).to(self.torch.bfloat16))

    def test_the_mode_and_the_kinds_of_batch_norm(self) -> None:
        nn = self.torch.nn
        there = to_pytorch(net())
        assert there.training
        assert isinstance(there[1], nn.BatchNorm2d)
        assert isinstance(to_pytorch(Sequential(LinearModule(2, 2), BatchNorm(2)).eval())[1], nn.BatchNorm1d)
        assert not to_pytorch(net().eval()).training

    def test_a_module_without_a_counterpart_is_named(self) -> None:
        class Own(LinearModule):
            """A module of a user's own."""

        class OwnSequence(Sequential):
            """A sequence with a forward of its own."""

            def forward(self, x: Array) -> Array:
                return 2 * super().forward(x)

        for model in (Own(2, 1), OwnSequence(ReLUModule()), modules.MSEModule()):
            with pytest.raises(OptionError, match="every module must have a counterpart in PyTorch"):
                to_pytorch(model)


def test_every_exported_module_has_a_counterpart_or_a_reason() -> None:
    public = [getattr(modules, name) for name in modules.__all__]
    classes = {kind for kind in public if isinstance(kind, type) and issubclass(kind, Module)}
    without = {kind for kind in classes - {*IN_PYTORCH} if not issubclass(kind, LossModule)}
    assert {kind.__name__ for kind in without} == {
        "BatchNorm",
        "Module",
        "Residual",
        "Sequential",
        "Sharded",
        "TapeModule",
    }
