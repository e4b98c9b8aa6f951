"""Training on a memory-mapped data set larger than what a process may hold: memory, step rate, and resuming.

    python benchmarks/large_data.py [--gigabytes 20] [--folder DIR] [--rounds 5] [--steps 40] [--kills 3] [--json FILE]

Makes a folder of ``.npy`` files in DIR (a temporary one by default) whose x_train.npy, rows of 3072 bytes, is a sparse
file: it reads as zeros from the system's page cache like any other file, but takes no room on the disk. Labels and test
rows are random.

memory    the peak of "Anonymous" in /proc/PID/smaps_rollup, read every 50 ms, of a process that runs ``train``: its own
          memory, without the pages of mapped files, which the system can drop at any time
rate      steps on a data set in memory (50,000 rows, a full permutation) and on the mapped one (blocks of 1000 rows,
          read before: warm), by turns; see ``interleaved.py``
pass      the time of one pass over x_train.npy for the statistics of ``standardize``
resume    runs killed by SIGKILL at random times and resumed, against one that was left alone: history and model
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

D, CLASSES, BATCH, N_TEST, WARM = 3072, 10, 200, 10_000, 1000
NETS = ((D, 100, CLASSES), (D, 600, 500, 388, 275, 163, CLASSES))
MEMORY, BLOCKS, SERIAL = "in memory", "mapped, blocks", "mapped, no thread"
BOUND = 400_000_000


def make_folder(folder: Path, n_bytes: int) -> int:
    """The data set; returns the number of its training examples."""
    from mlp_numpy.data.npy_file import NpyWriter

    rng, n = np.random.default_rng(0), n_bytes // D
    np.save(folder / "x_test.npy", rng.integers(0, 256, (N_TEST, 3, 32, 32), np.uint8))
    np.save(folder / "y_test.npy", rng.integers(0, CLASSES, N_TEST, np.uint8))
    np.save(folder / "y_train.npy", rng.integers(0, CLASSES, n, np.uint8))
    writer = NpyWriter(folder / "x_train.npy", (3, 32, 32), np.uint8)
    writer.n_rows = n
    writer.finish()
    writer.close()
    header = (folder / "x_train.npy").stat().st_size
    os.truncate(folder / "x_train.npy", header + n * D)
    return n


def worker(name: str, folder: Path, sizes: tuple[int, ...]) -> None:
    """A contestant: its steps go round among the first ``WARM`` batches, which it has read before."""
    from mlp_numpy import MLP, SGD, FlatParameters, SoftMaxCrossEntropyModule, kaiming
    from mlp_numpy.data.batches import Batches
    from mlp_numpy.data.dataset import Split
    from mlp_numpy.data.mapped import MappedSplit
    from mlp_numpy.data.npy_file import NpyFile
    from mlp_numpy.data.order import BlockShuffle
    from mlp_numpy.data.preprocessing import Preprocessing
    from mlp_numpy.training import Trainer

    rng = np.random.default_rng(0)
    if name == MEMORY:
        split = Split(rng.integers(0, 256, (50_000, D), np.uint8), rng.integers(0, CLASSES, 50_000))
        how: dict[str, Any] = {}
    else:
        split = MappedSplit([NpyFile(folder / f"{array}_train.npy") for array in "xy"])
        how = {"shuffle": BlockShuffle(1000), "prefetch": name == BLOCKS}
    batches = Batches(split, BATCH, Preprocessing.fit_blocks("symmetric", [], (3, 32, 32)), **how)
    model = MLP(sizes[0], sizes[1:-1], sizes[-1], init=kaiming(), rng=0, dtype=np.float32, input_layer=True)
    trainer = Trainer(model.logits, SoftMaxCrossEntropyModule(), SGD(FlatParameters(model), 1e-6), batches)
    for step in range(WARM):
        batches.at(step)

    def step(number: int) -> None:
        trainer.step = number % WARM
        trainer.advance()

    serve(step)


def command(folder: Path, name: str, steps: int, *more: str) -> list[str]:
    """``train`` on the data set."""
    options = ["--dataset", f"npy:{folder / 'set'}", "--shuffle", "blocks:1000", "--batch", str(BATCH), "--lr", "0.01"]
    options += [
        "--preprocessing",
        "symmetric",
        "--steps",
        str(steps),
        "--eval-every",
        "500",
        "--checkpoint-every",
        "50",
    ]
    options += ["--name", name, "--runs-dir", str(folder / "runs"), "--plots-dir", str(folder / "plots"), *more]
    return [sys.executable, "-m", "mlp_numpy", "train", *options]


def own_memory(pid: int) -> int:
    """The anonymous memory of a process in bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith("Anonymous:")), 0)


def peak_of_training(folder: Path, steps: int) -> dict[str, Any]:
    """The peak of a training's own memory, what it told, and its seconds."""
    began, peak = time.perf_counter(), 0
    process = subprocess.Popen(command(folder, "whole", steps), stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, own_memory(process.pid))
        time.sleep(0.05)
    told = process.stdout.read().splitlines() if process.stdout else []
    if process.returncode:
        raise SystemExit(f"train ended with status {process.returncode}")
    (line,) = [line for line in told if line.startswith("expect")]
    found = {"task": "memory", "peak_anonymous_bytes": peak, "bound_bytes": BOUND, "told": line.split(None, 1)[1]}
    return {**found, "steps": steps, "seconds": round(time.perf_counter() - began, 2), "within": peak <= BOUND}


def kept(folder: Path, name: str) -> tuple[Any, bytes]:
    """What a run has computed: its records, and the bytes of its weights."""
    from mlp_numpy.training import History

    history = History.read(folder / "runs" / name / "history.json")
    with np.load(folder / "runs" / name / "model.npz", allow_pickle=False) as model:
        weights = b"".join(model[key].tobytes() for key in sorted(model.files) if key.startswith("weights/"))
    return (history.steps, history.evaluations), weights


def resumed_as_whole(folder: Path, steps: int, kills: int) -> dict[str, Any]:
    """Kill a run at random times, resume it, and compare it with the run ``whole``."""
    draws, killed_at, words = random.Random(0), [], command(folder, "killed", steps)
    for _ in range(kills):
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        if process.stdout is not None:
            for line in process.stdout:
                if line.startswith("step"):
                    break
        time.sleep(draws.uniform(0.5, 2.5))
        process.send_signal(signal.SIGKILL)
        killed_at.append(process.wait())
        words = [sys.executable, "-m", "mlp_numpy", "train", "--resume", str(folder / "runs" / "killed")]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    same = kept(folder, "whole") == kept(folder, "killed")
    return {"task": "resume", "kills": kills, "statuses": killed_at, "exact": same}


def seconds_of_pass(folder: Path) -> dict[str, Any]:
    """The time of the statistics of ``standardize``, in this process."""
    from mlp_numpy.data.mapped import MappedSplit
    from mlp_numpy.data.npy_file import NpyFile
    from mlp_numpy.data.statistics import fit_preprocessing

    split = MappedSplit([NpyFile(folder / "set" / f"{name}_train.npy") for name in "xy"])
    began = time.perf_counter()
    fit_preprocessing("standardize", split, (3, 32, 32))
    seconds = time.perf_counter() - began
    return {"task": "pass", "seconds": round(seconds, 1), "gigabytes_a_second": split.mapped_bytes / 1e9 / seconds}


def main() -> None:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0)
    for option, default in (("rounds", 5), ("steps", 40), ("kills", 3), ("train-steps", 2000)):
        parser.add_argument(f"--{option}", type=int, default=default)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--worker", choices=(MEMORY, BLOCKS, SERIAL))
    parser.add_argument("--net", type=int, default=0)
    parser.add_argument("--json", type=Path, default=results_of(__file__))
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.folder / "set", NETS[given.net])
        return
    results, pools = [], {}
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        (folder / "set").mkdir()
        n = make_folder(folder / "set", int(given.gigabytes * 1e9))
        print(f"{n:,} examples, {(folder / 'set' / 'x_train.npy').stat().st_size / 1e9:.1f} GB", flush=True)
        results.append(peak_of_training(folder, given.train_steps))
        print(json.dumps(results[-1], indent=1), flush=True)
        results.append(resumed_as_whole(folder, given.train_steps, given.kills))
        print(json.dumps(results[-1], indent=1), flush=True)
        for at, sizes in enumerate(NETS):
            arguments = ["--folder", str(folder), "--net", str(at)]
            times, pools = take_turns(__file__, (MEMORY, BLOCKS, SERIAL), arguments, given.rounds, given.steps)
            report("-".join(map(str, sizes)), times, MEMORY)
            ratios = {key: times[MEMORY][key] / times[BLOCKS][key] for key in ("min", "median")}
            results.append({"task": f"rate {sizes}", "milliseconds": times, "pools": pools, "rate_of_memory": ratios})
            print(json.dumps(ratios), flush=True)
        results.append(seconds_of_pass(folder))
        print(json.dumps(results[-1], indent=1), flush=True)
    report_machine(describe_system(), pools)
    write_json(given.json, __file__, results)


if __name__ == "__main__":
    main()
