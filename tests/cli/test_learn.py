"""The command ``learn``: its words, its exit statuses and its JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from learn_answers import ANSWERS, with_backward

from mlp_numpy.cli import main
from mlp_numpy.learn import EXERCISES


def answer(folder: Path, name: str, body: str, file: str = "") -> Path:
    path = folder / (file or f"{name}.py")
    path.write_text(with_backward(EXERCISES[name].template, body), encoding="utf-8")
    return path


def test_from_the_start_to_the_next_exercise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    assert main(["learn", "start", str(folder)]) == 0
    assert "26 files written, 24 exercises and 4 milestones." in capsys.readouterr().out
    monkeypatch.chdir(folder)
    assert main(["learn", "check"]) == 2
    assert "square: could not be run.\n" in capsys.readouterr().out
    answer(folder, "square", ANSWERS["square"].wrong["dout taken for 1"])
    assert main(["learn", "check", "square", "--json", "verdict.json"]) == 1
    (verdict,) = json.loads((folder / "verdict.json").read_text(encoding="utf-8"))["verdicts"]
    assert (verdict["status"], verdict["mistakes"][0]["name"]) == ("wrong", "dout taken for 1")
    answer(folder, "square", ANSWERS["square"].right)
    capsys.readouterr()
    assert main(["learn", "check", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["verdicts"][0]["status"] == "right"
    assert main(["learn", "status"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].split() == ["1", "square", "a", "square,", "and", "the", "chain", "rule", "right"]
    assert len(shown) == 28
    assert main(["learn", "status", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["exercises"]["square"]["attempts"] == 3


def test_a_file_elsewhere_has_a_verdict_and_no_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = answer(tmp_path, "relu", ANSWERS["relu"].right, "submission_17.py")
    assert main(["learn", "check", str(file), "--exercise", "relu"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["submission_17.py"]
    assert main(["learn", "check", str(file)]) == 2
    assert "unknown exercise 'submission_17'" in capsys.readouterr().err


def test_what_cannot_be_run_exits_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (
        ["check"],
        ["check", "relu"],
        ["check", "rela"],
        ["status"],
        ["milestone", "xor"],
        ["milestone", "x"],
    ):
        assert main(["learn", *words]) == 2
    assert capsys.readouterr().err.count("error: ") == 6
    (tmp_path / "progress.json").write_text("{}")
    assert main(["learn", "status"]) == 2
    with pytest.raises(SystemExit) as end:
        main(["learn", "chekc"])
    assert end.value.code == 2


def test_a_progress_that_cannot_be_written_leaves_the_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["learn", "start", str(tmp_path)])
    answer(tmp_path, "relu", ANSWERS["relu"].right)

    def full(path: Path, content: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mlp_numpy.learn.folder.write_json", full)
    assert main(["learn", "check", "relu", "--folder", str(tmp_path)]) == 0
    assert "the progress could not be kept: " in capsys.readouterr().err
