"""The training loop, as a generator of records: stopping early is ``break``, logging is a line in the caller."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import flag, whole_number
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import MlpNumpyError, NonFiniteError, OptionError
from mlp_numpy.modules import Joined, LossModule, Module
from mlp_numpy.optim import Accumulator, Optimizer
from mlp_numpy.training.agreement import agreed
from mlp_numpy.training.archive import strip_prefix, with_prefix
from mlp_numpy.training.best_model import BestModel
from mlp_numpy.training.diagnosis import Failure
from mlp_numpy.training.divergence import DivergenceGuard
from mlp_numpy.training.layer_stats import LayerStats
from mlp_numpy.training.metrics import accuracy, evaluate
from mlp_numpy.training.progress import Progress
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord
from mlp_numpy.training.snapshot import Snapshot
from mlp_numpy.training.update import Update


class Trainer:
    """Minibatch training of ``model`` under ``loss``; ``run`` yields a record of every step and evaluation.

        for record in trainer.run(1500):
            ...

    model        its output is what ``loss`` takes: scores, probabilities or their logarithms
    update       an optimizer that holds the model's FlatParameters, or an Update with more around it
    batches      the training examples of each step
    held_out     the split that is evaluated as a whole, before the first step, every ``eval_every`` steps and after
                 the last; preprocessed as the batches are
    accumulate   batches that make one update, with the gradient of them all as one batch; see ``Accumulator``
    select       keep the model of the best evaluation; it is the ``chosen`` one. Not meant for a test set
    patience     with ``select``: stop after so many evaluations in a row without improvement
    max_growth   a batch loss above this many times the first one's, or this number if that was below 1, has exploded
    watch_every  steps between two whose layers are measured; see ``LayerStats``

    An exploded loss, a NaN or an infinity in the loss, its gradients or a held-out loss raises NonFiniteError before
    the update it would spoil; see ``DivergenceGuard``. (A weight's gradient that overflows, though all that it is the
    product of is finite, shows one step later, or at once in ``clip_norm``, which names its array.)

    Raises OptionError for invalid parts, or parts that do not belong together. ``state`` holds everything that a later
    step depends on: a trainer of the same parts that loads it continues bit by bit as this one would.
    """

    def __init__(
        self,
        model: Module,
        loss: LossModule,
        update: Optimizer | Update,
        batches: Batches,
        held_out: Split,
        *,
        eval_every: int = 100,
        eval_chunk: int = 1000,
        accumulate: int = 1,
        select: bool = False,
        patience: int | None = None,
        max_growth: float = 1e6,
        watch_every: int | None = None,
    ) -> None:
        self.update = agreed(model, loss, update, batches, held_out)
        self.eval_every = whole_number("Trainer", "eval_every", eval_every)
        self.eval_chunk = whole_number("Trainer", "eval_chunk", eval_chunk)
        self.accumulate = whole_number("Trainer", "accumulate", accumulate)
        self.watch_every = None if watch_every is None else whole_number("Trainer", "watch_every", watch_every)
        select = flag("Trainer", "select", select)
        if patience is not None and not select:
            raise OptionError("Trainer: patience must come with select, which says what is waited for.")
        self.model, self.loss, self.batches, self.held_out = model, loss, batches, held_out
        self.parameters = self.update.optimizer.parameters
        last_finite = Snapshot(model, self.parameters, self.update.average)
        self.guard = DivergenceGuard(model, last_finite, max_growth)
        self.best_model = BestModel(Snapshot(model, self.parameters), patience) if select else None
        self.step = 0
        self._layer_stats = LayerStats(model, self.parameters)
        self._evaluated_step = -1
        self._held_out_losses: list[float] = []
        self._accumulator = Accumulator(self.parameters, loss.reduction) if self.accumulate > 1 else None

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer inside the update."""
        return self.update.optimizer

    @property
    def weights_step(self) -> int:
        """The step after which the model was as it is now: an earlier one after a step that failed."""
        return self.guard.weights_step

    @property
    def failure(self) -> Failure | None:
        """The step that failed, if one did."""
        return self.guard.failure

    @property
    def stopped_early(self) -> bool:
        """Whether patience has run out."""
        return self.best_model is not None and self.best_model.exhausted

    def run(self, steps: int) -> Iterator[Record]:
        """Train until ``steps`` updates have been made in all; an evaluation follows the step it belongs to."""
        while True:
            due = self.step % self.eval_every == 0 or self.step == steps
            if due and self._evaluated_step != self.step:
                yield self.evaluate()
            if self.step >= steps or self.stopped_early:
                return
            yield self.advance()

    # Overflows are found and named by the guard; NumPy's warnings beside them would only puzzle.
    @np.errstate(over="ignore", invalid="ignore")
    def advance(self) -> StepRecord:
        """One step: batch, forward, loss, backward, update; with ``accumulate``, several batches before the update."""
        measuring = self._begin_step()
        loss, right = Joined(self.loss.reduction), Joined()
        for number in range(self.step * self.accumulate, (self.step + 1) * self.accumulate):
            x, y = self.batches.at(number)
            self.guard.before_batch(self.loss, x, y)
            scores = self.model.forward(x)
            batch_loss = float(self.loss.forward(scores, y))
            self.guard.check_loss(batch_loss)
            self.model.backward(self.loss.backward())
            self.guard.check_gradients(batch_loss)
            loss.join_next(batch_loss, self.loss.total_weight)
            right.join_next(accuracy(scores, y), len(x))
            if self._accumulator is not None:
                self._accumulator.add(self.loss.total_weight)
        lr = self._update()
        self.step += 1
        self.guard.weights_step = self.step
        return StepRecord(self.step, loss.value, right.value, lr, self._layer_stats.after() if measuring else None)

    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self) -> EvaluationRecord:
        """The model as it is now (averaged, if there is an average), over the whole held-out split.

        Raises NonFiniteError as ``advance`` does.
        """
        with self.update.averaged():
            found = evaluate(self.model, self.loss, self.held_out, self.batches.preprocessing, chunk=self.eval_chunk)
            record = EvaluationRecord(self.step, found.loss, found.accuracy)
            if math.isfinite(found.loss) and self.best_model is not None:
                self.best_model.update(record)
        self.guard.check_evaluation(self.step, found.loss, self.held_out)
        self._evaluated_step = self.step
        self._held_out_losses.append(found.loss)
        return record

    @contextlib.contextmanager
    def chosen(self) -> Iterator[int]:
        """The model to be kept stands in ``model`` for a while; gives the step after which it was like that.

        With ``select`` it is that of the best evaluation, else the present one, averaged if there is an average.
        """
        if self.best_model is None or not math.isfinite(self.best_model.accuracy):
            with self.update.averaged():
                yield self.weights_step
            return
        now = Snapshot(self.model, self.parameters)
        self.best_model.best.restore()
        try:
            yield self.best_model.best.step
        finally:
            now.restore()

    def choose(self) -> None:
        """Make the model for good what ``chosen`` makes it for a while."""
        with self.chosen():
            kept = Snapshot(self.model, self.parameters)
        kept.restore()

    def state(self) -> dict[str, Array]:
        """Copies of everything that a later step depends on, as ``load_state`` takes them."""
        counters = (self.step, self.weights_step, self._evaluated_step)
        progress = Progress(*counters, self.guard.first_loss, self._held_out_losses)
        kept = progress.state()
        for prefix, part in self._stateful().items():
            kept |= with_prefix(prefix, part.state())
        return kept

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Go on where another trainer of the same parts was; nothing is changed if its ``state`` does not fit.

        Raises UnknownNameError for names, ShapeError for shapes and DTypeError for kinds of numbers that do not fit.
        """
        before = self.state()
        try:
            self._load(state)
        except MlpNumpyError:
            self._load(before)
            raise
        self.guard.failure = None

    def _load(self, state: Mapping[str, Array]) -> None:
        progress = Progress.of(state)
        for prefix, part in self._stateful().items():
            part.load_state(strip_prefix(prefix, state))
        self.step, self.guard.weights_step, self._evaluated_step = progress[:3]
        self.guard.first_loss, self._held_out_losses = progress[3:]

    def _stateful(self) -> dict[str, Any]:
        parts = {
            "model/": self.model,
            "update/": self.update,
            "good/": self.guard.last_finite,
            "selection/": self.best_model,
        }
        return {prefix: part for prefix, part in parts.items() if part is not None}

    def _begin_step(self) -> bool:
        """Remember what the step may have to undo, and measure the layers if it is their turn; whether it is.

        To be measured, the first batch of the step goes through the model once more.
        """
        self.guard.before_step(self.step + 1)
        if self.failure is not None and self._accumulator is not None:
            self._accumulator.clear()
        if self.watch_every is None or self.step % self.watch_every:
            return False
        self._layer_stats.before(self.batches.at(self.step * self.accumulate)[0])
        self.guard.undo()
        return True

    def _update(self) -> float:
        """Make the update, and return its learning rate."""
        if self._accumulator is not None:
            self._accumulator.finish()
        try:
            return self.update.apply(self.step, self._held_out_losses)
        except NonFiniteError:  # clip_norm has met what neither a loss nor the probe showed; nothing was updated
            self.guard.undo()
            raise
