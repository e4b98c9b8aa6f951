"""Time of a training step while another process computes, against PyTorch and against one thread.

    python benchmarks/busy.py [--rounds 10] [--steps 20] [--load numpy] [--pin CORE] [--json FILE]

The step is that of ``step.py``, on three nets. Each net is measured twice: "quiet", and "busy" with one more process
that computes without a pause, either matrix products of 512 × 512 on one BLAS thread (``--load numpy``) or a loop of
plain Python (``--load python``). Like any other program, it runs on whichever core the system gives it, unless
``--pin`` binds it to one (Linux only). The contestants:

    mlp_numpy     this library, one shard and one thread a core
    mlp_numpy 1   this library, one shard and one thread
    products      the matrix products of the step alone, on the threads of BLAS, one a core
    pytorch       PyTorch, one thread a core
    pytorch 1     PyTorch on one thread

How they take turns is said in ``interleaved.py``. On a busy machine the median counts: the minimum is the step that
met the load least.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import step as whole
from interleaved import Step, cores, on_threads, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

LOADS = ("numpy", "python")
STATES = ("quiet", "busy")


def make_step(name: str, sizes: tuple[int, ...]) -> Step:
    """What the contestant ``name`` repeats."""
    if name.startswith("mlp_numpy"):
        n = 1 if name.endswith("1") else cores()
        return whole.ours(sizes, shards=n, threads=n)
    return whole.products(sizes) if name == "products" else whole.pytorch(sizes)


def environments() -> dict[str, dict[str, str]]:
    """The threads of BLAS, or of PyTorch, for each contestant that takes part."""
    found = {"mlp_numpy": on_threads(1), "mlp_numpy 1": on_threads(1), "products": on_threads(cores())}
    if find_spec("torch"):
        found |= {"pytorch": on_threads(cores()), "pytorch 1": on_threads(1)}
    return found


def compute(load: str, parent: int) -> None:
    """The other process: compute until ``parent`` has ended."""
    a = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    out, count = np.empty_like(a), 0
    while os.getppid() == parent:
        if load == "numpy":
            np.matmul(a, a, out=out)
        else:
            for _ in range(100_000):
                count += 1


@contextmanager
def computing(load: str, pin: int | None) -> Iterator[None]:
    """Context in which another process computes."""
    command = [sys.executable, __file__, "--load", load, "--compute", str(os.getpid())]
    process = subprocess.Popen(command, env={**os.environ, **on_threads(1)})
    try:
        if pin is not None:
            os.sched_setaffinity(process.pid, {pin})
        yield
    finally:
        process.kill()
        process.wait()


def compare(sizes: tuple[int, ...], state: str, options: argparse.Namespace) -> dict[str, Any]:
    """One net in one state of the machine; milliseconds by contestant, and the pools they ran on."""
    net, found = "-".join(map(str, sizes)), environments()
    task = (__file__, list(found), ["--net", net], options.rounds, options.steps, found)
    if state == "quiet":
        times, pools = take_turns(*task)
    else:
        with computing(options.load, options.pin):
            times, pools = take_turns(*task)
    load = None if state == "quiet" else options.load
    return {"net": net, "state": state, "load": load, "pin": options.pin, "milliseconds": times, "pools": pools}


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--steps", type=int, default=20, help="steps in a turn")
    parser.add_argument("--net", action="append", help="sizes such as 3072-100-10; by default three nets")
    parser.add_argument("--load", choices=LOADS, default="numpy", help="what the other process computes")
    parser.add_argument("--pin", type=int, metavar="CORE", help="the core of the other process; by default any")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--compute", type=int, metavar="PARENT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compute:
        compute(options.load, options.compute)
        return
    nets = whole.NETS if options.net is None else tuple(tuple(map(int, net.split("-"))) for net in options.net)
    if options.worker:
        serve(make_step(options.worker, nets[0]))
        return
    machine = describe_system()
    results = [compare(sizes, state, options) for sizes in nets for state in STATES]
    report_machine(machine, results[0]["pools"])
    for result in results:
        report(f"{result['net']}, {result['state']}, batch {whole.BATCH}", result["milliseconds"], "mlp_numpy")
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
