"""Estimates the time and memory of a training before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment.build import Components
from mlp_numpy.modules import Conv2dModule

LIBRARIES: Final = 95_000_000
"""Bytes of Python with the libraries of a training, including the plotting library."""

_BLOCKS: Final = 3 << 20
"""Bytes of the blocks in which a shard computes convolutions and pools."""
_OUTPUT: Final = 8
"""Bytes of a number of the outputs or targets, at most."""

_WARM_STEPS: Final = 3
_WORTH_TELLING: Final = 50


@dataclass(frozen=True)
class Estimate:
    """The estimated cost of a training.

    memory    peak memory in bytes, including the libraries
    seconds   time of steps and evaluations; None for a very short training, or if the first steps fail
    mapped    bytes of files that are mapped into memory, of which the system keeps what there is room for
    """

    memory: int
    seconds: float | None
    mapped: int = 0


def estimate(parts: Components, steps: int) -> Estimate:
    """Estimate the cost of training ``parts`` up to ``steps`` updates in total.

    Times a few steps and then restores the initial state exactly, so the training itself is unaffected.
    """
    trainer = parts.trainer
    left = steps - trainer.step
    mapped = parts.dataset.train.mapped_bytes + parts.dataset.test.mapped_bytes
    return Estimate(_memory(parts), _seconds(parts, left) if left >= _WORTH_TELLING else None, mapped)


def _memory(parts: Components) -> int:
    """libraries + data + parameters × (values, gradients, optimizer state, copies) + activations of a batch."""
    trainer, dataset = parts.trainer, parts.dataset
    data = dataset.train.nbytes + dataset.test.nbytes
    data += sum(
        split.nbytes
        for split in (parts.train, parts.held_out)
        if not any(split.shares_inputs(whole) for whole in (dataset.train, dataset.test))
    )
    if isinstance(parts.held_out, MappedSplit):
        # its outputs and targets are kept for the metrics, with as much again to compute them
        data += 2 * len(parts.held_out) * (_OUTPUT * dataset.n_outputs + _OUTPUT)
    # The state counts three times: in the training, as the copy for a checkpoint, and as the checkpoint's bytes.
    state = sum(array.nbytes for array in trainer.state().values())
    gradients = parts.parameters.grads.nbytes * (1 if trainer.accumulate == 1 else 2)
    # During backward, gradients as large as the outputs exist next to the cached activations.
    order = parts.trainer.batches.nbytes if isinstance(parts.train, MappedSplit) else 0
    batch = order + 2 * parts.model.summary(trainer.batches.size).kept_bytes
    chunk = parts.model.summary(min(trainer.eval_chunk, len(parts.held_out))).kept_bytes
    of_images = any(isinstance(layer, Conv2dModule) for _, layer in parts.model.leaves())
    blocks = _BLOCKS * trainer.shards if of_images else 0
    return LIBRARIES + data + 3 * state + gradients + max(batch, chunk) + blocks


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
