"""The settings of a run: what they may be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.config import Config, read_config, read_settings, write_config
from mlp_numpy.config.options import option_of
from mlp_numpy.errors import DataError, OptionError


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"batch": 2.5}, "batch must be an integer ≥ 1, got 2.5"),
        ({"batch": True}, "batch must be an integer ≥ 1, got True"),
        ({"steps": "100"}, "steps must be an integer ≥ 1, got '100'"),
        ({"eval_every": None}, "eval_every must be an integer ≥ 1, got None"),
        ({"seed": 1.0}, "seed must be an integer ≥ 0, got 1.0"),
        ({"lr": "0.1"}, "lr must be a number > 0, got '0.1'"),
        ({"lr": True}, "lr must be a number > 0, got True"),
        ({"lr": 10**400}, "lr must be a number > 0"),
        ({"neg_slope": None}, "neg_slope must be a finite number, got None"),
        ({"neg_slope": -(10**400)}, "neg_slope must be a finite number"),
        ({"init_std": [1]}, r"init_std must be a number ≥ 0, got \[1\]"),
        ({"hidden": 100}, r"hidden must be a tuple of integers, got 100. Hint: hidden=\(100,\)"),
        ({"hidden": [100]}, r"hidden must be a tuple of integers, got \[100\]. Hint: hidden=\(100,\)"),
        ({"hidden": (100, 2.5)}, r"hidden\[1\] must be an integer ≥ 1, got 2.5"),
        ({"hidden": (True,)}, r"hidden\[0\] must be an integer ≥ 1, got True"),
        ({"hidden": "100"}, "hidden must be a tuple of integers, got '100'"),
        ({"log": "mlflow"}, r"log must be a tuple of names, got 'mlflow'. Hint: log="),
        ({"log": ("mlflo",)}, r"unknown log\[0\] 'mlflo'. Did you mean 'mlflow'"),
        ({"log": (None,)}, r"log\[0\] must be one of tensorboard, mlflow, wandb, got None"),
        ({"log": ("wandb", "wandb")}, "log must list each name once"),
        ({"optimizer": None}, "optimizer must be one of sgd, .*, got None"),
        ({"preprocessing": ["raw"]}, r"preprocessing must be one of auto, mean-image, .*, got \['raw'\]"),
        ({"data_dir": Path("data")}, "data_dir must be text, got "),
        ({"data_dir": "a\0b"}, "data_dir must be the name of a folder"),
        ({"overwrite": 1}, "overwrite must be True or False, got 1"),
        ({"download": "no"}, "download must be True or False, got 'no'"),
        ({"name": None}, "name must be text, got None"),
        ({"name": "a\0b"}, "name must be a plain name without folders"),
        ({"name": "a/b"}, "name must be a plain name without folders"),
        ({"name": "a\\b"}, "name must be a plain name without folders"),
        ({"name": "a\nb"}, "name must be a plain name without folders"),
        ({"name": ".."}, "name must be a plain name without folders"),
    ],
)
def test_a_setting_of_another_type_is_refused_by_name(setting: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=f"Config: {words}"):
        Config(**setting)


def test_numbers_of_numpy_become_plain_ones(tmp_path: Path) -> None:
    numbers = {"lr": np.float64(0.5), "batch": np.int64(7), "hidden": (np.uint8(3), 4), "overwrite": np.True_}
    settings = Config(**numbers)
    assert settings == Config(lr=0.5, batch=7, hidden=(3, 4), overwrite=True)
    assert [type(value) for value in (settings.lr, settings.batch, settings.hidden[0])] == [float, int, int]
    write_config(tmp_path / "a.yaml", settings)
    assert read_config(tmp_path / "a.yaml") == settings


def test_settings_of_version_0_1_are_known_by_their_names_of_then(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("average: 0.5\nmax-growth: 10\nwatch: 3\ndecay: weights\n")
    expected = {"ema": 0.5, "divergence_factor": 10.0, "layer_stats_every": 3, "decay_on": "weights"}
    assert read_settings(path) == expected
    write_config(path, Config(ema=0.5, weight_decay=0.1, decay_on="weights"))
    content = path.read_text()
    for new, old in (("ema", "average"), ("decay_on", "decay"), ("layer_stats_every", "watch")):
        content = content.replace(f"{new}:", f"{old}:")
    path.write_text(content)
    assert read_config(path) == Config(ema=0.5, weight_decay=0.1, decay_on="weights")
    path.write_text("ema: 0.5\naverage: 0.4\n")
    with pytest.raises(DataError, match="average must come once, got it again"):
        read_settings(path)


def test_every_option_says_what_it_is() -> None:
    for field in dataclasses.fields(Config):
        known = option_of(field)
        assert known.help and known.group
        assert known.check("Config", field.name, field.default) == field.default
        assert not known.choices or field.default in known.choices
