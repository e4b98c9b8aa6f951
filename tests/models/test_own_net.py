"""Networks by name: the table of the library's, and builders of one's own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlp_numpy.config import Config
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import BuilderError, DataError, OptionError
from mlp_numpy.models import MODELS, OwnNet, build, build_network, describe_model, models_with
from mlp_numpy.modules import SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.training import TrainedModel, load_model, save_model

TRAIN_PY = Path(__file__).parent.parent.parent / "train.py"
NETS = """
import numpy as np
from mlp_numpy import *
from mlp_numpy.modules import FlattenModule, UnflattenModule

number = 3

def build(input_shape, n_outputs, rng):
    c, h, w = input_shape
    return Sequential(UnflattenModule(c, h, w), FlattenModule(), LinearModule(c * h * w, 8, rng=rng), ReLUModule(),
                      Dropout(0.1, rng=rng), LinearModule(8, n_outputs, rng=rng))

def conv(input_shape, n_outputs, *, rng=None):
    c, h, w = input_shape
    return Sequential(UnflattenModule(c, h, w), Conv2dModule(c, 2, 3, padding=1, rng=rng), ReLUModule(),
                      FlattenModule(), LinearModule(2 * h * w, n_outputs, rng=rng))

def single(input_shape, n_outputs):
    return LinearModule(int(np.prod(input_shape)), n_outputs, rng=0)

def probabilities(input_shape, n_outputs):
    return Sequential(single(input_shape, n_outputs), SoftMaxModule())

def too_few(input_shape, n_outputs):
    return single(input_shape, n_outputs - 1)

def images_only(input_shape, n_outputs):
    return Conv2dModule(input_shape[0], n_outputs, 3)

def nothing(input_shape, n_outputs):
    pass

def without_parameters(input_shape, n_outputs):
    return ReLUModule()

def failing(input_shape, n_outputs):
    raise KeyError("n")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the package ``own_package``, which is the current directory."""
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package" / "nets.py").write_text(NETS)
    (tmp_path / "own_package" / "broken.py").write_text("import no_such_library\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in [name for name in sys.modules if name.startswith("own_package")]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("name", ["build", "conv", "single"])
def test_the_network_of_a_builder(name: str) -> None:
    net = OwnNet(f"own_package.nets:{name}", (2, 4, 4), 3, rng=0, dtype=np.float32)
    x = np.random.default_rng(0).normal(size=(5, 32)).astype(np.float32)
    probabilities = net.eval().forward(x)
    assert probabilities.shape == (5, 3)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert net.logits.output_kind != "probabilities"
    again = OwnNet(f"own_package.nets:{name}", (2, 4, 4), 3, rng=0, dtype=np.float32)
    for key, array in net.state().items():
        np.testing.assert_array_equal(array, again.state()[key])
    rebuilt = build(describe_model(net))
    rebuilt.load_state(net.state())
    np.testing.assert_array_equal(rebuilt.eval().forward(x), probabilities)
    assert repr(rebuilt) == f"OwnNet('own_package.nets:{name}', (2, 4, 4), 3)"
    loss = SoftMaxCrossEntropyModule()
    loss.forward(net.logits.forward(x), np.array([0, 1, 2, 0, 1]))


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize(
    ("builder", "words"),
    [
        ("own_package.net:build", r"must be importable, got ModuleNotFoundError: .*own_package.net'. Hint: start from"),
        (
            "no_package.nets:build",
            "must be importable, got ModuleNotFoundError: .*'no_package'. Hint: start from",
        ),
        (
            "own_package.broken:build",
            "must be importable, got ModuleNotFoundError: .*'no_such_library'.$",
        ),
        ("own_package.nets:bild", "own_package.nets must have bild, found no such attribute. Did you mean 'build'"),
        ("own_package.nets:number", r"must be callable, as build\(input_shape, n_outputs\), got 3"),
        ("own_package.nets:nothing", "must return a Module, got None"),
        ("own_package.nets:too_few", r"must give 3 scores a row, \(2, 3\) for two rows, got \(2, 2\)"),
        ("own_package.nets:images_only", r"must take rows \(2, 32\), got .*Hint: .* UnflattenModule\(2, 4, 4\)"),
        ("own_package.nets:probabilities", "must give scores, but .* gives probabilities. Hint: leave out its last"),
        ("own_package.nets:without_parameters", "must have a parameter to train, got ReLUModule"),
        ("own_package.nets:failing", r"must build a network for \(2, 4, 4\) and 3 outputs, got KeyError: 'n'"),
    ],
)
def test_a_builder_that_cannot_be_used_is_named(builder: str, words: str) -> None:
    with pytest.raises(BuilderError, match=f"model {builder}: {words}"):
        OwnNet(builder, (2, 4, 4), 3)


@pytest.mark.parametrize("builder", ["nets", "nets:", ":build", "nets:a.b", "ne ts:build", "../nets:build", 3, None])
def test_what_is_no_name_of_a_builder(builder: object) -> None:
    with pytest.raises(OptionError, match="OwnNet: builder must be a text such as 'package.module:build', got"):
        OwnNet(builder, (2, 4, 4), 3)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="model must be"):
        Config(model=builder)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": (3,)}, "hidden must come with model mlp or residual-mlp"),
        ({"dropout": 0.5}, "dropout must come with model mlp with hidden layers"),
        ({"width": 3}, "width must come with model conv-net"),
        ({"init": "kaiming"}, "init must come with a model of the library"),
        ({"init_std": 1.0}, "init_std must come with init normal"),
    ],
)
def test_options_without_effect_are_refused(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Config(model="own_package.nets:build", **options)  # type: ignore[arg-type]


def test_the_table_gives_the_choices_and_the_networks() -> None:
    options = {"hidden": (5, 5), "neg_slope": 0.1, "batch_norm": True, "dropout": 0.1, "width": 1, "extra_norm": True}
    for name, known in MODELS.items():
        rng = np.random.default_rng(0)
        net = build_network(name, (1, 16, 16), 3, options, init=kaiming(), rng=rng, dtype="float32")
        assert type(net) is known.network
        assert net.n_classes == 3
        assert known.options <= options.keys()
    assert models_with("hidden") == ["mlp", "residual-mlp"]


def started(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = [str(TRAIN_PY)] if words[0].startswith("--") else ["-m", "mlp_numpy"]
    return subprocess.run(
        [sys.executable, *program, *words], cwd=cwd, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.slow
def test_train_resume_evaluate_examine_and_predict(package: Path) -> None:
    words = [
        "--model",
        "own_package.nets:build",
        "--dataset",
        "shapes",
        "--data-dir",
        "data",
        "--preprocessing",
        "standardize",
    ]
    options = ["--steps", "40", "--eval-every", "20", "--checkpoint-every", "10", "--lr", "0.01", "--batch", "20"]
    done = started(*words, "--name", "a", *options, cwd=package)
    assert (done.returncode, done.stderr) == (0, "")
    assert "model   OwnNet('own_package.nets:build', (3, 32, 32), 10)" in done.stdout

    # a run that is killed resumes bit for bit
    crash = (
        "import os, sys\nfrom mlp_numpy.experiment import Run\nfrom mlp_numpy.config import read_config\n"
        "from dataclasses import replace\n"
        "with Run(replace(read_config('runs/a/config.yaml'), name='b')) as run:\n"
        "    for record in run.records():\n"
        "        if record.step == 25: os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", crash], cwd=package, timeout=120, check=False)
    assert killed.returncode == 9
    resumed = started("--resume", "runs/b", cwd=package)
    assert resumed.returncode == 0, resumed.stderr
    assert "resumed after step 20" in resumed.stdout
    one, other = (load_model(package / "runs" / name / "model.npz") for name in "ab")
    assert isinstance(one, TrainedModel)
    for key, array in one.model.state().items():
        np.testing.assert_array_equal(array, other.model.state()[key])

    assert "test accuracy" in started("evaluate", "runs/a", cwd=package).stdout
    assert "class balance" in started("doctor", "runs/a", cwd=package).stdout
    assert "class balance" in started("doctor", *words, cwd=package).stdout
    Image.new("L", (50, 40), 128).save(package / "gray.png")
    assert started("predict", "runs/a", "gray.png", cwd=package).stdout.startswith("gray.png  ")
    assert started("export", "runs/a", "a.npz", cwd=package).returncode == 0
    assert "test accuracy" in started("evaluate", "a.npz", "--data-dir", "data", cwd=package).stdout

    (package / "own_package").rename(package / "gone")
    for command in (
        ["evaluate", "runs/a"],
        ["doctor", "runs/a"],
        ["predict", "a.npz", "gray.png"],
        ["--resume", "runs/b"],
    ):
        found = started(*command, cwd=package)
        assert found.returncode == 1, command
        assert "model own_package.nets:build: must be importable, got ModuleNotFoundError" in found.stderr


@pytest.mark.usefixtures("package")
def test_a_builder_that_has_changed(tmp_path: Path) -> None:
    about = {"name": "a", "dataset": "tiny", "dataset_option": "shapes", "image_shape": [2, 4, 4], "step": 1}
    net = OwnNet("own_package.nets:single", (2, 4, 4), 3)
    pixels = np.zeros((2, 32), np.uint8)
    preprocessing = Preprocessing.fit("unit", pixels, (2, 4, 4), "float64")
    save_model(tmp_path / "m.npz", TrainedModel(net, preprocessing, about | {"class_names": list("abc")}))
    assert load_model(tmp_path / "m.npz").model.title == "own_package.nets:single"
    module = sys.modules["own_package.nets"]
    vars(module)["single"] = vars(module)["conv"]
    with pytest.raises(DataError, match="must describe a model that fits its arrays"):
        load_model(tmp_path / "m.npz")
