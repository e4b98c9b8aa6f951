"""The training loop, as a generator of records: the caller stops early with ``break``, and logs as it likes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import one_thread
from mlp_numpy.checks import whole_number
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.views import Views
from mlp_numpy.errors import CallOrderError, MlpNumpyError, NonFiniteError
from mlp_numpy.exchange.archive import strip_prefix, with_prefix
from mlp_numpy.modules import Joined, LossModule, Module, Sharded
from mlp_numpy.optim import Accumulator, Optimizer
from mlp_numpy.parallel import ALONE, Communicator
from mlp_numpy.training.agreement import agreed, shards_of
from mlp_numpy.training.best_model import best_by, selects
from mlp_numpy.training.diagnosis import Failure
from mlp_numpy.training.divergence import DivergenceGuard
from mlp_numpy.training.evaluation import Evaluation, evaluate
from mlp_numpy.training.layer_stats import LayerStats
from mlp_numpy.training.metrics import Metric, accuracy, chosen_metrics
from mlp_numpy.training.progress import Progress
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord
from mlp_numpy.training.snapshot import Snapshot
from mlp_numpy.training.update import Update


class Trainer:
    """Minibatch training of ``model`` under ``loss``; ``run`` yields a record of every step and evaluation.

        for record in trainer.run(1500):
            ...

    model        its output is the input of ``loss``: scores, probabilities or log-probabilities
    update       an optimizer that holds the model's FlatParameters, or an Update around one
    batches      the training examples of each step
    held_out     the split that is evaluated as a whole before the first step, every ``eval_every`` steps and after the
                 last; preprocessed as the batches are. None: no evaluation
    views        the views of each image that evaluations average the outputs over; None: the image itself
    accumulate   batches per update, with the gradient of one large batch; see ``Accumulator``
    metrics      what is measured besides the loss, by name or as a ``Metric``; None: ``DEFAULT_METRICS`` of the task
    select       keep the weights of the best evaluation as the ``chosen`` model; not meant for a test set
    monitor      with ``select``: the metric that it is the best by, or "loss"; None: the first of ``metrics``
    patience     with ``select``: stop after this many evaluations in a row without improvement
    min_delta    with ``patience``: the improvement must be larger than this
    max_growth   factor; a batch loss above max_growth · max(1, first batch loss) counts as exploded
    watch_every  steps between two measurements of the layers; see ``LayerStats``
    shards       parts of each batch that are computed side by side, see ``parallel.Sharded``; they decide the results
                 to the last bits. None: ``default_shards`` of the model
    threads      threads that compute them; affects the time alone. None: one per core that this process may use
    ranks        processes that share each batch, each with a Trainer of the same parts that makes the same steps, and
                 with shards / ranks of the shards; losses, metrics, gradients and so weights are those of the whole
                 batch, the same bits in all of them

    ``engine`` is the model as the batches run through it: itself, or Sharded.

    An exploded loss, or a NaN or an infinity in the loss, its gradients or a held-out loss, raises NonFiniteError
    before the update it would spoil; see ``DivergenceGuard``. (If a weight's gradient overflows although all its
    factors are finite, the error comes one step later, or at once from ``clip_norm``, which names the array.)

    Raises OptionError for invalid parts, or parts that do not fit together. ``state`` holds everything that later steps
    depend on: a trainer of the same parts that loads it continues bit for bit as this one would.
    """

    def __init__(
        self,
        model: Module,
        loss: LossModule,
        update: Optimizer | Update,
        batches: Batches,
        held_out: Split | None = None,
        *,
        eval_every: int = 100,
        eval_chunk: int = 1000,
        accumulate: int = 1,
        metrics: Sequence[str | Metric] | None = None,
        select: bool = False,
        monitor: str | None = None,
        patience: int | None = None,
        min_delta: float = 0.0,
        max_growth: float = 1e6,
        watch_every: int | None = None,
        shards: int | None = None,
        threads: int | None = None,
        views: Views | None = None,
        ranks: Communicator = ALONE,
    ) -> None:
        self.update = agreed(model, loss, update, batches, held_out)
        self.eval_every = whole_number("Trainer", "eval_every", eval_every)
        self.eval_chunk = whole_number("Trainer", "eval_chunk", eval_chunk)
        self.accumulate = whole_number("Trainer", "accumulate", accumulate)
        self.watch_every = None if watch_every is None else whole_number("Trainer", "watch_every", watch_every)
        self.views = views
        self.model, self.loss, self.batches, self.held_out = model, loss, batches, held_out
        self.parameters = self.update.optimizer.parameters
        last_finite = Snapshot(model, self.parameters, self.update.average)
        self.guard = DivergenceGuard(model, last_finite, max_growth, ranks)
        self.metrics = chosen_metrics("Trainer", (batches.split if held_out is None else held_out).task, metrics)
        chosen_by: dict[str, Any] = {"monitor": monitor, "patience": patience, "min_delta": min_delta}
        kept = Snapshot(model, self.parameters) if selects("Trainer", select, held_out, **chosen_by) else None
        self.best_model = None if kept is None else best_by("Trainer", kept, self.metrics, **chosen_by)
        self.shards, self.ranks = shards_of(model, batches, shards, ranks), ranks
        sharded = Sharded(model, self.shards, threads, ranks=ranks)
        self.workers = sharded.workers
        self.engine: Module = sharded if self.shards > 1 else model
        self.optimizer.workers = self.workers
        if isinstance(batches, Batches):
            batches.workers = self.workers
        self.step = 0
        self._layer_stats = LayerStats(model, self.parameters)
        self._evaluated_step = -1
        self._held_out_losses: list[float] = []
        self._accumulator = Accumulator(self.parameters, loss.reduction) if self.accumulate > 1 else None
        self._measures_accuracy = any(metric.name == "accuracy" for metric in self.metrics)

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer inside the update."""
        return self.update.optimizer

    @property
    def weights_step(self) -> int:
        """The step after which the model had its present weights; after a failed step, an earlier one."""
        return self.guard.weights_step

    @property
    def failure(self) -> Failure | None:
        """The failed step, if any."""
        return self.guard.failure

    @property
    def monitor(self) -> str:
        """The metric that evaluations are compared by, or "loss"."""
        return self.metrics[0].name if self.best_model is None else self.best_model.monitor

    @property
    def stopped_early(self) -> bool:
        """True if patience has run out."""
        return self.best_model is not None and self.best_model.exhausted

    def run(self, steps: int) -> Iterator[Record]:
        """Train up to ``steps`` updates in total; an evaluation follows the step it belongs to."""
        while True:
            due = self.step % self.eval_every == 0 or self.step == steps
            if due and self._evaluated_step != self.step and self.held_out is not None:
                yield self.evaluate()
            if self.step >= steps or self.stopped_early:
                return
            yield self.advance()

    # The guard reports overflows; silence NumPy's own warnings about them.
    @one_thread()
    @np.errstate(over="ignore", invalid="ignore")
    def advance(self) -> StepRecord:
        """Make one step: batch, forward, loss, backward, update; with ``accumulate``, several batches per update."""
        measuring = self._begin_step()
        loss, right = Joined(self.loss.reduction), Joined()
        for turn in range(self.step * self.accumulate, (self.step + 1) * self.accumulate):
            x, *targets = self._batch(turn)
            self.guard.before_batch(self.loss, x, *targets)
            scores = self.engine.forward(x)
            batch_loss = float(self.loss.forward(scores, *targets))
            self.guard.check_loss(batch_loss)
            self._backward(self.loss.backward())
            self.guard.check_gradients(batch_loss, summed=self._accumulator is None)
            loss.join_next(batch_loss, self.loss.total_weight)
            if self._measures_accuracy:
                right.join_next(accuracy(scores, *targets), float(targets[1].sum()) if targets[1:] else len(x))
            if self._accumulator is not None:
                self._accumulator.add(self.loss.total_weight)
        lr = self._update()
        self.step += 1
        self.guard.weights_step = self.step
        stats = self._layer_stats.after() if measuring else None
        return StepRecord(self.step, loss.value, right.value if self._measures_accuracy else math.nan, lr, stats)

    @one_thread()
    @np.errstate(over="ignore", invalid="ignore")
    def evaluate(self) -> EvaluationRecord:
        """Evaluate the current model (the average, if there is one) on the whole held-out split.

        Raises NonFiniteError as ``advance`` does, CallOrderError without a held-out split.
        """
        if self.held_out is None:
            raise CallOrderError("Trainer.evaluate: there must be a held_out split, got None.")
        with self.update.averaged():
            found = self.measured(self.held_out)
            record = found.record(self.step)
            if math.isfinite(found.loss) and self.best_model is not None:
                self.best_model.update(record)
        self.guard.check_evaluation(self.step, found.loss, self.held_out)
        self._evaluated_step = self.step
        self._held_out_losses.append(found.loss)
        return record

    @one_thread()
    def measured(self, split: Split) -> Evaluation:
        """The evaluation of the model, as it is, on any split, in the way of ``held_out``'s."""
        how: dict[str, Any] = {"chunk": self.eval_chunk, "metrics": self.metrics, "views": self.views}
        return evaluate(self.engine, self.loss, split, self.batches.preprocessing, ranks=self.ranks, **how)

    @contextlib.contextmanager
    def chosen(self) -> Iterator[int]:
        """Context in which ``model`` holds the weights to keep; yields the step they are from.

        With ``select`` they are those of the best evaluation, else the present ones, averaged if there is an average.
        """
        if self.best_model is None or not math.isfinite(self.best_model.value):
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
        """Load the ``chosen`` weights into the model permanently."""
        with self.chosen():
            kept = Snapshot(self.model, self.parameters)
        kept.restore()

    def state(self) -> dict[str, Array]:
        """Copies of everything that later steps depend on, for ``load_state``."""
        counters = (self.step, self.weights_step, self._evaluated_step)
        progress = Progress(*counters, self.guard.first_loss, self._held_out_losses)
        kept = progress.state()
        for prefix, part in self._stateful().items():
            kept |= with_prefix(prefix, part.state())
        return kept

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from the state of another trainer of the same parts; nothing is changed if it does not match.

        Raises UnknownNameError, ShapeError or DTypeError for names, shapes or dtypes that do not match.
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
        """Save what a failure would restore; measure the layers if they are due, and return True then.

        The measurement runs an extra forward of the first batch of the step.
        """
        self.guard.before_step(self.step + 1)
        if self.failure is not None and self._accumulator is not None:
            self._accumulator.clear()
        if self.watch_every is None or self.step % self.watch_every:
            return False
        self._layer_stats.before(self.batches.at(self.step * self.accumulate)[0])
        self.guard.undo()
        return True

    def _batch(self, turn: int) -> tuple[Array, ...]:
        """The batch of a turn, with the inputs of this rank's rows."""
        if self.ranks.size == 1:
            return self.batches.at(turn)
        return self.batches.at(turn, self.ranks)

    def _backward(self, dscores: Array) -> None:
        """Compute the gradients of a batch, and sum them over the ranks unless they are accumulated first."""
        # with several shards a rank, gradients are complete at the end of the backward pass only
        if self._accumulator is None and self.shards == self.ranks.size:
            self.ranks.begin_sum(self.parameters.grads)
        self.engine.backward(dscores)
        if self._accumulator is None:
            self.ranks.finish_sum(self.parameters.grads)

    def _update(self) -> float:
        """Apply the update and return its learning rate."""
        if self._accumulator is not None:
            self._accumulator.finish()
            self.ranks.sum_in_place(self.parameters.grads)
        try:
            return self.update.apply(self.step, self._held_out_losses)
        except NonFiniteError:  # from clip_norm: neither a loss nor the probe showed it; nothing was updated
            self.guard.undo()
            raise
