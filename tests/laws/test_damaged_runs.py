"""What a run's folder holds, written by anybody: each thing comes to a named error that tells the file, or is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_helpers import full_config

from mlp_numpy.cli import main
from mlp_numpy.diagnose import examine_run
from mlp_numpy.errors import DataError, MlpNumpyError
from mlp_numpy.exchange.archive import read_archive, write_archive
from mlp_numpy.experiment import Run, finished, open_run, run, summarize_seeds
from mlp_numpy.experiment.resume import restore
from mlp_numpy.training import History, load_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def made(cifar_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a finished run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("save_curves", "save_layer_stats"):
            patch.setattr(f"mlp_numpy.experiment.artifacts.{name}", lambda path, *_, **__: path.touch())
        folder = run(full_config(cifar_dir, tmp_path_factory.mktemp("made"), steps=30)).folder
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(made: dict[str, bytes], tmp_path: Path) -> Path:
    there = tmp_path / "runs" / "a"
    there.mkdir(parents=True)
    for name, content in made.items():
        (there / name).write_bytes(content)
    return there


def about(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content["about"].__setitem__(name, value)


def column(part: str, name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content[part][name].__setitem__(0, value)


def replaced(name: str, value: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda content: content.__setitem__(name, value)


HISTORIES: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{f"about {value!r}": replaced("about", value) for value in ([], None, 3, "a", True)},
    **{
        f"{name} {value!r:.30}": about(name, value)
        for name in ("status", "dataset", "test_openings", "seconds", "config", "test")
        for value in (None, [], {}, 5, "a", [[1]], [None], True, [""], -1.5, {"step": 1}, "\ud800")
        if not (name in ("status", "dataset") and value == "a")
        and not (name == "seconds" and value == 5)
        and not (name == "test_openings" and value == [])
        and not (name == "config" and isinstance(value, dict))
    },
    **{
        f"{part} {name} {value!r:.30}": column(part, name, value)
        for part in ("train", "validation")
        for name, value in (
            *(("step", value) for value in (None, "1", [1], 0.5, -1, True, 1e300, 10**400, {})),
            *((name, value) for name in ("loss", "accuracy") for value in ("1", [1], {}, True, 10**400)),
        )
    },
    "a short column": lambda content: content["train"]["loss"].pop(),
    "no column": lambda content: content["train"].pop("loss"),
    "no columns": replaced("train", []),
    "two parts": lambda content: content.update(test=content["validation"]),
    "no part": lambda content: content.pop("validation"),
    "no about": lambda content: content.pop("about"),
    **{
        f"watch {value!r}": replaced("watch", value) for value in ([1], {"a": 3}, 3, "a", {"step": [1], "a": {"b": []}})
    },
    "watch without steps": lambda content: content["watch"].pop("step"),
    "a short column of what was watched": lambda content: next(iter(content["watch"].values())).pop(),
}
TEXTS = {
    "nothing": b"",
    "a mark of byte order": b"\xef\xbb\xbf{}",
    "no UTF-8": b"\xff\xfe{}",
    "half": b'{"about": {"status": "fin',
    "a list": b"[]",
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "infinity": b'{"about": {}, "train": {"step": [Infinity], "loss": [1], "accuracy": [1]}, "test": {}}',
    "a number too large": b'{"about": {"seconds": 1e400}}',
    "5000 digits": b'{"about": {"seconds": ' + b"9" * 5000 + b"}}",
    "one name twice": b'{"about": {}, "about": {}}',
    "many lists": b"[" + b"[]," * 600_000 + b"[]]",
    "zeros": b"\0" * 1000,
}


def damaged(folder: Path, kind: str) -> Path:
    path = folder / "history.json"
    if kind in TEXTS:
        path.write_bytes(TEXTS[kind])
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    else:
        content = json.loads(path.read_text())
        HISTORIES[kind](content)
        path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("kind", [*HISTORIES, *TEXTS, "a folder"])
@pytest.mark.slow
def test_a_history_that_is_none_is_named(folder: Path, kind: str) -> None:
    path = damaged(folder, kind)
    with pytest.raises(DataError, match=re.escape(str(path))):
        History.read(path)
    assert finished(folder) is None


@pytest.mark.parametrize("kind", ["about []", "test_openings [[1]]", "a short column", "deep lists", "5000 digits"])
@pytest.mark.slow
def test_no_command_ends_with_a_traceback(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = damaged(folder, kind)
    for words in (["doctor", str(folder)], ["evaluate", str(folder)]):
        assert main(words) == 1
        found = capsys.readouterr()
        assert (found.out, str(path) in found.err) == ("", True)
    assert main(["train", "--resume", str(folder)]) == 0
    assert History.read(path).info.status == "finished"


@pytest.mark.parametrize("name", ["status", "seconds", "dataset", "test_openings"])
def test_a_history_that_lacks_something_is_named(folder: Path, name: str, cifar_dir: Path) -> None:
    path = folder / "history.json"
    content = json.loads(path.read_text())
    del content["about"][name]
    path.write_text(json.dumps(content))
    assert finished(folder) is None
    config = full_config(cifar_dir, folder.parents[1], steps=30)
    for ask in (lambda: examine_run(folder), lambda: open_run(config, go_on=True), lambda: summarize_seeds([config])):
        with pytest.raises(DataError, match=rf"history.json is incomplete, it lacks {name}"):
            ask()


STATE = {
    "text": np.array(["text"]),
    "empty": np.empty(0),
    "complex": np.array(1j),
    "many": np.zeros((2, 3)),
    "date": np.array(0, "datetime64[s]"),
    "bytes": np.array(b"x"),
    "negative": np.array(-5),
    "infinite": np.array(np.inf),
}
ABOUT: dict[str, Callable[[dict[str, Any]], Any]] = {
    "history list": lambda known: known.__setitem__("history", []),
    "history text": lambda known: known["history"].__setitem__("seconds", "long"),
    "openings": lambda known: known["history"].__setitem__("test_openings", 5),
    "config": lambda known: known["history"].__setitem__("config", [1]),
    "resumed": lambda known: known["history"].__setitem__("resumed_at", 3),
    "part": lambda known: known.__setitem__("part", 3),
    "another part": lambda known: known.__setitem__("part", "train"),
    "watched": lambda known: known.__setitem__("watched", [[1, 2]]),
    "watched rows": lambda known: known.__setitem__("watched", {"a": 1}),
    "no data": lambda known: known.pop("data"),
    "other data": lambda known: known.__setitem__("data", 3),
    "format": lambda known: known.__setitem__("format", []),
}


def forge(folder: Path, change: Callable[[dict[str, Any], dict[str, Any]], Any]) -> dict[Path, bytes]:
    arrays, known = read_archive("test", folder / NAME, "checkpoint")
    change(arrays, known)
    write_archive(folder / NAME, arrays, known)
    (folder / PREVIOUS).unlink(missing_ok=True)
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ABOUT)
@pytest.mark.slow
def test_a_checkpoint_that_tells_something_else_is_named(folder: Path, kind: str) -> None:
    before = forge(folder, lambda _, known: ABOUT[kind](known))
    for ask in (Run.resumed, examine_run):
        with pytest.raises(DataError):
            ask(folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("kind", STATE)
@pytest.mark.slow
def test_whatever_the_arrays_of_a_checkpoint_hold_an_error_is_named(folder: Path, kind: str) -> None:
    found, parts = load_checkpoint(folder), Run.resumed(folder).parts
    for name in found.state:
        try:
            restore(replace(found, state={**found.state, name: STATE[kind]}), parts)
        except MlpNumpyError as error:
            assert isinstance(error, DataError), f"{name}: {error!r}"
            assert str(folder) in str(error)
        else:
            assert kind in ("negative", "infinite", "empty", "complex", "many"), name
    for name in () if kind == "many" else ("steps", "evaluations"):  # zeros of two steps can be read
        forge(folder, lambda arrays, _, name=name: arrays.__setitem__(f"history/{name}", STATE[kind]))
        with pytest.raises(DataError, match="must hold the history of a run"):
            load_checkpoint(folder)


@pytest.mark.slow
def test_a_run_is_not_gone_on_with_from_such_a_checkpoint(folder: Path) -> None:
    before = forge(folder, lambda arrays, _: arrays.__setitem__("state/good/step", np.array(["text"])))
    with pytest.raises(DataError, match="must hold the state of this run"):
        Run.resumed(folder)
    assert main(["train", "--resume", str(folder)]) == 0, "it came to its end, and its model is whole"
    (folder / "model.npz").unlink()
    del before[folder / "model.npz"]
    assert main(["train", "--resume", str(folder)]) == main(["doctor", str(folder)]) == 1
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
