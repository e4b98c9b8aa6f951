"""The scripts that draw: what needs a trained net, on small ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlp_numpy.cli import main

SCRIPT = Path(__file__).parents[2] / "plots" / "what_it_sees.py"


@pytest.mark.parametrize("model", ["mlp", "small-conv-net"])
@pytest.mark.slow
def test_what_a_net_sees(model: str, tmp_path: Path) -> None:
    few = ["--dataset", "few-shapes", "--steps", "2", "--eval-every", "2", "--batch", "4"]
    folders = ["--runs-dir", str(tmp_path), "--plots-dir", str(tmp_path), "--name", "run"]
    small = ["--hidden", "4"] if model == "mlp" else []
    assert main(["train", "--model", model, *small, *few, *folders]) == 0
    words = [sys.executable, str(SCRIPT), str(tmp_path / "run"), "--out", str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("logits from ")
    drawn = {path.name: path.stat().st_size for path in (tmp_path / "out").iterdir()}
    assert drawn.keys() == {"class_images.png", "saliency.png", "first_layer.png", "mistakes.png"}
    assert min(drawn.values()) > 5000


@pytest.mark.slow
def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "run")], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
