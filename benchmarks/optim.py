"""Time of a training step, and of its update alone, with Adam and with momentum SGD, against PyTorch.

    python benchmarks/optim.py [--rounds 10] [--steps 30] [--json FILE]

The step is that of ``step.py``, here of 3072-600-500-388-275-163-10, batch 200, float32: gather, forward, loss,
backward and update. "update" is the optimizer's part alone, on gradients that stay as they are. PyTorch takes part as
it comes ("pytorch"), with all operations of an update in one kernel ("fused") and explicitly parameter by parameter
("for-loop"); "products" are the matrix products of the step. How the contestants take turns is said in
``interleaved.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import step as whole
from interleaved import Step, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy.system_info import describe_system

SIZES, LR, MOMENTUM = (3072, 600, 500, 388, 275, 163, 10), 1e-6, 0.9
KINDS, TASKS = ("adam", "momentum"), ("step", "update")
PYTORCH: dict[str, dict[str, bool]] = {"pytorch": {}, "fused": {"fused": True}, "for-loop": {"foreach": False}}


def our_optimizer(kind: str) -> Callable[[Any], Any]:
    """How this library makes the optimizer ``kind``."""
    from mlp_numpy import SGD, Adam

    return (lambda flat: Adam(flat, LR)) if kind == "adam" else (lambda flat: SGD(flat, LR, momentum=MOMENTUM))


def pytorch_optimizer(kind: str, way: dict[str, bool]) -> Callable[[Any], Any]:
    """How PyTorch makes it."""
    import torch

    if kind == "adam":
        return lambda parameters: torch.optim.Adam(parameters, lr=LR, **way)
    return lambda parameters: torch.optim.SGD(parameters, lr=LR, momentum=MOMENTUM, **way)


def our_update(kind: str) -> Step:
    """The update alone, on random gradients."""
    from mlp_numpy import MLP, FlatParameters

    flat = FlatParameters(MLP(SIZES[0], SIZES[1:-1], SIZES[-1], rng=0, dtype=np.float32))
    flat.grads[:] = np.random.default_rng(0).normal(size=len(flat))
    optimizer = our_optimizer(kind)(flat)
    return lambda step: optimizer.step()


def pytorch_update(kind: str, way: dict[str, bool]) -> Step:
    """The same of PyTorch."""
    import torch

    parameters = [
        torch.randn(shape, requires_grad=True)
        for n, m in zip(SIZES[:-1], SIZES[1:], strict=True)
        for shape in ((m, n), (m,))
    ]
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    optimizer = pytorch_optimizer(kind, way)(parameters)
    return lambda step: optimizer.step()


def contestant(name: str, task: str, kind: str) -> Step:
    """What the contestant ``name`` repeats."""
    if name == "products":
        return whole.products(SIZES)
    if name == "mlp_numpy":
        return whole.ours(SIZES, our_optimizer(kind)) if task == "step" else our_update(kind)
    way = PYTORCH[name]
    return whole.pytorch(SIZES, pytorch_optimizer(kind, way)) if task == "step" else pytorch_update(kind, way)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--steps", type=int, default=30, help="steps in a turn")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--task", choices=TASKS, help="one task alone; by default all")
    parser.add_argument("--optimizer", choices=KINDS, help="one optimizer alone; by default all")
    options = parser.parse_args()
    if options.worker:
        serve(contestant(options.worker, options.task, options.optimizer))
        return
    machine, results = describe_system(), []
    tasks = [options.task] if options.task else TASKS
    kinds = [options.optimizer] if options.optimizer else KINDS
    for task, kind in ((task, kind) for task in tasks for kind in kinds):
        names = ["products"] * (task == "step") + ["mlp_numpy"] + list(PYTORCH) * bool(find_spec("torch"))
        arguments = ["--task", task, "--optimizer", kind]
        times, pools = take_turns(__file__, names, arguments, options.rounds, options.steps)
        if not results:
            report_machine(machine, pools)
        report(f"{task} with {kind}, {'-'.join(map(str, SIZES))}, float32", times, "mlp_numpy")
        results.append({"task": task, "optimizer": kind, "milliseconds": times, "pools": pools})
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
