"""The estimators against scikit-learn's of the same names, with equal parameters: accuracy, and time of an epoch.

    python benchmarks/estimators.py [--tasks digits friedman mnist] [--seeds 5] [--rounds 5] [--fits 3]
                                    [--data-dir data] [--json FILE]

Tasks: the digits of scikit-learn, Friedman's first regression, and 20,000 images of MNIST; all other parameters are the
defaults, but for the epochs. Accuracy or R² on examples that were not trained on, a mean over seeds. Times are of whole
fits, those of both libraries in turns, divided by the epochs; in float64 as the data are, and in float32.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Step, report, report_machine, results_of, serve, take_turns, write_json
from sklearn import neural_network
from sklearn.datasets import load_digits, make_friedman1
from sklearn.model_selection import train_test_split

from mlp_numpy.data import mnist
from mlp_numpy.estimators import MLPClassifier, MLPRegressor
from mlp_numpy.system_info import describe_system

OURS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
CONTESTANTS = ("mlp_numpy", "scikit-learn", "mlp_numpy, float32", "scikit-learn, float32")


@dataclass(frozen=True)
class Task:
    """An estimator, the parameters of both libraries, and the epochs of a fit that is timed."""

    estimator: str
    parameters: dict[str, Any]
    epochs: int


TASKS = {
    "digits": Task("MLPClassifier", {"max_iter": 100}, 20),
    "friedman": Task("MLPRegressor", {"max_iter": 300}, 20),
    "mnist": Task("MLPClassifier", {"max_iter": 15}, 2),
}


def data(task: str, data_dir: str) -> tuple[Any, Any]:
    """Inputs (N, D) and targets (N,)."""
    if task == "digits":
        x, y = load_digits(return_X_y=True)
        return x / 16, y
    if task == "friedman":
        x, y = make_friedman1(3000, noise=1.0, random_state=0)
        return (x - 0.5) * 12**0.5, y  # uniform in [0, 1], standardized
    train = mnist.load(data_dir).train
    return train.inputs[:20_000] / 255, train.labels[:20_000]


def scores(task: Task, x: Any, y: Any, seed: int) -> dict[str, float]:
    """The score of both libraries on a quarter of the data."""
    parts = train_test_split(x, y, test_size=0.25, random_state=seed)
    makers = {"mlp_numpy": OURS[task.estimator], "scikit-learn": getattr(neural_network, task.estimator)}
    found = {}
    for name, make in makers.items():
        estimator = make(**task.parameters, random_state=seed).fit(parts[0], parts[2])
        found[name] = float(estimator.score(parts[1], parts[3]))
    return found


def worker(contestant: str, name: str, data_dir: str) -> Step:
    """A step is a fit of the task's epochs."""
    task, (x, y) = TASKS[name], data(name, data_dir)
    library, _, dtype = contestant.partition(", ")
    make = OURS[task.estimator] if library == "mlp_numpy" else getattr(neural_network, task.estimator)
    x = x.astype(dtype or "float64")
    options = task.parameters | {"max_iter": task.epochs, "n_iter_no_change": task.epochs, "random_state": 0}
    return lambda _: make(**options).fit(x, y)


def main() -> None:
    """Print and write accuracies and times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", choices=CONTESTANTS, help=argparse.SUPPRESS)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fits", type=int, default=3, help="fits of a turn")
    parser.add_argument("--data-dir", default="data")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.worker:
        serve(worker(given.worker, given.tasks[0], given.data_dir), warm_up=1)
        return
    results = []
    for name in given.tasks:
        task, (x, y) = TASKS[name], data(name, given.data_dir)
        found = [scores(task, x, y, seed) for seed in range(given.seeds)]
        measured = {each: [one[each] for one in found] for each in ("mlp_numpy", "scikit-learn") if found}
        for library, values in measured.items():
            spread = statistics.stdev(values) if len(values) > 1 else 0.0
            print(f"{name}, {library}: score {statistics.mean(values):.4f} ± {spread:.4f}", flush=True)
        arguments = ["--tasks", name, "--data-dir", given.data_dir]
        times, pools = take_turns(__file__, CONTESTANTS, arguments, given.rounds, given.fits + 1)
        times = {each: {key: value / task.epochs for key, value in row.items()} for each, row in times.items()}
        report(f"{name}: an epoch of {len(x)} examples × {np.shape(x)[1]}", times, "mlp_numpy")
        entry = {"task": name, "parameters": task.parameters, "scores": measured, "milliseconds": times, "pools": pools}
        results.append(entry)
        report_machine(describe_system(), pools)
    write_json(given.json, __file__, results)


if __name__ == "__main__":
    main()
