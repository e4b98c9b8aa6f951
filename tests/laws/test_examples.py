"""The examples run as they are, each in a process of its own, and print what their first lines say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
MOST_LINES = 60


def printed(script: str, cwd: Path) -> str:
    """What an example prints; it must end with status 0, warn of nothing and leave no file where it was started."""
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", str(FOLDER / script)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(cwd.iterdir()) == []
    return done.stdout


def promised(script: str, text: str) -> float:
    """The number that the docstring of an example gives where ``text`` stands, of which # is the number."""
    docstring = " ".join((ast.get_docstring(ast.parse((FOLDER / script).read_text(encoding="utf-8"))) or "").split())
    (found,) = re.findall(text.replace("#", r"([\de.-]+\d)"), docstring)
    return float(found)


def number(output: str, name: str) -> float:
    """The number that follows ``name`` in the output."""
    (found,) = re.findall(rf"{name} ([\d.e+-]+)", output)
    return float(found)


def test_there_are_no_other_examples_and_none_is_long() -> None:
    scripts = {path.name: path for path in FOLDER.iterdir() if path.suffix == ".py"}
    names = ["01_train_mlp", "02_your_own_layer", "03_tape", "04_interpret", "05_run_and_resume"]
    assert sorted(scripts) == [f"{name}.py" for name in names]
    scripts["own_net/train.py"] = FOLDER / "own_net" / "train.py"
    for name, path in scripts.items():
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= MOST_LINES, name
        assert f"    python examples/{name}\n" in text


def test_train_mlp(tmp_path: Path) -> None:
    output = printed("01_train_mlp.py", tmp_path)
    losses = [float(value) for value in re.findall(r"step +\d+  loss ([\d.]+)", output)]
    assert len(losses) == 5
    assert losses[-1] < losses[0] / 4
    assert number(output, "accuracy") > promised("01_train_mlp.py", "which is above #")


def test_your_own_layer(tmp_path: Path) -> None:
    output = printed("02_your_own_layer.py", tmp_path)
    assert re.findall(r"Verdict: (\w+)\. Worst: (\w+)", output)[0][0] == "fine"
    assert re.findall(r"Verdict: (\w+)\. Worst: (\w+)", output)[1] == ("wrong", "x")


def test_tape(tmp_path: Path) -> None:
    output = printed("03_tape.py", tmp_path)
    assert "w (2, 1) float64, leaf" in output
    assert number(output, "distance") < promised("03_tape.py", "differences, below #")
    assert number(output, "accuracy") > promised("03_tape.py", "points, which is above #")


def test_interpret(tmp_path: Path) -> None:
    output = printed("04_interpret.py", tmp_path)
    assert number(output, "accuracy") > promised("04_interpret.py", "accuracy, above #")
    assert number(output, "upper half") > promised("04_interpret.py", "upper half, above #")
    halves = re.findall(r"class (\d)  logit (\S+) → (\S+)  brightness left (\d+), right (\d+)", output)
    assert [label for label, *_ in halves] == ["0", "1"]
    assert all(float(after) > float(before) + 1 for _, before, after, *_ in halves)
    assert int(halves[0][3]) > int(halves[0][4])
    assert int(halves[1][3]) < int(halves[1][4])


@pytest.mark.slow
def test_own_net(tmp_path: Path) -> None:
    output = printed("own_net/train.py", tmp_path)
    assert re.findall(r"audit (\S+): (.*)", output) == [("nets:SnakeModule(3)", "ok"), ("nets:LogCoshModule", "ok")]
    assert number(output, "own loss") > promised("own_net/train.py", "loss of its own, above #,")
    assert number(output, "own net") > promised("own_net/train.py", "cross-entropy, above #")


@pytest.mark.slow
def test_run_and_resume(tmp_path: Path) -> None:
    output = printed("05_run_and_resume.py", tmp_path)
    assert output.startswith("whole: finished, files checkpoint.npz")
    assert "parts: interrupted at step 60, then finished" in output
    assert number(output, "accuracy") > promised("05_run_and_resume.py", "which is above #")
    assert output.endswith("equal weights: True\n")
