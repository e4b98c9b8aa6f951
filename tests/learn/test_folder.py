"""A learner's folder: nothing of the learner's is overwritten, and the progress survives or is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlp_numpy.errors import DataError, DataNotFoundError, OptionError
from mlp_numpy.learn import EXERCISES, LearnerProgress, exercise_file, start
from mlp_numpy.learn.folder import PROGRESS


def test_a_start_writes_what_is_missing_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    made = start(folder)
    assert {*made} == {f"{name}.py" for name in EXERCISES} | {"own_net.py", "dead_relu.py"}
    assert (folder / "relu.py").read_text(encoding="utf-8") == EXERCISES["relu"].template
    (folder / "relu.py").write_text("mine")
    (folder / "tanh.py").unlink()
    assert start(folder) == ["tanh.py"]
    assert (folder / "relu.py").read_text() == "mine"
    with pytest.raises(OptionError, match="must be a folder, got a file"):
        start(folder / "relu.py")


def test_the_progress_is_kept(tmp_path: Path) -> None:
    start(tmp_path)
    progress = LearnerProgress(tmp_path)
    assert progress.next_exercise == "square"
    progress.add_attempt("square", False, ["halved"])
    progress.add_attempt("square", True, [])
    progress.add_milestone("xor", True, "4 of 4")
    progress.add_milestone("xor", False, "3 of 4")
    again = LearnerProgress(tmp_path)
    assert again.exercises["square"] == {"attempts": 2, "right": True, "mistakes": ["halved"]}
    assert again.milestones == {"xor": {"reached": True, "figure": "4 of 4"}}
    assert again.next_exercise == "add"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2, "exercises": {}, "milestones": {}}', '{"format": 1}'])
def test_a_damaged_progress_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / PROGRESS).write_text(text)
    with pytest.raises(DataError, match=r"progress\.json must be the progress that learn start wrote"):
        LearnerProgress(tmp_path)
    with pytest.raises(DataError):
        start(tmp_path)


def test_an_entry_that_is_no_attempt_is_refused(tmp_path: Path) -> None:
    content = {"format": 1, "exercises": {"relu": {"attempts": "many"}}, "milestones": {}}
    (tmp_path / PROGRESS).write_text(json.dumps(content))
    with pytest.raises(DataError, match="many"):
        LearnerProgress(tmp_path)
    with pytest.raises(DataNotFoundError, match="Hint: learn start"):
        LearnerProgress(tmp_path / "none")


def test_names_and_paths(tmp_path: Path) -> None:
    assert exercise_file(tmp_path, "relu") == tmp_path / "relu.py"
    assert exercise_file(tmp_path, "relu.py") == Path("relu.py")
    assert exercise_file(tmp_path, "some/where") == Path("some/where")
    with pytest.raises(OptionError, match="unknown exercise 'rele'. Did you mean 'relu'"):
        exercise_file(tmp_path, "rele")
