"""Files of settings and trees: what they may hold, and what is refused."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import pytest

from mlp_numpy.config import Config, read_config, read_settings, write_config
from mlp_numpy.config.trees import read_tree
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError

NAMES = ["", "007", "1e3", "1.50", "yes", "null", "~", "2020-01-01", "a b", "ä: {x}", "- 1", "# no comment", " spaces "]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_whatever_yaml_would_take_it_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.yaml"
    settings = Config(name=name, hidden=(), lr=5e-5, init_std=1e-300, seed=10**30, data_dir="~/data", download=False)
    write_config(path, settings)
    assert read_config(path) == settings
    assert read_settings(path)["name"] == name


def test_values_are_read_as_the_types_of_their_options(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("lr: 5e-3\nneg-slope: .5\nname: 007\nhidden: [6, 5]\ndownload: off\noverwrite: Yes\n")
    expected = {"lr": 5e-3, "neg_slope": 0.5, "name": "007", "hidden": (6, 5), "download": False, "overwrite": True}
    assert read_settings(path) == expected
    path.write_text("name: yes\nhidden: []")
    assert read_settings(path) == {"name": "yes", "hidden": ()}
    path.write_text("batchs: 3")
    with pytest.raises(DataError, match=r"unknown setting batchs. Did you mean 'batch'\?"):
        read_settings(path)


WRONG = [
    ("lr:", "line 1: lr must have a plain value or a list of them, got none. Hint: leave the line out"),
    ("lr: null", "lr must have a plain value .*, got none"),
    ("batch: 3\nlr: {a: 1}", "line 2: lr must have a plain value .*, got names and values"),
    ("hidden: [1, [2]]", "hidden must have a plain value .*, got a list"),
    ("hidden: [1, ~]", "hidden must have a plain value .*, got none"),
    ("hidden: [1, {a: 2}]", "hidden must have a plain value .*, got names and values"),
    ("lr: !!python/name:os.system x", "lr must have a plain value .*, got 'x'"),
    ("1: 2", "line 1: expected the name of a setting, got '1'"),
    ("? [a, b]\n: 2", "expected the name of a setting, got a list"),
    ("<<: {lr: 1}", "expected the name of a setting, got '<<'"),
    ("lr: 1\nbatch: 3\nlr: 2", "line 3: lr must come once, got it again"),
    ("neg_slope: 1\nneg-slope: 2", "line 2: neg-slope must come once, got it again"),
    ("", "must hold lines such as 'lr: 0.002', got nothing"),
    ("- lr", "must hold lines such as 'lr: 0.002', got a list"),
    ("just words", "must hold lines such as 'lr: 0.002', got other text"),
    ("lr: [", "must be a YAML file, got: while parsing"),
    ("lr: 1\n---\nlr: 2", "must be a YAML file, got: expected a single document"),
    ("lr: \x01", "must be a YAML file, got: unacceptable character"),
    ("[\n" * 10_000, "must be a YAML file"),
]


@pytest.mark.parametrize("read", [read_settings, read_config])
@pytest.mark.parametrize(("content", "words"), WRONG)
def test_a_file_that_holds_no_settings_is_refused(tmp_path: Path, read: Any, content: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(content)
    with pytest.raises(DataError, match=rf"^(--config|read_config): .*a\.yaml.* {words}") as caught:
        read(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lr: yes", "lr must be a number, got 'yes'"),
        ("batch: false", "batch must be an integer, got 'false'"),
        ("hidden: on", r"hidden must be a list of integers such as \[600, 500\], got 'on'"),
        ("overwrite: 1", "overwrite must be true or false, got '1'"),
        ("overwrite: [yes]", r"overwrite must be true or false, got \['yes'\]"),
        ("lr: [1, 2]", r"lr must be a number, got \['1', '2'\]"),
    ],
)
def test_a_value_of_another_type_never_becomes_an_option(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(line)
    with pytest.raises(DataError, match=rf"--config: .*a.yaml: {words}"):
        read_settings(path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("batch: 200\n", "", "missing settings: batch"),
        ("batch: 200", "batch: 200\nbatchs: 3", "unknown settings: batchs"),
        ("batch: 200", "batch: many", "batch must be an integer, got 'many'"),
        ("batch: 200", "batch: 2.5", "batch must be an integer, got '2.5'"),
        ("batch: 200", "batch: 0", "batch must be an integer ≥ 1, got 0"),
        ("lr: 0.002", "lr: yes", "lr must be a number, got 'yes'"),
        ("lr: 0.002", "lr: [1, 2]", r"lr must be a number, got \['1', '2'\]"),
        ("hidden:\n- 100\n", "hidden: 100\n", "hidden must be a list of integers such as .*, got '100'"),
        ("overwrite: false", "overwrite: never", "overwrite must be true or false, got 'never'"),
        ("init: auto", "init: normale", "unknown init 'normale'. Did you mean 'normal'"),
    ],
)
def test_what_is_wrong_in_the_settings_of_a_run_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    write_config(path, Config())
    content = path.read_text()
    assert content.count(old) == 1
    path.write_text(content.replace(old, new))
    with pytest.raises(DataError, match=rf"read_config: .*a.yaml.* {words}"):
        read_config(path)


@pytest.mark.parametrize("read", [read_settings, read_config])
def test_a_file_that_cannot_be_read(tmp_path: Path, read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataNotFoundError, match=r"none.yaml is missing"):
        read(tmp_path / "none.yaml")
    with pytest.raises(DataError, match="must be readable, got: Is a directory"):
        read(tmp_path)
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match="must be a YAML file, got: 'utf-8' codec"):
        read(tmp_path / "a.yaml")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_text", refuse)
    with pytest.raises(DataError, match="must be readable, got: Permission denied. Hint: check its owner"):
        read(tmp_path / "a.yaml")


LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
)


@pytest.mark.parametrize("read", [read_settings, read_config, lambda path: read_tree("--config", path)])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (LAUGHS, "anchors and aliases are not for settings"),
        ("lr: &a 0.1\n", "anchors and aliases are not for settings"),
        ("lr: *a\n", "anchors and aliases are not for settings"),
        ("a: &a [*a]\n", "found some without an end"),
        ("&a lr: 0.1\n", "anchors and aliases are not for settings"),
        ("lr: " + "[" * 90_000, "more than 30 levels"),
        ("{a: " * 20_000, "more than 30 levels"),
        ("- " * 40_000, "more than 30 levels"),
        ("? " * 40_000, "more than 30 levels"),
        ('name: "\\U00110000"\n', "must be a YAML file, got: ValueError"),
        ('name: "\\ud800"\n', "half a character"),
        ("a: 1\n" * 100_000, "must have at most 100,000 bytes, got 500,000"),
        ("lr: 1\nlr: 2\n", "lr must come once"),
        ("? [a, b]\n: 1\n", "got a list"),
        ("? {a: b}\n: 1\n", "got names and values"),
        ("<<: {lr: 1}\n", "got '<<'"),
    ],
)
@pytest.mark.slow
def test_a_small_file_cannot_mean_very_much(tmp_path: Path, read: Any, content: str, words: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(content)
    started = time.perf_counter()
    with pytest.raises(DataError, match=re.escape(words)) as caught:
        read(path)
    assert time.perf_counter() - started < 5
    assert "a.yaml" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("lines", "trackers"),
    [
        ("tensorboard: true", ("tensorboard",)),
        ("tensorboard: false", ()),
        ("log: [mlflow, wandb]", ("mlflow", "wandb")),
        ("log: [mlflow]\ntensorboard: true", ("mlflow", "tensorboard")),
        ("log: [tensorboard]\ntensorboard: true", ("tensorboard",)),
    ],
)
def test_trackers_come_from_both_names(tmp_path: Path, lines: str, trackers: tuple[str, ...]) -> None:
    (tmp_path / "settings.yaml").write_text(lines)
    config = Config(**read_settings(tmp_path / "settings.yaml"))
    assert config.trackers == trackers
    write_config(tmp_path / "config.yaml", config)
    assert read_config(tmp_path / "config.yaml") == config


@pytest.mark.parametrize("value", ["mlflow", "[1]", "none", "[[mlflow]]"])
def test_a_list_of_trackers_must_be_one_in_a_file_too(tmp_path: Path, value: str) -> None:
    (tmp_path / "settings.yaml").write_text(f"log: {value}")
    with pytest.raises((DataError, OptionError), match="log"):
        Config(**read_settings(tmp_path / "settings.yaml"))
