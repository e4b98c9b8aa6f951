"""The scripts that draw: what needs a trained net, on small ones."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from viz_helpers import pixels

from mlp_numpy.cli import main

PLOTS = Path(__file__).parents[2] / "plots"
SCRIPT = PLOTS / "what_it_sees.py"


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


@pytest.mark.slow
def test_what_a_step_costs(tmp_path: Path) -> None:
    found = {"mlp_numpy": {"min": [1.0, 2.0], "median": [1.5, 2.5]}, "pytorch": {"min": [2.0, 3.0], "median": [2, 4]}}
    series = ("threads", "shards", "batch", "width", "images")
    scaling = [{"series": name, "net": "3072-4-10", "values": [1, 2], "milliseconds": found} for name in series]
    times = {"mlp_numpy": {"min": 1.0, "median": 1.5}, "mlp_numpy 1": {"min": 2.0, "median": 2.5}}
    busy = [{"net": "3072-4-10", "state": state, "milliseconds": times} for state in ("quiet", "busy")]
    machine = {"processor": "a processor", "cores": 2}
    for name, results in (("busy", busy), ("scaling", scaling)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"machine": machine, "results": results}), encoding="utf-8")
    out = tmp_path / "costs.png"
    words = [sys.executable, str(PLOTS / "costs.py"), "--results", str(tmp_path), "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert pixels(out).shape[:2] == (960, 1560)
