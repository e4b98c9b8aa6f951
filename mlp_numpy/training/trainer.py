"""The training loop, as a generator of records: stopping early is ``break``, logging is a line in the caller."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import flag, whole_number
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import MlpNumpyError, NonFiniteError, OptionError
from mlp_numpy.modules import Joined, LossModule, Module
from mlp_numpy.optim import Accumulator, Optimizer
from mlp_numpy.training.agreement import LossBound, agreed
from mlp_numpy.training.archive import strip_prefix, with_prefix
from mlp_numpy.training.best_model import BestModel
from mlp_numpy.training.diagnosis import Failure, diverged, failure_at, held_out_place, last_gradient
from mlp_numpy.training.layer_stats import Watch
from mlp_numpy.training.metrics import accuracy, evaluate
from mlp_numpy.training.progress import Progress
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord
from mlp_numpy.training.snapshot import Buffers, Snapshot
from mlp_numpy.training.update import Update


class Trainer:
    """Minibatch training of ``model`` under ``loss``; ``run`` yields what happens.

        for record in trainer.run(1500):
            ...

    model        gives what ``loss`` takes: scores, probabilities or their logarithms
    update       an optimizer that holds the model's FlatParameters, or an Update with more around it
    batches      the training examples of each step
    held_out     the split that is evaluated as a whole, before the first step, every ``eval_every`` steps and after
                 the last; preprocessed as the batches are
    accumulate   batches that make one update, with the gradient of them all as one batch; see ``Accumulator``
    select       keep the model of the best evaluation; it is the ``chosen`` one. Not meant for a test set
    patience     with ``select``: stop after so many evaluations in a row that bring nothing better
    max_growth   a batch loss above this many times the first one's, or this number if that was below 1, has exploded
    watch_every  steps between two that are watched; see ``Watch``

    An exploded loss, a NaN or an infinity in the loss, or on its way back through the layers, raises NonFiniteError
    **before** the update it would spoil, and names the step, the layer that shows it first, and there the first bad
    element; ``failure`` keeps what is needed to see it again. So does a held-out loss that is not finite. The model is
    then the last good one: that of before this step; but where finite data met weights that already give no finite
    loss, that of the last evaluation. ``weights_step`` tells of which step it is. (A weight's gradient that overflows,
    though all that it is the product of is finite, shows one step later, or
    at once in ``clip_norm``, which names its array.)

    Raises OptionError for what is no such part, or for parts that do not belong together. Everything that a later step
    depends on is in ``state``: a trainer of the same parts that loads it goes on bit by bit as this one would.
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
        self._bound = LossBound(max_growth)
        self.model, self.loss, self.batches, self.held_out = model, loss, batches, held_out
        self.parameters = self.update.optimizer.parameters
        self._watch = Watch(model, self.parameters)
        self.step = self.weights_step = 0
        self.failure: Failure | None = None
        self.selection = BestModel(Snapshot(model, self.parameters), patience) if select else None
        self._evaluated_step = -1
        self._held_out_losses: list[float] = []
        self._accumulator = Accumulator(self.parameters, loss.reduction) if self.accumulate > 1 else None
        self._good = Snapshot(model, self.parameters, self.update.average)
        self._start, self._before = Buffers(model), Buffers(model)
        self._witness = last_gradient(model)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer inside the update."""
        return self.update.optimizer

    @property
    def stopped_early(self) -> bool:
        """Whether patience has come to its end."""
        return self.selection is not None and self.selection.exhausted

    def run(self, steps: int) -> Iterator[Record]:
        """Train until ``steps`` updates have been made in all; an evaluation follows the step it belongs to."""
        while True:
            due = self.step % self.eval_every == 0 or self.step == steps
            if due and self._evaluated_step != self.step:
                yield self.evaluate()
            if self.step >= steps or self.stopped_early:
                return
            yield self.advance()

    # What overflows is found and named below; NumPy's warnings beside it would only puzzle.
    @np.errstate(over="ignore", invalid="ignore")
    def advance(self) -> StepRecord:
        """One step: a batch (or several), forward, loss, backward, update."""
        self._start.take()
        watched = self.watch_every is not None and self.step % self.watch_every == 0
        if watched:
            self._watch.before(self.batches.at(self.step * self.accumulate)[0])
            self._start.restore()
        loss = right = 0.0
        losses, rights = Joined(self.loss.reduction), Joined()
        for part in range(self.accumulate):
            batch_loss, batch_right, rows = self._gradients(self.step * self.accumulate + part)
            loss = losses.join(loss, batch_loss, self.loss.total_weight)
            right = rights.join(right, batch_right, rows)
        if self._accumulator is not None:
            self._accumulator.finish()
        try:
            self.update.apply(self.step, self._held_out_losses)
        except NonFiniteError:
            # clip_norm has met what no loss and no witness showed; nothing was updated, but the forward moved buffers
            self._start.restore()
            raise
        self.step += 1
        self.weights_step = self.step
        return StepRecord(self.step, loss, right, self._watch.after() if watched else None)

    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self) -> EvaluationRecord:
        """The model as it is now (averaged, if there is an average), over the whole held-out split.

        Raises NonFiniteError as ``advance`` does.
        """
        with self.update.averaged():
            found = evaluate(self.model, self.loss, self.held_out, self.batches.preprocessing, chunk=self.eval_chunk)
            record = EvaluationRecord(self.step, found.loss, found.accuracy)
            if math.isfinite(found.loss) and self.selection is not None:
                self.selection.see(record)
        if not math.isfinite(found.loss):
            place, in_data = held_out_place(self.held_out.images)
            self._fail(self.step, "the held-out loss must be finite, got NaN or infinity", place, in_data=in_data)
        self._good.take(self.step)
        self._evaluated_step = self.step
        self._held_out_losses.append(found.loss)
        return record

    @contextlib.contextmanager
    def chosen(self) -> Iterator[int]:
        """The model to be kept stands in ``model`` for a while; gives the step after which it was like that.

        With ``select`` it is that of the best evaluation, else the present one, averaged if there is an average.
        """
        if self.selection is None or not math.isfinite(self.selection.accuracy):
            with self.update.averaged():
                yield self.weights_step
            return
        now = Snapshot(self.model, self.parameters)
        self.selection.best.restore()
        try:
            yield self.selection.best.step
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
        progress = Progress(*counters, self._bound.first_loss, self._held_out_losses)
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
        self.failure = None

    def _load(self, state: Mapping[str, Array]) -> None:
        progress = Progress.of(state)
        for prefix, part in self._stateful().items():
            part.load_state(strip_prefix(prefix, state))
        self.step, self.weights_step, self._evaluated_step = progress[:3]
        self._bound.first_loss, self._held_out_losses = progress[3:]

    def _stateful(self) -> dict[str, Any]:
        parts = {"model/": self.model, "update/": self.update, "good/": self._good, "selection/": self.selection}
        return {prefix: part for prefix, part in parts.items() if part is not None}

    def _gradients(self, number: int) -> tuple[float, float, int]:
        """Loss, accuracy and rows of batch ``number``, its gradients in the model's, joined if several make a step."""
        x, y = self.batches.at(number)
        self._before.take()
        scores = self.model.forward(x)
        loss = float(self.loss.forward(scores, y))
        if not self._bound.holds(loss):
            self._fail_at(x, y, loss, "the loss")
        self.model.backward(self.loss.backward())
        if not all_finite(self._witness.grad):
            self._fail_at(x, y, loss, "gradients")
        if self._accumulator is not None:
            self._accumulator.add(self.loss.total_weight)
        return loss, accuracy(scores, y), len(x)

    def _fail_at(self, x: Array, y: Array, loss: float, what: str) -> None:
        """Find out where a batch goes wrong, keep what is needed to see it again, and raise."""
        self._before.restore()
        failure = failure_at(self.step + 1, what, self._bound, self.model, self.loss, (x, y), loss)
        self._start.restore()
        if self._accumulator is not None:
            self._accumulator.clear()
        self.failure, place = failure, failure.place
        in_data = place is not None and place.startswith("the data")
        self._fail(failure.step, failure.problem, place, in_data=in_data, keep=what == "gradients")

    def _fail(self, step: int, problem: str, place: str | None, *, in_data: bool, keep: bool = False) -> None:
        if not in_data and not keep:
            self._good.restore()
            self.weights_step = self._good.step
        raise diverged(problem, step, place, self.weights_step, in_data=in_data)
