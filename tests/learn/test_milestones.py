"""Milestones: right answers reach them, wrong ones do not, and what fails is told with its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from learn_answers import ANSWERS, with_backward

from mlp_numpy.errors import OptionError
from mlp_numpy.learn import EXERCISES, MILESTONES, Exercise, FileVerdict, check_milestone, start

CURE = "    return (h == 0).all(axis=0)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with right answers to the exercises that the milestones need."""
    start(tmp_path)
    for name in MILESTONES["digits"].needs:
        text = with_backward(EXERCISES[name].template, ANSWERS[name].right)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exercises that a milestone needs are taken for right without a check, which takes a process each."""

    def check_file(exercise: Exercise, file: Path) -> FileVerdict:
        return FileVerdict(exercise.name, "right")

    monkeypatch.setattr("mlp_numpy.learn.milestones.check_file", check_file)


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
@pytest.mark.usefixtures("trusted")
def test_xor_needs_the_hidden_layer(folder: Path) -> None:
    assert check_milestone("xor", folder).status == "reached"
    edit(folder / "own_net.py", "Sequential(first, activation(), Own", "Sequential(first, Own")
    result = check_milestone("xor", folder)
    assert result.status == "not reached"
    assert str(result).startswith("xor: not reached. ")


@pytest.mark.slow
@pytest.mark.usefixtures("trusted")
def test_digits(folder: Path) -> None:
    pytest.importorskip("sklearn")
    result = check_milestone("digits", folder)
    assert result.status == "reached"
    assert "on 500 images that it has not seen" in result.figure


@pytest.mark.slow
@pytest.mark.usefixtures("trusted")
def test_the_dead_relu_is_found_and_cured(folder: Path) -> None:
    pytest.importorskip("sklearn")
    empty = '    raise NotImplementedError("write this function")\n'
    edit(folder / "dead_relu.py", empty, CURE)
    result = check_milestone("dead_relu", folder)
    assert result.status == "not reached"
    share = int(result.report[0].partition("given, ")[2].partition("%")[0])
    assert share >= 80
    edit(folder / "dead_relu.py", "PIXELS = 255.0", "PIXELS = 1.0")
    assert check_milestone("dead_relu", folder).status == "reached"
    edit(folder / "dead_relu.py", CURE, CURE.replace("all", "any"))
    assert check_milestone("dead_relu", folder).report[0].startswith("dead_units finds ")


@pytest.mark.slow
def test_what_cannot_be_trained_is_told(folder: Path) -> None:
    edit(folder / "own_net.py", "return relu.backward(dout,", "return relu.backward(1 / 0,")
    result = check_milestone("xor", folder)
    assert result.status == "not run"
    assert "own_net.py: ZeroDivisionError: division by zero" in result.report[0]
    assert result.report[0].startswith("line ")
    text = with_backward(EXERCISES["relu"].template, ANSWERS["relu"].wrong["dout in its place"])
    (folder / "relu.py").write_text(text, encoding="utf-8")
    assert check_milestone("xor", folder).report == ("It needs right answers to relu first.",)
    with pytest.raises(OptionError, match="unknown milestone 'xxor'. Did you mean 'xor'"):
        check_milestone("xxor", folder)


@pytest.mark.slow
@pytest.mark.usefixtures("trusted")
def test_cifar10_is_read_from_runs_of_the_real_data_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = check_milestone("cifar10", folder)
    assert (result.status, result.report[0]) == ("not run", "There is no complete run of it in runs/ yet.")
    words = "train --model own_net:build --dataset ellipse --preprocessing raw --steps 20"
    subprocess.run([sys.executable, "-m", "mlp_numpy", *words.split()], cwd=folder, check=True, capture_output=True)
    assert check_milestone("cifar10", folder).status == "not run"
    monkeypatch.setattr("mlp_numpy.learn.milestones._CIFAR10", "ellipse")
    result = check_milestone("cifar10", folder)
    assert result.status in ("reached", "not reached")
    assert "on the test images in runs/" in result.figure
