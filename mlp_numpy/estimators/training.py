"""The training of an estimator: epochs of a Trainer, or L-BFGS on all examples."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.batches import chunks
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.estimators.objective import BatchPenalty
from mlp_numpy.estimators.rates import AdaptiveRate, StopRule
from mlp_numpy.modules import Joined, LossModule, Module
from mlp_numpy.optim import Accumulator, Average, FlatParameters, Minimum, Optimizer, minimize
from mlp_numpy.training import Record, StepRecord, Trainer

AS_STORED = Preprocessing("raw", None, None)
_CHUNK = 10_000

Callback = Callable[[Record], Any]
"""Receives every record of a training; it ends the training by returning True."""


@dataclass
class Learner:
    """A network with everything that its next epoch depends on.

    raw   the parameters of the last step, where the network holds their average
    """

    network: Module
    parameters: FlatParameters
    optimizer: Optimizer | None = None
    average: Average | None = None
    raw: Array | None = None
    adaptive: AdaptiveRate = field(default_factory=lambda: AdaptiveRate(0.0))
    stop: StopRule = field(default_factory=lambda: StopRule(math.inf, 0.0))

    @property
    def updates(self) -> int:
        """The number of updates that the optimizer has made."""
        return 0 if self.optimizer is None else self.optimizer.steps

    def begin(self) -> None:
        """Take up the parameters of the last step, in training mode."""
        if self.raw is not None:
            self.parameters.values[...] = self.raw
        self.network.train()

    def end(self, trainer: Trainer) -> None:
        """Load the weights to keep, best or averaged, in evaluation mode."""
        self.raw = None if self.average is None else self.parameters.values.copy()
        trainer.choose()
        self.rest()

    def rest(self) -> None:
        """Set evaluation mode, and free the memory of the last batch."""
        self.network.eval().clear_cache()


@dataclass(frozen=True)
class Epoch:
    """An epoch: mean loss with the penalty, score on the data held out (None without), and whether a callback ended
    it."""

    loss: float
    score: float | None
    stopped: bool


def epochs(trainer: Trainer, penalty: BatchPenalty | None, callbacks: Sequence[Callback]) -> Iterator[Epoch]:
    """Epochs of the trainer's batches, one after the other, without end.

    loss of an epoch = Σ (loss of a batch · its weight + α/2 ‖w‖²) / Σ weight of a batch
    """
    for number in itertools.count(1):
        total = weight = 0.0
        score, stopped = None, False
        for record in trainer.run(number * trainer.batches.steps_per_epoch):
            if isinstance(record, StepRecord):
                part = trainer.loss.total_weight
                total += record.loss * part + (0.0 if penalty is None else penalty.last)
                weight += part
            else:
                score = record.metrics["score"]
            # every callback gets the record, whatever another returns
            answers = [callback(record) for callback in callbacks]
            if any(answer is True for answer in answers):
                stopped = True
                break
        yield Epoch(total / (weight or 1), score, stopped)


def minimize_loss(
    model: Module,
    loss: LossModule,
    parameters: FlatParameters,
    penalty: BatchPenalty | None,
    train: Split,
    **limits: Any,
) -> Minimum:
    """Minimize the mean loss of all examples, with the penalty, by L-BFGS within the ``limits`` of ``minimize``."""
    accumulator = Accumulator(parameters)

    @np.errstate(over="ignore", invalid="ignore")
    def objective() -> float:
        mean = Joined()
        for x, *targets in chunks(train, _CHUNK, AS_STORED, parameters.values.dtype):
            mean.join_next(float(loss.forward(model.forward(x), *targets)), loss.total_weight)
            model.backward(loss.backward())
            accumulator.add(loss.total_weight)
        accumulator.finish()
        return mean.value + (0.0 if penalty is None else penalty.add(mean.weight))

    return minimize(parameters, objective, **limits)
