"""Folders that cannot be used, and what is no folder at all: named errors with a hint, from every door of a run."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlp_numpy import viz
from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.diagnose import examine, examine_run, replay
from mlp_numpy.errors import DataError, MlpNumpyError, OptionError, RunFolderError
from mlp_numpy.experiment import (
    Run,
    artifacts,
    finished,
    load_run,
    load_trained,
    run,
    seed_configs,
    seeds,
    summarize_seeds,
)
from mlp_numpy.recipes import Results, Workspace, find_recipe, reproduce, shortened
from mlp_numpy.search import Journal, Search, Space
from mlp_numpy.training import History, load_checkpoint, load_model, save_checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")
GRID = Space({"dataset": "few-shapes", "steps": 2, "batch": 20, "validation": 40}, {"lr": [0.1, 0.01]})


@pytest.fixture
def config(tmp_path: Path) -> Config:
    here = {"runs_dir": str(tmp_path / "runs"), "plots_dir": str(tmp_path / "plots"), "name": "e"}
    return Config(dataset="few-shapes", steps=2, batch=20, hidden=(4,), **here)


DOORS: dict[str, Callable[[Any], Any]] = {
    "Run.resumed": Run.resumed,
    "examine_run": examine_run,
    "finished": finished,
    "load_run": load_run,
    "load_trained": load_trained,
    "load_model": load_model,
    "replay": replay,
    "load_checkpoint": load_checkpoint,
    "save_checkpoint": lambda path: save_checkpoint(path, {}, History(), {}),
    "History.read": History.read,
    "History.write": History().write,
    "History.write_csv": History().write_csv,
    "Journal": lambda path: Journal(path, {}),
    "Search": lambda path: Search(GRID, path),
    "Results": Results,
    "save_curves": lambda path: viz.save_curves(path, History(), ""),
}


@pytest.mark.parametrize("junk", [None, 3, 1.5, b"runs/e", "", "a\0b", "\ud800", [], {}], ids=repr)
@pytest.mark.parametrize("door", DOORS)
def test_what_is_no_path_is_named(door: str, junk: Any) -> None:
    with pytest.raises(OptionError, match="there must be a path, text or pathlib.Path"):
        DOORS[door](junk)


@pytest.mark.slow
def test_text_is_a_path_everywhere(config: Config, tmp_path: Path) -> None:
    folder = str(run(config).folder)
    assert load_run(folder)[0] == replace(config)
    assert load_trained(folder).about["name"] == load_trained(f"{folder}/model.npz").about["name"] == "e"
    assert finished(folder) is not None
    assert examine_run(folder)
    history = History.read(f"{folder}/history.json")
    history.write(str(tmp_path / "h.json"))
    history.write_csv(str(tmp_path / "h.csv"))
    assert load_checkpoint(folder).history.steps == Run.resumed(folder).history.steps
    assert list(Search(GRID, str(tmp_path / "s")).run())
    assert Journal(str(tmp_path / "j.jsonl"), {}).entries == []


@pytest.mark.parametrize(
    "settings",
    [{"name": "a" * 300}, {"runs_dir": "a" * 300}, {"plots_dir": "b/" + "a" * 300}, {"runs_dir": "/dev/null/x"}],
)
def test_names_that_no_folder_can_have_are_named(config: Config, settings: dict[str, str], tmp_path: Path) -> None:
    meant = replace(config, runs_dir=str(tmp_path / "runs"))
    with pytest.raises(RunFolderError, match="Hint"):
        run(replace(meant, **settings))
    with pytest.raises(RunFolderError, match="Hint"):
        for each in seed_configs(replace(meant, **settings), [0]):
            run(each)


@pytest.mark.parametrize("option", ["name", "runs_dir", "plots_dir", "data_dir"])
@pytest.mark.parametrize("text", ["\ud800", "a\0"])
def test_texts_that_no_file_can_hold_are_refused_at_once(option: str, text: str) -> None:
    with pytest.raises(OptionError):
        Config(**{option: text})


@pytest.mark.parametrize("junk", [None, 3, "a", {}, []])
def test_what_are_no_settings_are_named(junk: Any) -> None:
    for door in (examine, Run, run, lambda config: seed_configs(config, [0])):
        with pytest.raises(MlpNumpyError):
            door(junk)
    with pytest.raises(OptionError):
        seed_configs(Config(), junk)


def refusing(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, number: int = 13) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(owner, name, refuse)


@pytest.mark.parametrize("name", ["is_file", "exists", "stat"])
def test_a_folder_that_may_not_be_looked_at_is_named(
    config: Config, monkeypatch: pytest.MonkeyPatch, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(run(config).folder)
    with monkeypatch.context() as patch:
        refusing(patch, Path, name)
        for words in (["evaluate", folder], ["doctor", folder], ["export", folder, "x.npz"], ["predict", folder, "x"]):
            assert main(words) == 1
            assert "Hint" in capsys.readouterr().err, words


def test_a_folder_that_may_not_be_written_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, Path, "mkdir")
    for begin in (
        lambda: run(config),
        lambda: run(replace(config, name="")),
        lambda: list(Search(GRID, config.runs_dir).run()),
        lambda: Results(config.runs_dir).prepare(),
    ):
        with pytest.raises(RunFolderError, match="Permission denied. Hint"):
            begin()


def test_two_that_take_one_name_at_once(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Run(config)
    Path(config.runs_dir, "e").mkdir(parents=True)
    monkeypatch.setattr("mlp_numpy.experiment.folder.check_free", lambda _: None)
    with pytest.raises(RunFolderError, match="a run named 'e' already exists"):
        list(one.records())


def test_a_folder_that_is_closed_between_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, artifacts, "write_config", 28)
    with pytest.raises(RunFolderError, match="No space left on device. Hint"):
        run(config)


def test_a_full_disk_under_a_journal_is_named_and_nothing_is_lost(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(GRID, tmp_path / "s")
    outcomes = search.run()
    next(outcomes)
    with monkeypatch.context() as patch:
        refusing(patch, os, "fsync", 28)
        with pytest.raises(RunFolderError, match="must take what ended.*No space left on device. Hint"):
            next(outcomes)
    assert len(list(Search(GRID, tmp_path / "s").run())) == 2
    path = tmp_path / "s" / "journal.jsonl"
    with monkeypatch.context() as patch:
        refusing(patch, Path, "read_bytes")
        with pytest.raises(DataError, match=r"journal.jsonl must be readable, got: Permission denied. Hint"):
            Journal(path, {})
    for junk in ({"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, None, [1]):
        with pytest.raises(OptionError):
            Journal(path.with_name("other"), {}).add(junk)
        with pytest.raises(OptionError):
            Journal(path.with_name("third"), junk)


def test_what_runs_of_seeds_say_together_must_be_written(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = seed_configs(config, [0])
    run(configs[0])
    refusing(monkeypatch, seeds, "save_mean_std")
    with pytest.raises(RunFolderError, match="must be written, got: Permission denied. Hint"):
        summarize_seeds(configs)


def test_a_result_that_cannot_be_kept_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (recipe,) = map(shortened, find_recipe(["vannucci-mnist-sigmoid-1e-4"]))
    (tmp_path / "file").touch()
    with pytest.raises(RunFolderError, match="must take results"):
        list(reproduce([recipe], Results(tmp_path / "file" / "x"), Workspace("data", tmp_path / "a")))
    with pytest.raises(RunFolderError, match="must be a folder that can be read and written"):
        list(reproduce([recipe], Results(tmp_path / "kept"), Workspace("data", tmp_path / "file")))
