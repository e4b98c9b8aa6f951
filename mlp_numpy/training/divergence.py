"""The guard of a training against numbers that are not finite: it stops a step before the update, and says where."""

from __future__ import annotations

import math
from typing import Final, NoReturn

import numpy as np

from mlp_numpy.arrays import Array, Parameter, all_finite
from mlp_numpy.checks import Bounds, number
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.modules import LossModule, Module
from mlp_numpy.training.diagnosis import Failure, first_nonfinite
from mlp_numpy.training.snapshot import Buffers, Snapshot

_GROWTH: Final = Bounds("> 0", 0, np.inf, high_included=True)


class DivergenceGuard:
    """Watches over the steps of a training, and keeps what is needed to undo one.

    max_growth    a batch loss above this many times the first one's, or this number if that was below 1, has exploded
    last_finite   the model of the last evaluation, whose loss was finite
    weights_step  the step after which the model was as it is now
    failure       what is needed to see the failed step again; None as long as none failed

    Each check raises NonFiniteError **before** the update that the bad number would spoil, and names the step, the
    layer that shows it first and there the first bad element. The model is then what it was before the step; but where
    finite data met weights that already give no finite loss, it is ``last_finite``.

    Raises OptionError for a ``max_growth`` that is not > 0.
    """

    def __init__(self, model: Module, last_finite: Snapshot, max_growth: float) -> None:
        self.max_growth = number("Trainer", "max_growth", max_growth, _GROWTH)
        self.first_loss = math.nan
        self.last_finite = last_finite
        self.weights_step = 0
        self.failure: Failure | None = None
        self._model = model
        self._before_step, self._before_batch = Buffers(model), Buffers(model)
        self._probe = probe_gradient(model)
        self._step = 0
        self._batch: tuple[LossModule, Array, Array]

    def before_step(self, step: int) -> None:
        """Remember what update number ``step``, counted from 1, could have to put back."""
        self._step = step
        self._before_step.take()

    def before_batch(self, loss: LossModule, x: Array, y: Array) -> None:
        """Remember a batch of this loss, and the buffers that its forward will change."""
        self._batch = loss, x, y
        self._before_batch.take()

    def undo(self) -> None:
        """Put the buffers back that the forwards of this step changed."""
        self._before_step.restore()

    def check_loss(self, loss: float) -> None:
        """Stop at a batch loss that is not finite, or beyond its bound; the first loss sets the bound."""
        if math.isnan(self.first_loss):
            self.first_loss = loss
        # an infinite first loss would have no bound, so a loss must be finite too
        if not (math.isfinite(loss) and loss <= self.bound):
            self._fail_in_batch(loss, "the loss")

    def check_gradients(self, loss: float) -> None:
        """Stop at gradients that are not finite, of a batch with this loss."""
        if not all_finite(self._probe.grad):
            self._fail_in_batch(loss, "gradients")

    def check_evaluation(self, step: int, loss: float, split: Split) -> None:
        """Stop at a held-out loss that is not finite; keep the model where it is."""
        if math.isfinite(loss):
            self.last_finite.take(step)
            return
        in_data = split.images.dtype.kind == "f" and not all_finite(split.images)
        place = "the data held out" if in_data else "the held-out part"
        self._stop(step, "the held-out loss must be finite, got NaN or infinity", place, in_data=in_data)

    @property
    def bound(self) -> float:
        """The loss that a batch must not exceed."""
        return self.max_growth * max(1.0, self.first_loss)

    def _fail_in_batch(self, loss: float, what: str) -> NoReturn:
        """Find out where the batch goes wrong, keep what is needed to see it again, and raise."""
        self._before_batch.restore()
        module, x, y = self._batch
        state, place = self._model.state(), first_nonfinite(self._model, module, x, y)
        problem = f"{what} must be finite, got NaN or infinity"
        if place is None:
            problem = f"{what} must not exceed {self.bound:g} (the first one was {self.first_loss:g}), got {loss:g}"
        self.failure = Failure(self._step, problem, place, loss, state, x.copy(), y.copy())
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
    """The parameter of the first layer with any whose gradient is the smallest array.

    It is computed last, from what has come through every layer behind it, and a NaN or an infinity on that way stays
    one. So these few values show what would cost a pass over all gradients, 4 % of a step of a large net.
    """
    found = list(model.named_parameters())
    first_layer = found[0][0].rpartition(".")[0]
    return min(
        (array for name, array in found if name.rpartition(".")[0] == first_layer), key=lambda array: array.value.size
    )
