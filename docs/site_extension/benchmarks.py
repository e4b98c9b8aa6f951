"""The tables of times, from the files that the benchmarks write."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

RESULTS: Final = Path(__file__).parents[2] / "benchmarks" / "results"
_STEP_ROWS: Final = {
    "products": "products",
    "mlp_numpy": "**mlp_numpy**",
    "pytorch": "PyTorch 2.13 eager",
    "sklearn": "scikit-learn 1.9",
}
_BUSY_ROWS: Final = {
    "mlp_numpy": "**mlp_numpy**, two shards",
    "mlp_numpy 1": "mlp_numpy, one thread",
    "products": "its products on OpenBLAS's threads",
    "pytorch": "PyTorch 2.13, two threads",
    "pytorch 1": "PyTorch, one thread",
}


def read(name: str) -> list[dict[str, Any]]:
    """The results in the file of a benchmark."""
    found: list[dict[str, Any]] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["results"]
    return found


def step() -> str:
    """Milliseconds of a step, minimum · median, and the ratio of ours to each."""
    tasks = read("step")
    rows = []
    for name, shown in _STEP_ROWS.items():
        times = [task["milliseconds"][name] for task in tasks]
        ours = [task["milliseconds"]["mlp_numpy"] for task in tasks]
        ratios = [
            ""
            if name == "mlp_numpy"
            else " · ".join(f"{o[key] / t[key]:.2f}" for o, t in zip(ours, times, strict=True))
            for key in ("min", "median")
        ]
        rows.append([shown, *_cells(times, 2), *ratios])
    return _table(["", *(task["net"] for task in tasks), "ratio of minima", "ratio of medians"], rows)


def busy() -> str:
    """Milliseconds of a step, minimum · median, on a quiet machine and beside another process."""
    tasks = read("busy")
    head = [task["net"] + ", quiet" if task["state"] == "quiet" else "busy" for task in tasks]
    rows = [[shown, *_cells([task["milliseconds"][name] for task in tasks], 1)] for name, shown in _BUSY_ROWS.items()]
    return _table(["", *head], rows)


def blas() -> str:
    """Milliseconds with each library, minimum · median."""
    tasks = read("blas")
    names = list(tasks[0]["milliseconds"])
    rows = []
    for task in tasks:
        times = _cells([task["milliseconds"][name] for name in names], 1)
        rows.append([_blas_task(task["task"]), str(task["threads"]), *times])
    own = "OpenBLAS 0.3.31 of the wheel"
    return _table(["task", "threads", *(own if name == "numpy" else name for name in names)], rows)


def _blas_task(task: str) -> str:
    kind, *rest = task.split()
    return " × ".join(rest) if kind == "sgemm" else f"{kind} of {rest[0]}"


def estimators() -> str:
    """Least milliseconds of an epoch of both libraries' estimators, and the ratio of ours."""
    rows = []
    for task in read("estimators"):
        row = [task["task"]]
        for kind in ("", ", float32"):
            ours, theirs = (task["milliseconds"][name + kind]["min"] for name in ("mlp_numpy", "scikit-learn"))
            row += [f"{ours:.2f}", f"{theirs:.2f}", f"{ours / theirs:.2f}"]
        rows.append(row)
    heads = [f"{who}, {kind}" if who != "ratio" else who for kind in ("float64", "float32") for who in _WHO]
    return _table(["task", *heads], rows)


def layers() -> str:
    """Milliseconds of forward and backward, minimum · median, and the ratio of our faster way."""
    rows = []
    for task in read("layers"):
        times = [task["milliseconds"][name] for name in ("mlp_numpy", "mlp_numpy 1", "pytorch")]
        ratios = [f"{min(two[key], one[key]) / theirs[key]:.2f}" for two, one, theirs in [times] for key in two]
        rows.append([task["layer"], *_cells(times, 2), *ratios])
    return _table(["layer", "two shards", "one", "PyTorch", "ratio of minima", "of medians"], rows)


_WHO: Final = ("ours", "scikit-learn", "ratio")


def _cells(times: Sequence[dict[str, float]], digits: int) -> list[str]:
    return [f"{time['min']:.{digits}f} · {time['median']:.{digits}f}" for time in times]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|" for row in [head, *rows]]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


TABLES: Final[dict[str, Callable[[], str]]] = {
    "benchmarks/step.py": step,
    "benchmarks/busy.py": busy,
    "benchmarks/layers.py": layers,
    "benchmarks/blas.py": blas,
    "benchmarks/estimators.py": estimators,
}
"""The tables by the benchmark that measures them."""
