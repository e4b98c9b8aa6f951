"""Time of a training step, and of the sum of its gradients, in several processes of MPI.

    python benchmarks/ranks.py [--ranks 1 2 4] [--rounds 3] [--steps 10] [--mpirun WORDS] [--cable RATE] [--json FILE]

The networks are two MLPs of ``step.py`` and the conv net of ``layers.py``, with 200 and 32 images a batch, whatever the
number of ranks: each has one thread and its part of the batch. "sums" is the part of a step in which a rank talks to
the others or waits for them, the mean over the ranks. "after" is a step whose gradients are summed after the backward
pass, instead of during it; it takes turns with the others. The numbers of ranks take turns. "gradients" are vectors of
float32 that are added over the ranks, in their order and by the MPI library's own Allreduce ("tree"). A turn has at
most 3 steps of the conv net.

With ``--cable 1gbit`` two ranks are on hosts of their own, network namespaces of Linux, with a cable of that rate
between them, in the words of ``tc``; it needs root, iproute2 and MPICH.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import layers
import numpy as np
import step as whole
from interleaved import on_threads, report_machine, results_of, write_json

from mlp_numpy.system_info import describe_system

CONV = "conv net of figure 6"
NETS = ("3072-100-10", "3072-1024-1024-1024-10", CONV)
CONV_BATCH, CONV_STEPS, N_IMAGES = 32, 3, 10_000
SIZES = (1_000, 100_000, 1_000_000, 4_000_000)


def measure(steps: int, nets: list[str]) -> dict[str, Any]:
    """What this rank measures, with all the others: seconds of steps and sums by network, and of gradients."""
    from mlp_numpy.parallel import MpiCommunicator, mpi_ranks, overlapped_sum

    piece_size = overlapped_sum.PIECE
    world = mpi_ranks()
    found: dict[str, Any] = {"gradients": {}}
    for net in nets:
        conv = net == CONV
        model = layers.NETS[net].ours() if conv else whole.make_mlp(tuple(map(int, net.split("-"))))
        batch = CONV_BATCH if conv else whole.BATCH
        trainer = whole.make_trainer(model, batch, N_IMAGES, shards=world.size, threads=1, ranks=world)
        times: dict[str, list[float]] = {"during": [], "after": []}
        waits = []
        ways = {"during": piece_size} | ({"after": sys.maxsize} if world.size > 1 else {})
        for turn in range(2 + (min(steps, CONV_STEPS) if conv else steps)):
            for when, piece in ways.items():
                overlapped_sum.PIECE = piece
                world.shared(None)
                began, waited = time.perf_counter(), world.seconds
                trainer.advance()
                if turn >= 2:
                    times[when].append(time.perf_counter() - began)
                    waits += [world.seconds - waited] if when == "during" else []
        share = float(world.sum(np.array([sum(waits) / sum(times["during"])]))[0]) / world.size
        found[net] = {"times": times, "share": share, "parameters": len(trainer.parameters)}
    tree = mpi_ranks(tree=True)
    for size in SIZES:
        vector = np.ones(size, np.float32)

        def seconds(communicator: MpiCommunicator, vector: Any = vector) -> float:
            times = []
            for _ in range(12):
                vector[...] = 1
                communicator.shared(None)
                began = time.perf_counter()
                communicator.sum_in_place(vector)
                times.append(time.perf_counter() - began)
            return statistics.median(times[2:])

        found["gradients"][size] = {"ordered": seconds(world), "tree": seconds(tree)}
    return found if world.rank == 0 else {}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--net", nargs="+", choices=NETS, default=list(NETS))
    parser.add_argument("--mpirun", default="mpirun", help="with options, such as 'mpirun --oversubscribe'")
    parser.add_argument("--cable", help="a rate: two ranks on two hosts with a cable between them")
    parser.add_argument("--json", type=Path, default=results_of(__file__))
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        found = measure(options.steps, options.net)
        if found:
            print(json.dumps(found), flush=True)
        return
    with launchers(options.mpirun, options.ranks, options.cable) as launch:
        rounds: dict[int, list[dict[str, Any]]] = {ranks: [] for ranks in launch}
        for _ in range(options.rounds):
            for ranks, results in rounds.items():
                words = [*launch[ranks], "-n", str(ranks), sys.executable, __file__, "--serve"]
                words += ["--steps", str(options.steps), "--net", *options.net]
                environment = os.environ | on_threads(1)
                done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True, env=environment)
                results.append(json.loads(done.stdout))
    results = [entry for net in options.net for entry in entries(net, rounds)] + gradients(rounds)
    report_machine(describe_system(), {})
    write_json(options.json, Path(__file__).name, results)


@contextlib.contextmanager
def launchers(mpirun: str, ranks: list[int], cable: str | None) -> Iterator[dict[int, list[str]]]:
    """The words that start each number of ranks: all on this host, or the last two on two hosts."""
    words = shlex.split(mpirun)
    if cable is None:
        yield dict.fromkeys(ranks, words)
        return
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from hosts import two_hosts

    with two_hosts() as hosts, tempfile.TemporaryDirectory() as folder:
        hosts.slow_down(cable)
        yield {1: words, 2: hosts.mpirun(*words, Path(folder))}


def entries(net: str, rounds: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The figures of one network, printed as well."""
    heads = f"{'min ms':>9}{'median ms':>11}{'sums':>7}{'after/min':>11}{'median':>9}{'one rank/min':>14}{'median':>9}"
    print(f"\n{net}\n{'ranks':>6}{heads}")
    found, first = [], None
    for ranks, results in rounds.items():
        entry = summary(results, net, "during")
        after = summary(results, net, "after") if ranks > 1 else entry
        share = statistics.median(result[net]["share"] for result in results)
        first = first or entry
        speed = [first[key] / entry[key] for key in ("min", "median")]
        each = f"{entry['min']:9.1f}{entry['median']:11.1f}{share:7.0%}{after['min']:11.1f}{after['median']:9.1f}"
        print(f"{ranks:6}{each}{speed[0]:14.2f}{speed[1]:9.2f}")
        parameters = results[0][net]["parameters"]
        found.append({"net": net, "ranks": ranks, "parameters": parameters, "milliseconds": entry, "sums": share})
        found[-1]["milliseconds of sums after the backward pass"] = after
    return found


def summary(results: list[dict[str, Any]], net: str, when: str) -> dict[str, float]:
    """Minimum and median of the steps of all rounds, in milliseconds."""
    times = [1e3 * each for result in results for each in result[net]["times"][when]]
    return {"min": min(times), "median": statistics.median(times)}


def gradients(rounds: dict[int, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The figures of the sums of vectors, printed as well."""
    print(f"\ngradients, median ms\n{'ranks':>6}{'values':>10}{'ordered':>9}{'tree':>9}")
    found = []
    for ranks, results in rounds.items():
        for size in SIZES if ranks > 1 else ():
            entry = {
                how: 1e3 * min(result["gradients"][str(size)][how] for result in results) for how in ("ordered", "tree")
            }
            print(f"{ranks:6}{size:10,}{entry['ordered']:9.2f}{entry['tree']:9.2f}")
            found.append({"gradients": size, "ranks": ranks, "milliseconds": entry})
    return found


if __name__ == "__main__":
    main()
