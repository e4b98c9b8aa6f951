"""Divergence guard: stops training before an update with non-finite values, and reports where they appear."""

from __future__ import annotations

import math
from typing import Final, NoReturn

import numpy as np

from mlp_numpy.arrays import Array, Parameter, all_finite
from mlp_numpy.checks import Bounds, number
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.modules import LossModule, Module
from mlp_numpy.parallel import ALONE, Communicator
from mlp_numpy.training.diagnosis import Failure, first_nonfinite
from mlp_numpy.training.snapshot import Buffers, Snapshot

_GROWTH: Final = Bounds("> 0", 0, np.inf, high_included=True)


class DivergenceGuard:
    """Checks the steps of a training, and keeps what is needed to undo one.

    communicator  the processes that share each batch; all of them fail, and in the same way
    max_growth    factor; a batch loss above max_growth · max(1, first batch loss) counts as exploded
    last_finite   the model at the last evaluation with a finite loss
    weights_step  the step after which the model had its present weights
    failure       the failed step, for a replay; None if none failed

    Each check raises NonFiniteError **before** the update that the bad value would spoil, and names the step, the first
    layer that shows it and its first bad element. The model is then as before the step; but if finite data give no
    finite loss with the present weights, it is ``last_finite``.

    Raises OptionError for a ``max_growth`` that is not > 0.
    """

    def __init__(
        self, model: Module, last_finite: Snapshot, max_growth: float, communicator: Communicator = ALONE
    ) -> None:
        self.max_growth = number("Trainer", "max_growth", max_growth, _GROWTH)
        self.first_loss = math.nan
        self.last_finite = last_finite
        self.weights_step = 0
        self.failure: Failure | None = None
        self._model, self._communicator = model, communicator
        self._before_step, self._before_batch = Buffers(model), Buffers(model)
        self._probe = probe_gradient(model)
        self._step = 0
        self._batch: tuple[LossModule, Array, tuple[Array, ...]]

    def before_step(self, step: int) -> None:
        """Save the buffers before update number ``step``, counted from 1."""
        self._step = step
        self._before_step.take()

    def before_batch(self, loss: LossModule, x: Array, *targets: Array) -> None:
        """Save a batch (inputs, targets and weights, if any), its loss module, and the buffers that its forward will
        change."""
        self._batch = loss, x, targets
        self._before_batch.take()

    def undo(self) -> None:
        """Restore the buffers that the forwards of this step changed."""
        self._before_step.restore()

    def check_loss(self, loss: float) -> None:
        """Raise NonFiniteError for a batch loss that is not finite or exceeds ``bound``; the first loss sets it."""
        if math.isnan(self.first_loss):
            self.first_loss = loss
        # an infinite first loss would have no bound, so a loss must be finite too
        if not (math.isfinite(loss) and loss <= self.bound):
            self._fail_in_batch(loss, "the loss")

    def check_gradients(self, loss: float, *, summed: bool = True) -> None:
        """Raise NonFiniteError for non-finite gradients, of a batch with this loss.

        summed   they are already those of the whole batch, for each of the processes that share it
        """
        if not all_finite(self._probe.grad if summed else self._communicator.sum(self._probe.grad)):
            self._fail_in_batch(loss, "gradients")

    def check_evaluation(self, step: int, loss: float, split: Split) -> None:
        """Raise NonFiniteError for a non-finite held-out loss; else save the model as ``last_finite``."""
        if math.isfinite(loss):
            self.last_finite.take(step)
            return
        in_data = not split.all_finite()
        place = "the data held out" if in_data else "the held-out part"
        self._stop(step, "the held-out loss must be finite, got NaN or infinity", place, in_data=in_data)

    @property
    def bound(self) -> float:
        """Upper bound of a batch loss."""
        return self.max_growth * max(1.0, self.first_loss)

    def _fail_in_batch(self, loss: float, what: str) -> NoReturn:
        """Locate the problem in the batch, store the Failure, and raise."""
        self._before_batch.restore()
        module, x, targets = self._batch
        x = self._communicator.joined(x[self._communicator.own_rows(len(x))], len(x))
        state, place = self._model.state(), first_nonfinite(self._model, module, x, *targets)
        problem = f"{what} must be finite, got NaN or infinity"
        if place is None:
            problem = f"{what} must not exceed {self.bound:g} (the first one was {self.first_loss:g}), got {loss:g}"
        self.failure = Failure(self._step, problem, place, loss, state, x.copy(), *(each.copy() for each in targets))
        self.undo()
        in_data = place is not None and place.startswith("the data")
        self._stop(self._step, problem, place, in_data=in_data, keep=what == "gradients")

    def _stop(self, step: int, problem: str, place: str | None, *, in_data: bool, keep: bool = False) -> NoReturn:
        if not in_data and not keep:
            self.last_finite.restore()
            self.weights_step = self.last_finite.step
        hint = "look at the data" if in_data else "a smaller learning rate, or another preprocessing or initialization"
        raise NonFiniteError(
            f"Trainer.run: {problem} at step {step}{f', first in {place}' if place else ''}. "
            f"The weights are those after step {self.weights_step}. Hint: {hint}."
        )


def probe_gradient(model: Module) -> Parameter:
    """The smallest parameter of the first layer that has any.

    Its gradient is computed last, through every later layer, and a NaN or an infinity on that path persists. Checking
    these few values replaces a pass over all gradients, which costs 4 % of a step of a large net.
    """
    found = list(model.named_parameters())
    first_layer = found[0][0].rpartition(".")[0]
    return min(
        (array for name, array in found if name.rpartition(".")[0] == first_layer), key=lambda array: array.value.size
    )
