"""What an experiment is made of: groups of parameters, a fitted first layer, views; and runs with all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from run_helpers import numbers

from mlp_numpy.blas import is_numpys
from mlp_numpy.cli import main
from mlp_numpy.config import Config, read_config, write_config
from mlp_numpy.data.views import Views
from mlp_numpy.errors import OptionError
from mlp_numpy.exchange import load_model
from mlp_numpy.experiment import Run, load_trained, run
from mlp_numpy.experiment.build import build_components
from mlp_numpy.modules import whitening_kernels

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return recipe(cifar_dir, tmp_path)


def recipe(data: Path, folder: Path, **options: Any) -> Config:
    """The settings of the recipe for a narrow net and few steps."""
    settings: dict[str, Any] = {
        "model": "whitened-conv-net", "width": 2, "steps": 12, "batch": 30, "lr": 0.3, "momentum": 0.85,
        "nesterov": True, "weight_decay": 1e-3, "schedule": "warmup:3:0.2+polynomial:1:0.07", "lookahead": 0.7,
        "lookahead_every": 2, "lookahead_power": 3.0, "norm_lr_factor": 8.0, "head_lr_factor": 0.1, "flip": True,
        "alternate_flip": True, "shift": 2, "reflect": True, "label_smoothing": 0.2, "views": "mirror-shift",
        "preprocessing": "standardize", "held_out": "validation", "validation": 40, "eval_every": 4,
        "checkpoint_every": 3, "dataset": "cifar10", "data_dir": str(data), "runs_dir": str(folder / "runs"),
        "plots_dir": str(folder / "plots"), "name": "a", "download": False,
    }  # fmt: skip
    return Config(**(settings | options))


def test_groups_and_the_fitted_layer(config: Config) -> None:
    parts = build_components(config)
    factors = {name: parts.parameters.factors(name) for name in parts.parameters.slices}
    assert {name for name, (lr, _) in factors.items() if lr == 0} == set(parts.model.frozen)
    assert {name for name, found in factors.items() if found == (8, 1 / 8)} == {
        f"{place}.beta" for place in (5, 8, 12, 15, 19, 22)
    }
    assert [name for name, found in factors.items() if found == (0.1, 10)] == ["26.weight"]
    assert factors["1.bias"] == factors["3.weight"] == (1, 1)
    images = parts.preprocessing.apply(parts.train.inputs).reshape(-1, 3, 32, 32)
    weight = parts.model[1].params["weight"]
    np.testing.assert_allclose(weight, whitening_kernels(images, 2), rtol=1e-5, atol=1e-5)
    before = weight.copy()
    for _ in parts.trainer.run(3):
        pass
    np.testing.assert_array_equal(weight, before)
    assert (parts.model[5].params["gamma"] == 1).all()
    assert parts.model[5].params["beta"].any()


def test_a_network_without_normalizations_is_told_so(config: Config, cifar_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="norm_lr_factor must come with"):
        build_components(recipe(cifar_dir, tmp_path, model="mlp", width=64))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"flip": False}, "alternate_flip must come with flip"),
        ({"shift": 0}, "reflect must come with shift"),
        ({"lookahead": 0.0}, "lookahead_every must come with lookahead"),
        ({"views": "all"}, "views"),
    ],
)
def test_settings_without_effect_are_refused(config: Config, setting: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        recipe(Path("data"), Path("runs"), **setting)


@pytest.mark.parametrize("step", [1, 7])
def test_a_run_with_all_of_it_resumes_bit_by_bit(cifar_dir: Path, tmp_path: Path, step: int) -> None:
    whole = run(recipe(cifar_dir, tmp_path / "whole")).folder
    with Run(recipe(cifar_dir, tmp_path)) as under_way:
        for record in under_way.records():
            if record.step == step:
                break
    with Run.resumed(under_way.folder) as resumed:
        for _ in resumed.records():
            pass
    found, expected = numbers(resumed.folder), numbers(whole)
    assert any(name.startswith("update/lookahead/") for name in found)
    assert found == expected


def test_settings_round_trip(config: Config, tmp_path: Path) -> None:
    write_config(tmp_path / "config.yaml", config)
    assert read_config(tmp_path / "config.yaml") == config


def test_views_are_in_the_model_and_in_what_is_measured(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(config)
    assert result.history.info.test is not None
    trained = load_trained(result.folder)
    assert trained.views is not None
    assert trained.views.kind == "mirror-shift"
    assert main(["evaluate", str(result.folder), "--no-download"]) == 0
    said = capsys.readouterr().out
    assert "views mirror-shift" in said
    assert f"test accuracy {result.history.info.test.accuracy:.4f}" in said
    alone = load_model(result.folder / "model.npz")
    images = np.random.default_rng(0).integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)
    x = alone.preprocessing.apply(images.reshape(3, -1))
    scores = Views((3, 32, 32)).outputs(alone.model.scores.forward, x)
    expected = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(alone.predict_proba(images), expected, rtol=1e-5)


def test_what_is_built_and_measured_does_not_depend_on_the_threads_of_blas(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def spy(*arguments: Any, **options: Any) -> Any:
        seen.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if is_numpys(pool["filepath"]))
        return whitening_kernels(*arguments, **options)

    monkeypatch.setattr("mlp_numpy.models.whitened_conv_net.whitening_kernels", spy)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        parts = build_components(config)
        assert set(seen) == {1}
        seen.clear()
        forward = parts.trainer.engine.forward
        monkeypatch.setattr(parts.trainer.engine, "forward", lambda x: (spy(np.ones((1, 1, 2, 2)), 1), forward(x))[1])
        parts.trainer.measured(parts.held_out)
        assert set(seen) == {1}
