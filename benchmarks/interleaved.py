"""Contestants that take turns: each in a process of its own, a few steps at a time, round after round.

So no thread pool disturbs another's, and all meet the same machine. What is compared is the ratio of the minima and of
the medians over all steps. A benchmark is a script that calls ``take_turns`` with its own path; that starts the script
again for each contestant, with ``--worker NAME`` and the task's arguments, and there it calls ``serve``.

Every benchmark writes its figures to ``benchmarks/results/``, or to the file of ``--json``: see ``write_json``. Such a
file belongs to one machine; it is committed where docs/benchmarks.md has the table made of it.
"""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlp_numpy.system_info import describe_system

Step = Callable[[int], None]
"""One step, given its number."""

THREADS = ("OMP", "OPENBLAS", "MKL", "BLIS")
"""Whose ``…_NUM_THREADS`` decides on how many threads BLAS and PyTorch start."""


def on_threads(n: int) -> dict[str, str]:
    """The environment in which a contestant's BLAS, or PyTorch, has ``n`` threads."""
    return {f"{library}_NUM_THREADS": str(n) for library in THREADS}


def cores() -> int:
    """The number of cores that this process may use."""
    return int(describe_system()["cores"])


def serve(step: Step, warm_up: int = 3, longest: float = math.inf) -> None:
    """A contestant's process: for each number read, make so many steps and answer with their times.

    A turn ends after two steps at the earliest, and once it has lasted ``longest`` seconds.
    """
    number = 0
    for _ in range(warm_up):
        step(number)
        number += 1
    print(json.dumps(describe_system()["thread_pools"]), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step(number)
            times.append(time.perf_counter() - start)
            number += 1
            if len(times) > 1 and sum(times) > longest:
                break
        # The first step of a turn wakes threads and refills caches.
        print(json.dumps(times[1:]), flush=True)


def take_turns(
    script: str,
    names: Sequence[str],
    arguments: Sequence[str],
    rounds: int,
    steps: int,
    environments: Mapping[str, Mapping[str, str]] | None = None,
) -> tuple[dict[str, dict[str, float]], dict[str, Any]]:
    """Let the contestants ``names`` of ``script`` take turns; ``environments`` adds variables for some of them.

    Returns the minimum and the median of each in milliseconds, and the thread pools that each ran on.
    """
    if steps < 2:
        raise SystemExit(f"--steps must be at least 2, since the first one of a turn does not count, got {steps}")
    # A pinned kernel would time a processor that this is not.
    environment = {key: value for key, value in os.environ.items() if key != "OPENBLAS_CORETYPE"}
    environment["PYTHONWARNINGS"] = "ignore"
    workers = {
        name: subprocess.Popen(
            [sys.executable, script, "--worker", name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**environment, **(environments or {}).get(name, {})},
        )
        for name in names
    }

    def ask(name: str, question: str) -> Any:
        process = workers[name]
        if process.stdin is None or process.stdout is None:
            raise SystemExit(f"{name}: no pipe to the worker")
        if question:
            process.stdin.write(f"{question}\n")
            process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise SystemExit(f"{name}: the worker ended, see its error above")
        return json.loads(answer)

    pools = {name: ask(name, "") for name in names}
    times: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            time.sleep(0.1)  # the last one's threads go to sleep
            times[name] += [1000 * t for t in ask(name, str(steps))]
    for process in workers.values():
        if process.stdin is not None:
            process.stdin.close()
        process.wait()
    return {name: {"min": min(ts), "median": statistics.median(ts)} for name, ts in times.items()}, pools


def report(title: str, times: dict[str, dict[str, float]], ours: str) -> None:
    """Print one task's table: times, and the time of ``ours`` as a share of each."""
    print(f"\n{title}")
    print(f"{'':18}{'min ms':>9}{'median ms':>11}{'ours/min':>10}{'ours/median':>13}")
    for name, found in times.items():
        low, middle = (times[ours][key] / found[key] for key in ("min", "median"))
        print(f"{name:18}{found['min']:9.2f}{found['median']:11.2f}{low:10.2f}{middle:13.2f}", flush=True)


def report_machine(machine: dict[str, Any], pools: dict[str, Any]) -> None:
    """Print what the times were measured on."""
    print(f"\n{machine['processor']}, {machine['cores']} cores, Python {machine['python']}")
    for name, found in pools.items():
        kernels = "; ".join(f"{pool['library']} {pool['kernel'] or ''} × {pool['threads']}" for pool in found)
        print(f"{name:18}{kernels}")


def results_of(script: str) -> Path:
    """The file under ``benchmarks/results/`` that gets the figures of ``script`` unless ``--json`` names another."""
    return Path(script).resolve().parent / "results" / f"{Path(script).stem}.json"


def write_json(path: Path, script: str, results: list[dict[str, Any]]) -> None:
    """Write the figures of the benchmark ``script`` to ``path``.

    benchmark   name of the script
    machine     processor, cores, platform, versions of Python and the libraries, BLAS kernel of this process
    results     one entry a task; ``milliseconds`` has the minimum and the median of each contestant, ``pools`` the
                library, kernel and threads that it ran on

    Raises OSError if the file cannot be written.
    """
    found = {"benchmark": Path(script).name, "machine": describe_system(), "results": results}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
