"""Ranks of a training: simulated ones in threads, and real ones of ``mpirun``.

As a program, ``mpirun -n N python ranks.py FILE.npz``, it trains each of NETS in N processes and saves the outcome.
Their gradients are small, so the pieces in which they travel are made small too.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pytest
from tiny import SHAPE, tiny

from mlp_numpy import (
    MLP,
    SGD,
    BatchNorm,
    Conv2dModule,
    FlatParameters,
    FlattenModule,
    LinearModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    Sequential,
    SoftMaxCrossEntropyModule,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.optim import Average, L2Penalty
from mlp_numpy.parallel import ALONE, Communicator, Workers, mpi_ranks, overlapped_sum
from mlp_numpy.training import EvaluationRecord, StepRecord, Trainer, Update

T = TypeVar("T")
STEPS: Final = 200
SIDE: Final = 8


def mlp() -> Module:
    return MLP(48, [16], 4, init=kaiming(), rng=0, input_layer=True).scores


def full_mlp() -> Module:
    return MLP(48, [16, 12], 4, init=kaiming(), batch_norm=True, dropout=0.2, rng=0, input_layer=True).scores


def conv_net() -> Module:
    return Sequential(
        UnflattenModule(3, SIDE, SIDE),
        Conv2dModule(3, 4, 3, padding="same", input_layer=True, rng=0),
        BatchNorm(4),
        ReLUModule(),
        MaxPool2dModule(2),
        Conv2dModule(4, 6, 3, padding="same", rng=1),
        BatchNorm(6),
        ReLUModule(),
        FlattenModule(),
        LinearModule(6 * SIDE * SIDE // 4, 4, rng=2),
    )


NETS: Final[dict[str, Callable[[], Module]]] = {"mlp": mlp, "full mlp": full_mlp, "conv-net": conv_net}


def _data(name: str) -> tuple[Split, Split, tuple[int, int, int]]:
    if name != "conv-net":
        return tiny().train, tiny().test, SHAPE
    draws = np.random.default_rng(3)
    images, labels = draws.integers(256, size=(70, 3 * SIDE * SIDE), dtype=np.uint8), draws.integers(4, size=70)
    return Split(images[:40], labels[:40]), Split(images[40:], labels[40:]), (3, SIDE, SIDE)


def trainer_of(name: str, ranks: Communicator = ALONE, shards: int = 4, **options: Any) -> Trainer:
    """A trainer in float64 of one of NETS, with a batch of 20 examples with weights, and chunks of 7."""
    train, held_out, shape = _data(name)
    weights = np.random.default_rng(5).uniform(0.5, 2, len(train))
    train = Split(train.inputs, train.targets, weights)
    model = NETS[name]()
    parameters = FlatParameters(model)
    update = Update(
        SGD(parameters, 1e-2, momentum=0.9),
        average=Average(parameters, 0.9),
        penalty=L2Penalty(parameters, 1e-3),
        clip_norm=1.0,
    )
    preprocessing = Preprocessing.fit("standardize", train.images, shape, "float64")
    how: dict[str, Any] = {"dtype": np.float64, "augmentation": Augmentation(shape, shift=1)}
    batches = Batches(train, 20, preprocessing, **how)
    settings: dict[str, Any] = {"eval_every": 50, "eval_chunk": 7, "select": True, "threads": 1} | options
    loss = SoftMaxCrossEntropyModule()
    return Trainer(model, loss, update, batches, held_out, ranks=ranks, shards=shards, **settings)


def outcome(one: Trainer, steps: int = STEPS) -> dict[str, Any]:
    """What training leaves: the numbers of every record, and the state."""
    records = list(one.run(steps))
    by_step = [(r.loss, r.accuracy, r.lr) for r in records if isinstance(r, StepRecord)]
    by_evaluation = [(r.step, r.loss, r.accuracy) for r in records if isinstance(r, EvaluationRecord)]
    return {"steps": np.array(by_step), "evaluations": np.array(by_evaluation), **one.state()}


def in_ranks(size: int, run: Callable[[Communicator], T]) -> list[T]:
    """What ``run`` returns for each of several simulated ranks, threads that add in the order of the ranks."""
    workers = Workers(size, size)
    meeting = workers.meeting(size)
    communicators, found = meeting.communicators(), dict[int, T]()

    def work(rank: int) -> None:
        found[rank] = run(communicators[rank])

    workers.run(work, size, meeting)
    return [found[rank] for rank in range(size)]


# that of the wheel lies beside Python, which need not be on the PATH
MPIRUN: Final = shutil.which("mpirun", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
needs_mpirun: Final = pytest.mark.skipif(
    MPIRUN is None or importlib.util.find_spec("mpi4py") is None,
    reason="needs mpi4py and an mpirun: pip install 'mlp_numpy[mpi]' mpich",
)


def mpirun_words(size: int, *words: str) -> list[str]:
    """The command that runs a Python program in ``size`` ranks; Open MPI wants leave of root, and of few cores."""
    version = subprocess.run([str(MPIRUN), "--version"], capture_output=True, text=True, check=True).stdout
    leave = ["--allow-run-as-root", "--oversubscribe"] if "Open MPI" in version else []
    return [str(MPIRUN), *leave, "-n", str(size), sys.executable, *words]


def same_library() -> dict[str, str]:
    """The environment in which a program imports what this one does."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def mpirun(size: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a Python program in ``size`` ranks, to its end."""
    return ended(mpirun_words(size, *words))


def ended(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    how: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 200, "env": same_library()}
    return subprocess.run(command, check=False, **how)


if __name__ == "__main__":
    overlapped_sum.PIECE = 1000
    world = mpi_ranks(tree="tree" in sys.argv)
    sys.stdout.write(f"overlaps: {world._aside is not None}\n")
    whole = {
        f"{name}: {key}": value
        for name in NETS
        for key, value in outcome(trainer_of(name, world, shards=world.size)).items()
    }
    same = [world.shared(array).tobytes() == array.tobytes() for array in whole.values()]
    np.savez(Path(sys.argv[1]).with_suffix(f".{world.rank}.npz"), **whole, same=np.all(same))
