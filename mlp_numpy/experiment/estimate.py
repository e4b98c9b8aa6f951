"""How long a training will take and how much memory, told before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment.build import Components
from mlp_numpy.training import Trainer, evaluate

LIBRARIES: Final = 95_000_000
"""Bytes that Python takes with the libraries of a training, the pictures' among them."""

_WARM_STEPS: Final = 3
_WORTH_TELLING: Final = 50


@dataclass(frozen=True)
class Estimate:
    """What a training is expected to take.

    memory    bytes at the peak, those of the libraries included
    seconds   of steps and evaluations, or None where that is not worth telling, or the first steps fail
    """

    memory: int
    seconds: float | None


def estimate(parts: Components, steps: int) -> Estimate:
    """What the training of ``parts`` will take until ``steps`` updates have been made in all.

    It makes a few steps to see how long they take, and undoes them: the trainer goes on bit by bit as if there had
    been none.
    """
    trainer = parts.trainer
    left = steps - trainer.step
    return Estimate(_memory(parts), _seconds(trainer, left) if left >= _WORTH_TELLING else None)


def _memory(parts: Components) -> int:
    """libraries + data + parameters × (values, gradients, optimizer's slots, copies) + what a batch leaves."""
    trainer, dataset = parts.trainer, parts.dataset
    data = _bytes(dataset.train) + _bytes(dataset.test)
    data += sum(
        _bytes(split)
        for split in (parts.train, trainer.held_out)
        if not any(np.may_share_memory(split.images, whole.images) for whole in (dataset.train, dataset.test))
    )
    # The state is what the training holds, once more as the copy that goes into a checkpoint, and once as its file.
    state = sum(array.nbytes for array in trainer.state().values())
    gradients = parts.parameters.grads.nbytes * (1 if trainer.accumulate == 1 else 2)
    # On its way back a gradient as large as the widest layer's output stands beside what is kept.
    batch = 2 * parts.model.summary(trainer.batches.size).kept_bytes
    chunk = parts.model.summary(min(trainer.eval_chunk, len(trainer.held_out))).kept_bytes
    return LIBRARIES + data + 3 * state + gradients + max(batch, chunk)


def _seconds(trainer: Trainer, steps: int) -> float | None:
    state = trainer.state()
    times = []
    try:
        for _ in range(_WARM_STEPS):
            began = time.perf_counter()
            trainer.advance()
            times.append(time.perf_counter() - began)
    except NonFiniteError:
        return None  # the training itself will say so
    finally:
        trainer.load_state(state)
    held_out, n = trainer.held_out, min(trainer.eval_chunk, len(trainer.held_out))
    chunk = Split(held_out.images[:n], held_out.labels[:n])
    began = time.perf_counter()
    evaluate(trainer.model, trainer.loss, chunk, trainer.batches.preprocessing, chunk=n)
    evaluation = (time.perf_counter() - began) * len(held_out) / n
    # the first step also pays for what is made once
    return steps * min(times[1:]) + (steps // trainer.eval_every + 1) * evaluation


def _bytes(split: Split) -> int:
    return split.images.nbytes + split.labels.nbytes
