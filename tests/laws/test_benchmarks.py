"""The benchmarks run and write their figures; how long something takes is not tested."""

from __future__ import annotations

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import threadpoolctl

from mlp_numpy.blas import is_numpys

FOLDER = Path(__file__).parents[2] / "benchmarks"


def test_every_benchmark_writes_json() -> None:
    scripts = sorted(path for path in FOLDER.glob("*.py") if path.name != "interleaved.py")
    assert len(scripts) >= 5
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert '"--json", type=Path' in text, path.name
        assert "write_json(" in text, path.name


def measured(script: str, options: list[str], folder: Path) -> tuple[str, list[dict[str, Any]]]:
    """What a benchmark prints and writes."""
    file = folder / "figures.json"
    command = [sys.executable, str(FOLDER / script), "--rounds", "1", *options, "--json", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["benchmark"] == script
    assert found["machine"]["packages"]["numpy"]
    return done.stdout, found["results"]


@pytest.mark.slow
def test_a_layer_is_timed_and_its_figures_are_written(tmp_path: Path) -> None:
    options = ["--steps", "3", "--layer", "softmax, 10", "--threads", "1"]
    printed, (result,) = measured("layers.py", options, tmp_path)
    assert "softmax, 10, forward and backward" in printed
    assert (result["layer"], result["threads"]) == ("softmax, 10", 1)
    assert 0 < result["milliseconds"]["mlp_numpy"]["min"] <= result["milliseconds"]["mlp_numpy"]["median"]
    (pool,) = result["pools"]["mlp_numpy"]
    assert pool["kernel"]
    assert pool["threads"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("load", ["numpy", "python"])
def test_a_step_is_timed_while_another_process_computes(load: str, tmp_path: Path) -> None:
    printed, (quiet, busy) = measured("busy.py", ["--steps", "2", "--net", "3072-4-10", "--load", load], tmp_path)
    assert "3072-4-10, busy" in printed
    assert (quiet["state"], quiet["load"]) == ("quiet", None)
    assert (busy["state"], busy["load"]) == ("busy", load)
    assert quiet["milliseconds"].keys() == busy["milliseconds"].keys() >= {"mlp_numpy", "mlp_numpy 1", "products"}


@pytest.mark.slow
def test_a_series_is_timed(tmp_path: Path) -> None:
    options = ["--steps", "2", "--series", "shards", "--net", "3072-4-10"]
    _, (result,) = measured("scaling.py", options, tmp_path)
    assert (result["series"], result["net"], result["values"]) == ("shards", "3072-4-10", [1, 2, 4, 8])
    ours = result["milliseconds"]["mlp_numpy"]
    assert len(ours["min"]) == len(ours["median"]) == 4


@pytest.mark.slow
def test_products_of_numpys_own_blas_are_timed(tmp_path: Path) -> None:
    task = "sgemm 200 1024 1024"
    _, (result,) = measured("blas.py", ["--steps", "2", "--task", task, "--threads", "1"], tmp_path)
    assert (result["task"], result["threads"], [*result["milliseconds"]]) == (task, 1, ["numpy"])
    assert [pool["threads"] for pool in result["pools"]["numpy"]] == [1]


@pytest.mark.slow
def test_products_of_another_blas_are_timed(tmp_path: Path) -> None:
    """A library of a wrong, then of a right product stands in for another BLAS."""
    if not shutil.which("cc") or sys.platform != "linux" or not hasattr(numpys_blas(), "scipy_cblas_sgemm64_"):
        pytest.skip("NumPy's BLAS is exchanged in its wheels for Linux, by a C compiler")
    source = """
    float cblas_sdot(int n, const float *x, int ix, const float *y, int iy) {  // NumPy tries it when it is imported
        float sum = 0;
        for (int i = 0; i < n; i++) sum += x[i * ix] * y[i * iy];
        return sum;
    }
    void cblas_sgemm(int o, int ta, int tb, int m, int n, int k, float p, const float *a, int la,
                     const float *b, int lb, float q, float *c, int lc) {
        for (int i = 0; i < m; i++) for (int j = 0; j < n; j++) {
            float sum = 0;
            for (int r = 0; r < k; r++) sum += WEIGHT * a[i * la + r] * b[r * lb + j];
            c[i * lc + j] = p * sum;
        }
    }
    """
    (tmp_path / "other.c").write_text(source, encoding="utf-8")
    for weight in (2, 1):
        build = ["cc", "-O2", "-shared", "-fPIC", f"-DWEIGHT={weight}", "-o", "other.so", "other.c"]
        subprocess.run(build, cwd=tmp_path, check=True)
        options = [f"other={tmp_path}/other.so", "--steps", "2", "--task", "sgemm 200 3072 100", "--threads", "1"]
        if weight == 2:
            with pytest.raises(AssertionError, match="the other BLAS computes a wrong product"):
                measured("blas.py", options, tmp_path)
    _, (result,) = measured("blas.py", options, tmp_path)
    assert [*result["milliseconds"]] == ["numpy", "other"]


def numpys_blas() -> ctypes.CDLL | None:
    """The BLAS that NumPy has loaded, if it is bundled."""
    found = [info["filepath"] for info in threadpoolctl.threadpool_info() if is_numpys(info["filepath"])]
    return ctypes.CDLL(found[0]) if found else None
