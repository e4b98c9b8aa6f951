"""One experiment from its settings to its files."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from run_helpers import small_config

from mlp_numpy.config import Config, read_config, read_settings, write_config
from mlp_numpy.errors import CallOrderError, DataError, DataNotFoundError, NonFiniteError, OptionError, RunFolderError
from mlp_numpy.experiment import Run, artifacts, load_run, run
from mlp_numpy.training import EvaluationRecord, History

FILES = {"config.yaml", "history.csv", "history.json", "model.npz", "versions.json", "checkpoint.npz"}


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return small_config(cifar_dir, tmp_path, steps=25, eval_every=10)


def test_a_run_leaves_its_folder_and_its_picture(config: Config, tmp_path: Path) -> None:
    result = run(config)
    assert result.folder == tmp_path / "runs" / "run-cifar10-001"
    assert {path.name for path in result.folder.iterdir()} == FILES | {"checkpoint.previous.npz"}
    assert result.status == "finished"
    assert [record.step for record in result.history.evaluations] == [0, 10, 20, 25]
    assert len(result.history.steps) == 25
    with Image.open(result.picture) as picture:
        assert picture.format == "PNG"
        assert picture.size == (1320, 504)
        assert len(np.unique(np.asarray(picture.convert("L")))) > 50  # something is drawn
    about = json.loads((result.folder / "history.json").read_text())["about"]
    assert about["dataset"] == "CIFAR-10"
    assert about["parameters"] == 3072 * 8 + 8 + 8 * 10 + 10
    versions = json.loads((result.folder / "versions.json").read_text())
    assert versions["packages"]["numpy"] == np.__version__
    assert any(pool["from"] == "numpy" for pool in versions["thread_pools"])
    loaded_config, trained = load_run(result.folder)
    assert loaded_config == config
    assert trained.about["dataset"] == "CIFAR-10"
    state, again = result.trained.model.state(), trained.model.state()
    for name, array in state.items():
        np.testing.assert_array_equal(again[name], array)


@pytest.mark.slow
def test_the_same_settings_give_the_same_numbers(config: Config) -> None:
    one, other = run(config), run(config)
    assert one.folder != other.folder
    assert one.history.steps == other.history.steps
    assert one.history.evaluations == other.history.evaluations
    different = run(replace(config, seed=1))
    assert different.history.steps != one.history.steps


@pytest.mark.slow
def test_an_earlier_run_is_never_overwritten_in_silence(config: Config) -> None:
    first = run(replace(config, name="mine"))
    before = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    with pytest.raises(RunFolderError, match="a run named 'mine' already exists.*another --name, or --overwrite"):
        run(replace(config, name="mine", seed=1))
    assert {path.name: path.read_bytes() for path in first.folder.iterdir()} == before
    second = run(replace(config, name="mine", seed=1, overwrite=True))
    assert second.folder == first.folder
    assert load_run(second.folder)[0].seed == 1
    # a picture of that name counts as well
    (Path(config.plots_dir) / "picture.png").write_bytes(b"")
    with pytest.raises(RunFolderError, match="a run named 'picture' already exists"):
        run(replace(config, name="picture"))


@pytest.mark.slow
def test_names_that_nobody_chose_are_free_ones(config: Config) -> None:
    (Path(config.plots_dir)).mkdir(parents=True)
    (Path(config.plots_dir) / "run-cifar10-002.png").write_bytes(b"")
    assert [run(config).folder.name for _ in range(2)] == ["run-cifar10-001", "run-cifar10-003"]


def test_breaking_off_saves_what_was_reached(config: Config) -> None:
    with Run(config) as under_way:
        records = under_way.records()
        for record in records:
            if record.step == 7:
                break
    with pytest.raises(CallOrderError, match="a run runs once"):
        under_way.records()
    assert under_way.result is not None
    assert under_way.result.status == "interrupted"
    assert [record.step for record in under_way.history.evaluations] == [0, 7]
    assert len(History.read(under_way.folder / "history.json").steps) == 7
    assert load_run(under_way.folder)[1].about["step"] == 7


def test_a_training_that_diverges_saves_the_last_good_weights(config: Config) -> None:
    under_way = Run(replace(config, lr=1e30, eval_every=2, init="kaiming"))
    start = under_way.parameters.values.copy()
    with pytest.raises(NonFiniteError, match="the loss must be finite"):
        list(under_way.records())
    assert under_way.result is not None
    assert under_way.result.status.startswith("stopped: Trainer.run: the loss must be finite")
    weight = load_run(under_way.folder)[1].model[0].params["weight"]
    np.testing.assert_array_equal(weight, start[: 3072 * 8].reshape(3072, 8).T)


def test_folders_that_cannot_be_made_stop_the_run_before_it_begins(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    under_way = Run(replace(config, runs_dir=str(tmp_path / "file")))
    with pytest.raises(RunFolderError, match="must be folders that can be written"):
        next(under_way.records())
    assert under_way.trainer.step == 0


def test_what_cannot_be_saved_is_named_and_the_rest_is_saved(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, trained: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(artifacts, "save_model", full)
    under_way = Run(config)
    with pytest.raises(RunFolderError, match="1 of 6 files could not be saved: .*model.npz: No space left on device"):
        list(under_way.records())
    assert {path.name for path in under_way.folder.iterdir()} >= FILES - {"model.npz"}
    assert not (under_way.folder / "model.npz").exists()


def test_two_runs_that_start_together_cannot_have_one_name(config: Config) -> None:
    first, second = Run(replace(config, name="ours")), Run(replace(config, name="ours"))
    records = first.records()
    next(records)
    with pytest.raises(RunFolderError, match="a run named 'ours' already exists"):
        next(second.records())
    first.close()
    assert load_run(first.folder)[1].about["step"] == 0


def test_replacing_a_run_leaves_nothing_of_the_old_one(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, trained: object) -> None:
        raise OSError(28, "No space left on device")

    first = run(replace(config, name="mine"))
    monkeypatch.setattr(artifacts, "save_model", full)
    with pytest.raises(RunFolderError, match="model.npz: No space left on device"):
        run(replace(config, name="mine", overwrite=True, hidden=(3,)))
    assert not (first.folder / "model.npz").exists()


def test_an_evaluation_that_is_not_finite_ends_the_run_with_the_last_good_weights(config: Config) -> None:
    under_way = Run(replace(config, lr=3e35, init="kaiming", steps=1, preprocessing="unit"))
    start = under_way.parameters.values.copy()
    with pytest.raises(NonFiniteError, match="held-out loss must be finite, .* at step 1, first in the held-out part"):
        list(under_way.records())
    np.testing.assert_array_equal(under_way.parameters.values, start)
    assert load_run(under_way.folder)[1].about["step"] == 0


def test_long_runs_are_saved_on_the_way(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["mlp_numpy.experiment.recorder"], "_SAVE_SECONDS", 0.0)
    under_way = Run(config)
    for record in under_way.records():
        if isinstance(record, EvaluationRecord) and record.step == 20:
            trained = load_run(under_way.folder)[1]
            assert (trained.about["status"], trained.about["step"]) == ("running", 20)
            assert len(History.read(under_way.folder / "history.json").steps) == 20
    assert load_run(under_way.folder)[1].about["status"] == "finished"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"lr": 0.0}, "lr must be a number > 0, got 0.0"),
        ({"lr": float("nan")}, "lr must be a number > 0, got nan"),
        ({"batch": 0}, "batch must be an integer ≥ 1, got 0"),
        ({"steps": -3}, "steps must be an integer ≥ 1, got -3"),
        ({"eval_every": 0}, "eval_every must be an integer ≥ 1"),
        ({"hidden": (10, 0)}, r"hidden\[1\] must be an integer ≥ 1, got 0"),
        ({"seed": -1}, "seed must be an integer ≥ 0"),
        ({"neg_slope": float("inf")}, "neg_slope must be a finite number"),
        ({"init_std": -1.0}, "init_std must be a number ≥ 0"),
        ({"init": "normale"}, "unknown init 'normale'. Did you mean 'normal'"),
        ({"optimizer": "sdg"}, "unknown optimizer 'sdg'. Did you mean 'sgd'"),
        ({"preprocessing": "mean image"}, "unknown preprocessing 'mean image'. Did you mean 'mean-image'"),
        ({"dtype": "float23"}, "unknown dtype 'float23'. Did you mean 'float32'"),
        ({"name": "../elsewhere"}, "name must be a plain name"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(setting: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Config(**setting)


def test_a_batch_larger_than_the_data_is_refused_before_anything_is_written(config: Config, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="a batch of 201 is larger than the data, 200 examples"):
        Run(replace(config, batch=201))
    assert not (tmp_path / "runs").exists()


def test_adam_trains(config: Config) -> None:
    result = run(replace(config, optimizer="adam", lr=1e-3))
    assert result.history.info.optimizer == "Adam(lr=0.001)"
    assert result.status == "finished"


@pytest.mark.slow
def test_every_initialization_and_preprocessing_trains(config: Config) -> None:
    for init in ("kaiming", "glorot"):
        for preprocessing in ("standardize", "unit"):
            result = run(replace(config, steps=5, init=init, preprocessing=preprocessing, hidden=(), dtype="float64"))
            assert result.status == "finished"
            assert result.trained.model[0].params["weight"].dtype == np.float64


def test_settings_files_round_trip_and_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    settings = Config(lr=0.5, hidden=(7, 8), overwrite=True, name="a name")
    write_config(path, settings)
    assert read_config(path) == settings
    assert Config(**read_settings(path)) == settings
    for content, error in (("- 1", "must hold lines such as"), ("lr: [", "must be a YAML file")):
        path.write_text(content)
        with pytest.raises(DataError, match=error):
            read_config(path)
    with pytest.raises(DataNotFoundError, match="is missing"):
        read_settings(tmp_path / "none.yaml")
    path.write_text("just words")
    with pytest.raises(DataError, match="must hold lines such as"):
        read_settings(path)


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="found no such folder"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(DataNotFoundError, match="found a folder without them"):
        load_run(tmp_path)
