"""The tape against the modules and PyTorch: one training step, and a graph of 100,000 operations.

    python benchmarks/tape.py [--rounds 10] [--steps 20] [--json FILE]

The step is that of 784-3136-10 with ReLU on a batch of 128 in float32: forward, loss, backward and the update of plain
SGD. "tape" overwrites the gradients as the modules do; "tape, zeroed" is a program in the way of the teaching engine:
backward adds, ``loss.zero_grad()`` and ``loss.clear()`` end the step. The graph is a chain y ← y · 1.0000001 on three
numbers, built, walked backwards and taken apart. How the contestants take turns is said in ``interleaved.py``.

PyTorch takes part where it is installed.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Step, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

N_IN, N_HIDDEN, N_OUT, BATCH, LR = 784, 3136, 10, 128, 1e-4
N_OPERATIONS, FACTOR = 100_000, 1.0000001


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, N_IN)).astype(np.float32), rng.integers(0, N_OUT, BATCH)


def step_of_modules() -> Step:
    from mlp_numpy import SGD, FlatParameters, LinearModule, ReLUModule, Sequential, SoftMaxCrossEntropyModule, kaiming

    (x, y), options = data(), {"init": kaiming(), "rng": 0, "dtype": np.float32}
    first = LinearModule(N_IN, N_HIDDEN, input_layer=True, **options)
    model = Sequential(first, ReLUModule(), LinearModule(N_HIDDEN, N_OUT, **options))
    loss, optimizer = SoftMaxCrossEntropyModule(), SGD(FlatParameters(model), LR)

    def step(_: int) -> None:
        float(loss.forward(model.forward(x), y))
        model.backward(loss.backward())
        optimizer.step()

    return step


def step_of_tape(zeroed: bool) -> Step:
    import mlp_numpy.autodiff as vg
    from mlp_numpy import SGD, FlatParameters
    from mlp_numpy.modules import SoftMaxCrossEntropy

    class Net(vg.Module):
        def __init__(self) -> None:
            self.layer1 = vg.Linear(N_IN, N_HIDDEN, rng=0, dtype=np.float32)
            self.layer2 = vg.Linear(N_HIDDEN, N_OUT, rng=0, dtype=np.float32)

        def forward(self, x: vg.TensorNode) -> vg.TensorNode:
            return self.layer2(vg.relu(self.layer1(x)))

    x, y = data()
    net = Net()
    optimizer = SGD(FlatParameters(net), LR)

    def step(_: int) -> None:
        loss = SoftMaxCrossEntropy.do_forward(net(vg.TensorNode(x, needs_grad=False)), y=y, reduction="mean")
        float(loss.value)
        loss.backward(afresh=() if zeroed else net.parameters())
        optimizer.step()
        if zeroed:
            loss.zero_grad()
        loss.clear()

    return step


def step_of_pytorch() -> Step:
    import torch

    x, y = (torch.from_numpy(part) for part in data())
    model = torch.nn.Sequential(torch.nn.Linear(N_IN, N_HIDDEN), torch.nn.ReLU(), torch.nn.Linear(N_HIDDEN, N_OUT))
    optimizer, loss_of = torch.optim.SGD(model.parameters(), lr=LR), torch.nn.CrossEntropyLoss()

    def step(_: int) -> None:
        optimizer.zero_grad()
        loss = loss_of(model(x), y)
        loss.item()
        loss.backward()
        optimizer.step()

    return step


def graph_of_tape() -> Step:
    import mlp_numpy.autodiff as vg

    def step(_: int) -> None:
        x = vg.TensorNode(np.ones(3))
        y = x
        for _ in range(N_OPERATIONS):
            y = y * FACTOR
        loss = y.sum()
        loss.backward()
        loss.clear()

    return step


def graph_of_pytorch() -> Step:
    import torch

    def step(_: int) -> None:
        x = torch.ones(3, dtype=torch.float64, requires_grad=True)
        y = x
        for _ in range(N_OPERATIONS):
            y = y * FACTOR
        y.sum().backward()

    return step


TASKS: dict[str, dict[str, tuple[Callable[[], Step], str]]] = {
    "step": {
        "modules": (step_of_modules, "numpy"),
        "tape": (lambda: step_of_tape(zeroed=False), "numpy"),
        "tape, zeroed": (lambda: step_of_tape(zeroed=True), "numpy"),
        "pytorch": (step_of_pytorch, "torch"),
    },
    "graph": {"tape": (graph_of_tape, "numpy"), "pytorch": (graph_of_pytorch, "torch")},
}
TITLES = {
    "step": f"a step of {N_IN}-{N_HIDDEN}-{N_OUT}, batch {BATCH}, float32",
    "graph": f"a graph of {N_OPERATIONS:,} operations, forward and backward",
}


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant at the step")
    parser.add_argument("--steps", type=int, default=20, help="steps in a turn")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        serve(TASKS[options.task][options.worker][0](), warm_up=1 if options.task == "graph" else 3)
        return
    results: list[dict[str, Any]] = []
    for task, contestants in TASKS.items():
        names = [name for name, (_, package) in contestants.items() if find_spec(package)]
        # A graph takes as long as a hundred steps.
        rounds, steps = (options.rounds, options.steps) if task == "step" else (3, 3)
        times, pools = take_turns(__file__, names, ["--task", task], rounds, steps)
        if task == "step":
            report_machine(describe_system(), pools)
        report(TITLES[task], times, "tape")
        results.append({"task": task, "milliseconds": times, "pools": pools})
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
