"""Estimates the time and memory of a training before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment.build import Components

LIBRARIES: Final = 95_000_000
"""Bytes of Python with the libraries of a training, including the plotting library."""

_WARM_STEPS: Final = 3
_WORTH_TELLING: Final = 50


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a training.

    memory    peak memory in bytes, including the libraries
    seconds   time of steps and evaluations; None for a very short training, or if the first steps fail
    """

    memory: int
    seconds: float | None


def estimate(parts: Components, steps: int) -> Estimate:
    """Estimate the cost of training ``parts`` up to ``steps`` updates in total.

    Times a few steps and then restores the initial state exactly, so the training itself is unaffected.
    """
    trainer = parts.trainer
    left = steps - trainer.step
    return Estimate(_memory(parts), _seconds(parts, left) if left >= _WORTH_TELLING else None)


def _memory(parts: Components) -> int:
    """libraries + data + parameters × (values, gradients, optimizer state, copies) + activations of a batch."""
    trainer, dataset = parts.trainer, parts.dataset
    data = _bytes(dataset.train) + _bytes(dataset.test)
    data += sum(
        _bytes(split)
        for split in (parts.train, parts.held_out)
        if not any(np.may_share_memory(split.inputs, whole.inputs) for whole in (dataset.train, dataset.test))
    )
    # The state counts three times: in the training, as the copy for a checkpoint, and as the checkpoint's bytes.
    state = sum(array.nbytes for array in trainer.state().values())
    gradients = parts.parameters.grads.nbytes * (1 if trainer.accumulate == 1 else 2)
    # During backward, gradients as large as the outputs exist next to the cached activations.
    batch = 2 * parts.model.summary(trainer.batches.size).kept_bytes
    chunk = parts.model.summary(min(trainer.eval_chunk, len(parts.held_out))).kept_bytes
    return LIBRARIES + data + 3 * state + gradients + max(batch, chunk)


def _seconds(parts: Components, steps: int) -> float | None:
    trainer = parts.trainer
    state = trainer.state()
    times = []
    try:
        for _ in range(_WARM_STEPS):
            began = time.perf_counter()
            trainer.advance()
            times.append(time.perf_counter() - began)
    except NonFiniteError:
        return None  # the training itself will report it
    finally:
        trainer.load_state(state)
    held_out, n = parts.held_out, min(trainer.eval_chunk, len(parts.held_out))
    chunk = held_out.rows(slice(n))
    began = time.perf_counter()
    trainer.measured(chunk)
    evaluation = (time.perf_counter() - began) * len(held_out) / n
    # the first step includes one-time costs
    return steps * min(times[1:]) + (steps // trainer.eval_every + 1) * evaluation


def _bytes(split: Split) -> int:
    return sum(array.nbytes for array in split.arrays())
