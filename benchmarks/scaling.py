"""How the time of a training step grows with threads, shards, batch, width and data, here and in PyTorch.

    python benchmarks/scaling.py [--rounds 5] [--steps 10] [--series NAME …] [--json FILE]

The step is that of ``step.py``; the networks are two of its MLPs, and the conv net of ``layers.py`` with batches of 32.

    threads   1, 2, … cores; this library with as many shards as cores, so that all runs give the same bits
    shards    1, 2, 4, 8, on one thread a core
    batch     25 to 1600 images
    width     64 to 2048 units in each of three hidden layers
    images    5,000 to 50,000 training images; the time is that of an epoch

In the last three, this library chooses its shards and threads itself, and PyTorch has one thread a core. All
contestants of a series of threads or shards take turns, in the others those of each value; how is said in
``interleaved.py``. ``python plots/costs.py`` draws the figures.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import layers
import step as whole
from interleaved import Step, cores, on_threads, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

SMALL, LARGE, CONV = "3072-100-10", "3072-1024-1024-1024-10", "conv net of figure 6"
N_IMAGES = 10_000


@dataclass(frozen=True)
class Series:
    """Networks, the values of what is varied, and whether all contestants take turns or those of each value alone."""

    nets: Sequence[str]
    values: Sequence[int]
    together: bool = False


def all_series() -> dict[str, Series]:
    """The series by the name of what is varied."""
    nets = (SMALL, LARGE, CONV)
    return {
        "threads": Series(nets, sorted({*range(1, min(cores(), 4) + 1), cores()}), together=True),
        "shards": Series(nets, (1, 2, 4, 8), together=True),
        "batch": Series((SMALL, LARGE), (25, 50, 100, 200, 400, 800, 1600)),
        "width": Series(("3072-W-W-W-10",), (64, 128, 256, 512, 1024, 2048)),
        "images": Series((SMALL, LARGE), (5_000, 10_000, 20_000, 50_000)),
    }


def make_models(net: str) -> tuple[Callable[[], Any], Callable[[], Any], int]:
    """How this library makes the network, how PyTorch does, and the batch."""
    if net == CONV:
        task = layers.NETS[net]

        def theirs() -> Any:
            import torch

            return torch.nn.Sequential(torch.nn.Unflatten(1, (3, 32, 32)), task.theirs(torch.nn))

        return task.ours, theirs, task.batch
    sizes = tuple(map(int, net.split("-")))
    return lambda: whole.make_mlp(sizes), lambda: whole.make_pytorch_mlp(sizes), whole.BATCH


def make_step(library: str, series: str, net: str, value: int) -> Step:
    """What the contestant repeats: a step, or an epoch if the number of images is varied."""
    ours, theirs, batch = make_models(net.replace("W", str(value)))
    batch = value if series == "batch" else batch
    n_images = value if series == "images" else N_IMAGES
    if library == "pytorch":
        step = whole.pytorch_step(theirs(), batch, n_images)
    else:
        parallel = {"threads": cores(), "shards": cores(), series: value} if series in ("threads", "shards") else {}
        trainer = whole.make_trainer(ours(), batch, n_images, **parallel)

        def step(_: int) -> None:
            trainer.advance()

    if series != "images":
        return step

    def epoch(number: int) -> None:
        for turn in range(value // batch):
            step(number * (value // batch) + turn)

    return epoch


def measure(series: str, net: str, rounds: int, steps: int) -> dict[str, Any]:
    """One series of one network: the times of each library at each value, and the pools they ran on."""
    plan = all_series()[series]
    libraries = ["mlp_numpy"] + ["pytorch"] * (bool(find_spec("torch")) and series != "shards")
    names = {f"{library} {value}": (library, value) for value in plan.values for library in libraries}
    environments = {
        name: on_threads(1 if library == "mlp_numpy" else value if series == "threads" else cores())
        for name, (library, value) in names.items()
    }
    turns = [[*names]] if plan.together else [[name for name in names if names[name][1] == x] for x in plan.values]
    times: dict[str, dict[str, float]] = {}
    pools: dict[str, Any] = {}
    for group in turns:
        found, loaded = take_turns(__file__, group, ["--series", series, "--net", net], rounds, steps, environments)
        times |= found
        pools |= loaded
    milliseconds = {
        library: {key: [times[f"{library} {value}"][key] for value in plan.values] for key in ("min", "median")}
        for library in libraries
    }
    return {"series": series, "net": net, "values": [*plan.values], "milliseconds": milliseconds, "pools": pools}


def steps_of(series: str, net: str, steps: int) -> int:
    """The steps of a turn: fewer where a step takes long; the first of a turn does not count."""
    return 3 if series == "images" or net == CONV else steps


def print_series(result: dict[str, Any]) -> None:
    """Print one series of one network."""
    print(f"\n{result['net']}, milliseconds, minimum · median")
    print(f"{result['series']:14}" + "".join(f"{value:>18,}" for value in result["values"]))
    for library, found in result["milliseconds"].items():
        cells = (f"{low:.2f} · {middle:.2f}" for low, middle in zip(found["min"], found["median"], strict=True))
        print(f"{library:14}" + "".join(f"{cell:>18}" for cell in cells), flush=True)


def main() -> None:
    """Parse the options and run."""
    known = all_series()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--steps", type=int, default=10, help="steps in a turn; 3 with conv nets and epochs")
    parser.add_argument("--series", action="append", choices=known, help="by default all")
    parser.add_argument("--net", action="append", help="by default those of the series")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        library, value = options.worker.split()
        series = options.series[0]
        serve(make_step(library, series, options.net[0], int(value)), warm_up=1 if series == "images" else 3)
        return
    machine, results = describe_system(), []
    for series in options.series or known:
        for net in options.net or known[series].nets:
            results.append(measure(series, net, options.rounds, steps_of(series, net, options.steps)))
            print_series(results[-1])
    report_machine(machine, results[0]["pools"])
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
