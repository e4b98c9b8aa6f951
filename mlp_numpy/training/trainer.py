"""The training loop, as a generator of records: stopping early is ``break``, logging is a line in the caller."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.modules import LossModule, Module, check_chain
from mlp_numpy.optim import FlatParameters
from mlp_numpy.training.metrics import accuracy, evaluate


class Optimizer(Protocol):
    """What the trainer needs of an optimizer."""

    parameters: FlatParameters

    def step(self) -> None:
        """Update the parameters from their gradients."""


@dataclass(frozen=True)
class StepRecord:
    """One update: loss and accuracy of its batch, measured before the update. ``step`` counts updates from 1."""

    step: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class EvaluationRecord:
    """Loss and accuracy over a whole held-out split after ``step`` updates."""

    step: int
    loss: float
    accuracy: float


Record = StepRecord | EvaluationRecord


class Trainer:
    """Minibatch training of ``model`` under ``loss``; ``run`` yields what happens.

        for record in trainer.run(1500):
            ...

    model       gives what ``loss`` takes: scores, probabilities or their logarithms
    optimizer   holds the model's FlatParameters
    batches     the training examples of each step
    held_out    the split that is evaluated as a whole, before the first step, every ``eval_every`` steps and after
                the last; preprocessed as the batches are

    A NaN or an infinity in the loss, or on its way back through the layers, raises NonFiniteError **before** the
    update it would spoil, and names the step and the first layer that shows it. So does a held-out loss that is not
    finite. The weights are then the last good ones: those of before this step; but where finite data met weights that
    already give no finite loss, those of the last evaluation. ``weights_step`` tells of which step they are. (A
    weight's gradient that overflows, though all that it is the product of is finite, shows one step later.)
    """

    def __init__(
        self,
        model: Module,
        loss: LossModule,
        optimizer: Optimizer,
        batches: Batches,
        held_out: Split,
        *,
        eval_every: int = 100,
        eval_chunk: int = 1000,
    ) -> None:
        if eval_every < 1:
            raise OptionError(f"Trainer: eval_every must be ≥ 1, got {eval_every}.")
        if loss.reduction == "none":
            raise OptionError("Trainer: the loss must be one number, but its reduction is 'none'. Hint: 'mean'.")
        check_chain(model, loss)
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.batches, self.held_out = batches, held_out
        self.eval_every, self.eval_chunk = eval_every, eval_chunk
        self.step = self.weights_step = 0
        self._good = optimizer.parameters.values.copy()
        self._good_step = 0
        self._witness = _last_gradient(model)

    def run(self, steps: int) -> Iterator[Record]:
        """Train until ``steps`` updates have been made in all; an evaluation follows the step it belongs to."""
        if self.step == 0:
            yield self.evaluate()
        while self.step < steps:
            yield self.advance()
            if self.step % self.eval_every == 0 or self.step == steps:
                yield self.evaluate()

    # What overflows is found and named below; NumPy's warnings beside it would only puzzle.
    @np.errstate(over="ignore", invalid="ignore")
    def advance(self) -> StepRecord:
        """One step: a batch, forward, loss, backward, update."""
        x, y = self.batches.at(self.step)
        scores = self.model.forward(x)
        loss = float(self.loss.forward(scores, y))
        if not math.isfinite(loss):
            raise self._diverged("the loss", self.step + 1, first_nonfinite(self.model, x))
        self.model.backward(self.loss.backward())
        if not all_finite(self._witness):
            raise self._bad_gradient()
        self.optimizer.step()
        self.step += 1
        self.weights_step = self.step
        return StepRecord(self.step, loss, accuracy(scores, y))

    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self) -> EvaluationRecord:
        """The model as it is now, over the whole held-out split. Raises NonFiniteError as ``advance`` does."""
        found = evaluate(self.model, self.loss, self.held_out, self.batches.preprocessing, chunk=self.eval_chunk)
        if not math.isfinite(found.loss):
            place = "the held-out part" if self._held_out_is_finite() else "the data held out"
            raise self._diverged("the held-out loss", self.step, place)
        self._good[:] = self.optimizer.parameters.values
        self._good_step = self.step
        return EvaluationRecord(self.step, found.loss, found.accuracy)

    def _held_out_is_finite(self) -> bool:
        images = self.held_out.images
        return images.dtype.kind != "f" or all_finite(images)

    def _diverged(self, what: str, step: int, place: str) -> NonFiniteError:
        hint = "look at the data"
        if not place.startswith("the data"):
            hint = "a smaller learning rate, or another preprocessing or initialization"
            self.optimizer.parameters.values[:] = self._good
            self.weights_step = self._good_step
        return NonFiniteError(
            f"Trainer.run: {what} must be finite, got NaN or infinity at step {step}, first in {place}. "
            f"The weights are those after step {self.weights_step}. Hint: {hint}."
        )

    def _bad_gradient(self) -> NonFiniteError:
        parameters = self.optimizer.parameters
        bad = [name for name, part in parameters.slices.items() if not all_finite(parameters.grads[part])]
        return NonFiniteError(
            f"Trainer.run: gradients must be finite, got NaN or infinity at step {self.step + 1} in "
            f"{', '.join(reversed(bad))}. The weights are those after step {self.step}. "
            "Hint: a smaller learning rate, or another preprocessing or initialization."
        )


def _last_gradient(model: Module) -> Array:
    """The smallest gradient of the first layer that learns.

    It is computed last, from what has come through every layer behind it, and a NaN or an infinity on that way stays
    one. So these few numbers tell what would cost a pass over all gradients, 4 % of a step of a large net.
    """
    found = list(model.learned())
    if not found:
        raise OptionError(f"Trainer: the model must have parameters, got {model!r}.")
    first_layer = found[0][0].rpartition(".")[0]
    gradients = [array.grad for name, array in found if name.rpartition(".")[0] == first_layer]
    return min(gradients, key=lambda gradient: gradient.size)


def first_nonfinite(model: Module, x: Array) -> str:
    """Where a NaN or an infinity first appears on a forward pass of ``x``: the data, a parameter, a layer, the loss."""
    if not all_finite(x):
        row = next(row for row in range(len(x)) if not all_finite(x[row]))
        return f"the data, row {row} of the batch"
    for name, layer in model.leaves():
        bad = [key for key, array in layer.params.items() if not all_finite(array)]
        if bad:
            return f"the {bad[0]} of layer {name} {layer!r}"
        x = layer.forward(x)
        if not all_finite(x):
            return f"the output of layer {name} {layer!r}"
    return "the loss"
