"""The benchmarks run and write their figures; how long something takes is not tested."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_every_benchmark_writes_json() -> None:
    scripts = sorted(path for path in FOLDER.glob("*.py") if path.name != "interleaved.py")
    assert len(scripts) >= 5
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert '"--json", type=Path' in text, path.name
        assert "write_json(" in text, path.name


@pytest.mark.slow
def test_a_layer_is_timed_and_its_figures_are_written(tmp_path: Path) -> None:
    file = tmp_path / "layers.json"
    options = ["--rounds", "1", "--steps", "3", "--layer", "softmax, 10", "--json", str(file)]
    command = [sys.executable, str(FOLDER / "layers.py"), *options]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "softmax, 10, forward and backward" in done.stdout
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["benchmark"] == "layers.py"
    assert found["machine"]["packages"]["numpy"]
    (result,) = found["results"]
    assert result["layer"] == "softmax, 10"
    assert 0 < result["milliseconds"]["mlp_numpy"]["min"] <= result["milliseconds"]["mlp_numpy"]["median"]
    assert result["pools"]["mlp_numpy"][0]["kernel"]
