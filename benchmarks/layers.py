"""Time of each layer, forward and backward, and of whole convolution nets, against PyTorch.

    python benchmarks/layers.py [--rounds 10] [--steps 20] [--layer NAME …] [--threads N] [--json FILE]

All in float32, a batch of 32 images or of 200 rows, each layer in the size that the networks of the experiments have.
Each side gets its images as its own layers hand them on: with the channels of a pixel side by side in memory here,
plane after plane in PyTorch. How the contestants take turns is said in ``interleaved.py``. For whole networks, forward,
loss and backward without an update, the peak memory of each side's process is told as well.

Each side has ``--threads``, by default one a core: PyTorch its own, we as many shards of the batch as threads, each
with BLAS on one; as within a network, what a shard computes stays with it. "mlp_numpy 1" is the layer called as it is,
on one thread: what a training has by default unless its network convolves or is large, since handing a layer to another
thread and back takes a tenth of a millisecond or two.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from interleaved import Step, cores, on_threads, report, report_machine, results_of, serve, take_turns, write_json

from mlp_numpy import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    ConvNet,
    Dropout,
    ELUModule,
    FlatParameters,
    GELUModule,
    GroupNorm,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    RMSNorm,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SmallConvNet,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
)
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import Sharded
from mlp_numpy.system_info import describe_system

F32 = np.float32
IMAGES, ROWS = (32, 64, 32, 32), (200, 1024)


@dataclass(frozen=True)
class Task:
    """One layer: how we make it, how PyTorch's ``nn`` does, the shape of its input, whether that is the data."""

    ours: Callable[[], Module]
    theirs: Callable[[Any], Any]
    shape: tuple[int, ...]
    input_layer: bool = False


def _conv(n_in: int, n_out: int, size: int, input_layer: bool = False) -> Task:
    return Task(
        lambda: Conv2dModule(n_in, n_out, 3, padding=1, rng=0, dtype=F32, input_layer=input_layer),
        lambda nn: nn.Conv2d(n_in, n_out, 3, padding=1),
        (32, n_in, size, size),
        input_layer,
    )


TASKS = {
    "linear 3072-100": Task(
        lambda: LinearModule(3072, 100, rng=0, dtype=F32), lambda nn: nn.Linear(3072, 100), (200, 3072)
    ),
    "linear 1024-1024": Task(
        lambda: LinearModule(1024, 1024, rng=0, dtype=F32), lambda nn: nn.Linear(1024, 1024), ROWS
    ),
    "conv 3-64, 32 × 32": _conv(3, 64, 32, input_layer=True),
    "conv 64-128, 16 × 16": _conv(64, 128, 16),
    "conv 256-256, 8 × 8": _conv(256, 256, 8),
    "conv 512-512, 4 × 4": _conv(512, 512, 4),
    "conv 512-512, 2 × 2": _conv(512, 512, 2),
    "max pool 3 × 3": Task(lambda: MaxPool2dModule(3, 2, 1), lambda nn: nn.MaxPool2d(3, 2, 1), IMAGES),
    "max pool 2 × 2": Task(lambda: MaxPool2dModule(2), lambda nn: nn.MaxPool2d(2), IMAGES),
    "avg pool 3 × 3": Task(lambda: AvgPool2dModule(3, 2, 1), lambda nn: nn.AvgPool2d(3, 2, 1), IMAGES),
    "batch norm, 64 × 32 × 32": Task(lambda: BatchNorm(64, dtype=F32), lambda nn: nn.BatchNorm2d(64), IMAGES),
    "batch norm, 256 × 8 × 8": Task(lambda: BatchNorm(256, dtype=F32), lambda nn: nn.BatchNorm2d(256), (32, 256, 8, 8)),
    "batch norm, 500": Task(lambda: BatchNorm(500, dtype=F32), lambda nn: nn.BatchNorm1d(500), (200, 500)),
    "layer norm, 1024": Task(lambda: LayerNorm(1024, dtype=F32), lambda nn: nn.LayerNorm(1024), ROWS),
    "rms norm, 1024": Task(lambda: RMSNorm(1024, dtype=F32), lambda nn: nn.RMSNorm(1024), ROWS),
    "group norm, 8 × 8": Task(lambda: GroupNorm(8, 64, dtype=F32), lambda nn: nn.GroupNorm(8, 64), IMAGES),
    "depthwise conv 64": Task(
        lambda: Conv2dModule(64, 64, 3, padding=1, groups=64, rng=0, dtype=F32),
        lambda nn: nn.Conv2d(64, 64, 3, padding=1, groups=64),
        IMAGES,
    ),
    "global avg pool": Task(lambda: AdaptiveAvgPool2dModule(1), lambda nn: nn.AdaptiveAvgPool2d(1), IMAGES),
    "dropout, images": Task(lambda: Dropout(0.5, rng=0), lambda nn: nn.Dropout(0.5), IMAGES),
    "relu, images": Task(ReLUModule, lambda nn: nn.ReLU(), IMAGES),
    "relu, rows": Task(ReLUModule, lambda nn: nn.ReLU(), ROWS),
    "leaky relu, rows": Task(lambda: LeakyReLUModule(0.02), lambda nn: nn.LeakyReLU(0.02), ROWS),
    "sigmoid, rows": Task(SigmoidModule, lambda nn: nn.Sigmoid(), ROWS),
    "tanh, rows": Task(TanhModule, lambda nn: nn.Tanh(), ROWS),
    "elu, rows": Task(ELUModule, lambda nn: nn.ELU(), ROWS),
    "silu, rows": Task(SiLUModule, lambda nn: nn.SiLU(), ROWS),
    "softplus, rows": Task(SoftplusModule, lambda nn: nn.Softplus(), ROWS),
    "gelu, rows": Task(GELUModule, lambda nn: nn.GELU(), ROWS),
    "gelu by tanh, rows": Task(lambda: GELUModule("tanh"), lambda nn: nn.GELU(approximate="tanh"), ROWS),
    "log-softmax, 10": Task(LogSoftMaxModule, lambda nn: nn.LogSoftmax(1), (200, 10)),
    "softmax, 10": Task(SoftMaxModule, lambda nn: nn.Softmax(1), (200, 10)),
}


@dataclass(frozen=True)
class NetTask:
    """A whole network: how we make it, how PyTorch's ``nn`` does, the batch, and how many steps a turn has at most."""

    ours: Callable[[], Classifier]
    theirs: Callable[[Any], Any]
    batch: int
    steps: int


def _figure_6(nn: Any) -> Any:
    layers, n_in = [], 3
    for n_out in (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0):
        if n_out:
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU()]
            n_in = n_out
        else:
            layers.append(nn.MaxPool2d(3, 2, 1))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


def _small(nn: Any) -> Any:
    first = (nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2))
    rest = (nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))
    return nn.Sequential(*first, nn.Flatten(), *rest)


NETS = {
    "conv net of figure 6": NetTask(lambda: ConvNet(rng=0, dtype=F32, input_layer=True), _figure_6, 32, 3),
    "small conv net, batch 32": NetTask(lambda: SmallConvNet(rng=0, dtype=F32, input_layer=True), _small, 32, 20),
    "small conv net, batch 4": NetTask(lambda: SmallConvNet(rng=0, dtype=F32, input_layer=True), _small, 4, 20),
}


def _draw(shape: tuple[int, ...], seed: int) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(F32)


def _pixel_by_pixel(x: Any) -> Any:
    return x if x.ndim != 4 else np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


class Before(Module):
    """What comes before a layer in a network: it hands on its shard of the data, and takes the gradient of that."""

    def forward(self, x: Any) -> Any:
        """x itself."""
        self._n_forwards += 1
        return x

    def backward(self, dout: Any) -> None:
        """Nothing: the gradient of the data is not asked for."""


class After(Module):
    """What comes after a layer in a network: it takes a shard of its output, and has one of ``dout``."""

    def __init__(self, dout: Any) -> None:
        super().__init__()
        self.whole_dout = dout

    def forward(self, x: Any) -> Any:
        """Rows without columns."""
        self._n_forwards += 1
        return np.empty((len(x), 0), F32)

    def backward(self, dout: Any) -> Any:
        """This shard's rows of the gradient."""
        return self.whole_dout[self.communicator.split(len(self.whole_dout))]


def shard(module: Module, threads: int) -> Module:
    """The module on so many threads."""
    return module if threads == 1 else Sharded(module, shards=threads, threads=threads)


def ours(name: str, threads: int) -> Step:
    """Forward and backward of one layer of this library."""
    if name in NETS:
        return _our_net(NETS[name], threads)
    task = TASKS[name]
    module, x = task.ours(), _pixel_by_pixel(_draw(task.shape, 0))
    dout = _pixel_by_pixel(_draw(module.forward(x).shape, 1))
    if threads > 1:
        module = Sharded(Sequential(Before(), module, After(dout)), shards=threads, threads=threads)
        dout = np.empty((len(x), 0), F32)

    def step(_: int) -> None:
        module.forward(x)
        module.backward(dout)

    return step


def _our_net(task: NetTask, threads: int) -> Step:
    logits, loss = task.ours().logits, SoftMaxCrossEntropyModule()
    FlatParameters(logits)
    net = shard(logits, threads)
    x, y = _draw((task.batch, 3072), 0), np.arange(task.batch) % 10

    def step(_: int) -> None:
        loss.forward(net.forward(x), y)
        net.backward(loss.backward())

    return step


def pytorch(name: str, threads: int) -> Step:
    """Forward and backward of PyTorch's layer, eager mode."""
    import torch

    torch.set_num_threads(threads)
    if name in NETS:
        return _their_net(torch, NETS[name])
    task = TASKS[name]
    module = task.theirs(torch.nn)
    x = torch.from_numpy(_draw(task.shape, 0)).requires_grad_(not task.input_layer)
    dout = torch.from_numpy(_draw(tuple(module(x).shape), 1))

    def step(_: int) -> None:
        x.grad = None
        module.zero_grad()
        module(x).backward(dout)

    return step


def _their_net(torch: Any, task: NetTask) -> Step:
    net, loss = task.theirs(torch.nn), torch.nn.CrossEntropyLoss()
    x = torch.from_numpy(_draw((task.batch, 3072), 0)).reshape(task.batch, 3, 32, 32)
    y = torch.arange(task.batch) % 10

    def step(_: int) -> None:
        net.zero_grad()
        loss(net(x), y).backward()

    return step


def one_shard(name: str, threads: int) -> Step:
    """The same in this thread alone."""
    return ours(name, 1)


CONTESTANTS: dict[str, tuple[Callable[[str, int], Step], str]] = {
    "mlp_numpy": (ours, "numpy"),
    "mlp_numpy 1": (one_shard, "numpy"),
    "pytorch": (pytorch, "torch"),
}


def peak_megabytes(contestant: str, task: list[str]) -> float:
    """The peak memory of a process that makes three steps with a whole network."""
    arguments = [sys.executable, __file__, "--worker", contestant, *task, "--peak"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="turns of each contestant")
    parser.add_argument("--steps", type=int, default=20, help="steps in a turn; at most 3 with figure 6")
    parser.add_argument("--layer", action="append", choices=[*TASKS, *NETS], help="by default all")
    parser.add_argument("--threads", type=int, default=cores(), help="threads of each side; by default one a core")
    parser.add_argument("--json", type=Path, default=results_of(__file__), help="file that gets the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--peak", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.layer or [*TASKS, *NETS]
    if options.worker:
        step = CONTESTANTS[options.worker][0](names[0], options.threads)
        if not options.peak:
            serve(step)
            return
        for number in range(3):
            step(number)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    machine, results = describe_system(), []
    contestants = [name for name, (_, package) in CONTESTANTS.items() if find_spec(package)]
    if options.threads == 1:
        contestants.remove("mlp_numpy 1")
    # A shard calls BLAS on its own thread.
    environments = {name: on_threads(1 if name.startswith("mlp_numpy") else options.threads) for name in contestants}
    for name in names:
        steps = min(options.steps, NETS[name].steps) if name in NETS else options.steps
        task = ["--layer", name, "--threads", str(options.threads)]
        times, pools = take_turns(__file__, contestants, task, options.rounds, steps, environments)
        if not results:
            report_machine(machine, pools)
        report(f"{name}, forward and backward, float32, threads: {options.threads}", times, "mlp_numpy")
        results.append({"layer": name, "threads": options.threads, "milliseconds": times, "pools": pools})
        if name in NETS:
            results[-1]["peak_megabytes"] = {contestant: peak_megabytes(contestant, task) for contestant in contestants}
            print("peak memory:", "; ".join(f"{k} {v:,.0f} MB" for k, v in results[-1]["peak_megabytes"].items()))
    write_json(options.json, __file__, results)


if __name__ == "__main__":
    main()
