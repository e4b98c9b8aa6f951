"""How often a test set has been opened: exact under many processes, and on the disk before there is a number."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny import tiny

from mlp_numpy import atomic_io
from mlp_numpy.cli import main
from mlp_numpy.config import Config
from mlp_numpy.errors import DataError, DataNotFoundError, MlpNumpyError, OptionError, RunFolderError
from mlp_numpy.experiment import Run, lock, open_test_set, run
from mlp_numpy.training import History

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    here = {"runs_dir": str(tmp_path / "runs"), "plots_dir": str(tmp_path / "plots"), "name": "e"}
    return Config(dataset="few-shapes", steps=4, batch=20, hidden=(4,), eval_every=2, **here)


def counted(folder: Path) -> list[str]:
    return History.read(folder / "history.json").info.test_openings


@pytest.mark.slow
def test_concurrent_openings_are_all_counted(config: Config) -> None:
    folder, before = run(config).folder, 1
    program = (
        "import sys; from pathlib import Path; from tiny import tiny; from mlp_numpy.experiment import open_test_set\n"
        "sys.stdin.readline()\n"
        "for _ in range(10): open_test_set(sys.argv[1], tiny().test, 'evaluate')"
    )
    words = [sys.executable, "-c", program, str(folder)]
    path = os.pathsep.join(filter(None, sys.path))
    started = [
        subprocess.Popen(words, stdin=subprocess.PIPE, env=os.environ | {"PYTHONPATH": path}, text=True)
        for _ in range(8)
    ]
    for one in started:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.close()
    assert [one.wait() for one in started] == [0] * 8
    assert len(counted(folder)) == before + 80


@pytest.mark.slow
def test_concurrent_evaluations_on_the_command_line(config: Config) -> None:
    folder = run(config).folder
    words = [sys.executable, "-m", "mlp_numpy", "evaluate", str(folder)]
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(3)]
    told = [one.communicate()[0] for one in started]
    assert [one.returncode for one in started] == [0] * 3
    assert counted(folder).count("evaluate") == 3
    assert all("test accuracy" in text for text in told)


def test_an_evaluation_beside_a_training_is_counted_at_once_and_kept(config: Config) -> None:
    with Run(replace(config, steps=40)) as one:
        for record in one.records():
            if record.step == 20:
                one.history.write(one.folder / "history.json")
                open_test_set(one.folder, tiny().test, "evaluate")
    assert sorted(counted(one.folder)) == ["evaluate", "the test curve while training, held_out test"]


def refuse_writing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make = atomic_io.tempfile.mkstemp

    def refuse(*args: Any, **options: Any) -> Any:
        if options["prefix"] == f".{name}.":
            raise PermissionError(13, "Permission denied")
        return make(*args, **options)

    monkeypatch.setattr("mlp_numpy.atomic_io.tempfile.mkstemp", refuse)


def test_without_a_count_no_number_is_shown(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(config).folder
    refuse_writing(monkeypatch, "history.json")
    assert main(["evaluate", str(folder)]) == 1
    found = capsys.readouterr()
    assert found.out == ""
    assert "the opening of the test set could not be recorded" in found.err
    assert "history.json: Permission denied" in found.err
    assert "Hint" in found.err
    with pytest.raises(RunFolderError, match="The test set stays sealed"):
        open_test_set(folder, tiny().test, "evaluate")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"about": [], "train": {}, "test": {}}', None])
@pytest.mark.slow
def test_a_history_that_cannot_count_keeps_the_test_set_sealed(
    config: Config, content: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = run(config).folder
    path = folder / "history.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    assert main(["evaluate", str(folder)]) == 1
    found = capsys.readouterr()
    assert (found.out, str(path) in found.err) == ("", True)
    with pytest.raises(DataNotFoundError if content is None else DataError):
        open_test_set(folder, tiny().test, "evaluate")


def test_a_winners_number_is_shown_only_with_its_count(
    config: Config, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_writing(monkeypatch, "history.json")
    words = ["--runs-dir", config.runs_dir, "--plots-dir", config.plots_dir, "--name", "v", "--hidden", "4"]
    words += ["--held-out", "validation", "--validation", "40", "--steps", "4", "--batch", "20"]
    assert main(["train", "--dataset", "few-shapes", *words]) == 1
    found = capsys.readouterr()
    assert "test accuracy" not in found.out
    assert "history.json: Permission denied" in found.err


def test_whoever_waits_says_so(
    config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder = run(config).folder
    monkeypatch.setattr(lock, "_PATIENCE", 0.0)
    handle = os.open(folder / "config.yaml", os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with caplog.at_level(logging.WARNING):
        waiting = threading.Thread(target=open_test_set, args=(folder, tiny().test, "evaluate"))
        waiting.start()
        while "in use by another process" not in caplog.text:
            waiting.join(0.01)
        assert counted(folder).count("evaluate") == 0
        os.close(handle)
        waiting.join()
    assert counted(folder).count("evaluate") == 1


@pytest.mark.parametrize("junk", [None, 3, b"runs/e", "", "a\0b", "\ud800", [], np.zeros(2)])
def test_what_is_no_folder_is_named(junk: Any) -> None:
    with pytest.raises(OptionError):
        open_test_set(junk, tiny().test, "evaluate")
    with pytest.raises(MlpNumpyError):
        open_test_set("nowhere", tiny().test, junk)


def test_the_count_of_a_run_stands_in_its_history(config: Config) -> None:
    folder = run(config).folder
    sealed = open_test_set(str(folder), tiny().test, "a look")
    assert list(sealed.openings) == json.loads((folder / "history.json").read_text())["about"]["test_openings"]
    assert sealed.openings[-1] == "a look"
