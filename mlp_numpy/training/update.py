"""From gradients to new weights: penalty, clipping, learning rate, optimizer, lookahead, average."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

from mlp_numpy.arrays import Array
from mlp_numpy.checks import POSITIVE, instance, number, shown
from mlp_numpy.errors import OptionError
from mlp_numpy.exchange.archive import strip_prefix, with_prefix
from mlp_numpy.optim import Average, L2Penalty, Lookahead, Optimizer, Plateau, Schedule, clip_norm, clip_value
from mlp_numpy.optim.schedules import OneCycle


class Update:
    """One update of the weights from their gradients, in this order; parts that are None are left out:

        g ← g + ∂(penalty)/∂w           penalty, an L2Penalty
        g ← clipped                     clip_value, then clip_norm
        lr ← lr₀ · schedule(step)       lr₀ is the optimizer's learning rate when the Update is made
        μ ← schedule's momentum         the optimizer's ``momentum`` or ``beta1``, for a OneCycle with ``momenta``
        w ← the optimizer's step
        w ← pulled back                 lookahead, a Lookahead, every few steps
        a ← the average's step          average, an Average; it is evaluated and saved

    Raises OptionError for parts of other types, bounds that are not > 0, and parts made for other parameters than the
    optimizer's, and for cycled momenta of an optimizer without momentum.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        *,
        schedule: Schedule | Plateau | None = None,
        penalty: L2Penalty | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        average: Average | None = None,
        lookahead: Lookahead | None = None,
    ) -> None:
        instance("Update", "optimizer", optimizer, Optimizer)
        if schedule is not None and not isinstance(schedule, Schedule | Plateau):
            raise OptionError(f"Update: schedule must be a function of the step, with at(step), got {shown(schedule)}.")
        parts = (("penalty", penalty, L2Penalty), ("average", average, Average), ("lookahead", lookahead, Lookahead))
        for name, part, kind in parts:
            if part is not None:
                instance("Update", name, part, kind)
        for part in (penalty, average, lookahead):
            if part is not None and part.parameters is not optimizer.parameters:
                raise OptionError(f"Update: {part!r} must be made for the optimizer's parameters, got others.")
        self.optimizer, self.schedule, self.penalty, self.average = optimizer, schedule, penalty, average
        self.lookahead = lookahead
        self.clip_norm = None if clip_norm is None else number("Update", "clip_norm", clip_norm, POSITIVE)
        self.clip_value = None if clip_value is None else number("Update", "clip_value", clip_value, POSITIVE)
        self.base_lr = optimizer.lr
        self._heard: tuple[list[float], float] | None = None
        self._momentum = ""
        if isinstance(schedule, OneCycle) and schedule.momenta is not None:
            self._momentum = next((name for name in ("momentum", "beta1") if getattr(optimizer, name, 0)), "")
            if not self._momentum:
                raise OptionError(
                    f"Update: {schedule!r} must cycle an optimizer's momentum or beta1 above 0, got {optimizer!r}."
                )

    def apply(self, step: int, held_out_losses: Sequence[float]) -> float:
        """Apply update number ``step``, counted from 0, and return its learning rate.

        held_out_losses   losses of the evaluations so far, for a Plateau schedule
        """
        parameters = self.optimizer.parameters
        if self.penalty is not None:
            self.penalty.add()
        if self.clip_value is not None:
            clip_value(parameters, self.clip_value)
        if self.clip_norm is not None:
            clip_norm(parameters, self.clip_norm)
        if self.schedule is not None:
            self.optimizer.lr = self.lr_at(step, held_out_losses)
        if self._momentum and isinstance(self.schedule, OneCycle):
            setattr(self.optimizer, self._momentum, self.schedule.momentum_at(step))
        self.optimizer.step()
        if self.lookahead is not None:
            self.lookahead.update(step + 1)
        if self.average is not None:
            self.average.update()
        return self.optimizer.lr

    def lr_at(self, step: int, held_out_losses: Sequence[float]) -> float:
        """The learning rate of update number ``step``, counted from 0, after evaluations with these losses."""
        if isinstance(self.schedule, Plateau):
            losses = list(held_out_losses)
            if self._heard is None or self._heard[0] != losses:  # most steps have heard of no new evaluation
                self._heard = losses, self.schedule.after(losses)
            return self.base_lr * self._heard[1]
        return self.base_lr if self.schedule is None else self.base_lr * self.schedule.at(step)

    @contextlib.contextmanager
    def averaged(self) -> Iterator[None]:
        """Context in which the model holds the averaged weights, if there is an average."""
        if self.average is None:
            yield
        else:
            with self.average.in_place():
                yield

    def state(self) -> dict[str, Array]:
        """Copies of everything that the next update depends on except weights and gradients, for ``load_state``."""
        kept = with_prefix("optimizer/", self.optimizer.state())
        for prefix, part in self._stateful().items():
            kept |= with_prefix(prefix, part.state())
        return kept

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Continue from the state of another update of the same parts."""
        self.optimizer.load_state(strip_prefix("optimizer/", state))
        for prefix, part in self._stateful().items():
            part.load_state(strip_prefix(prefix, state))

    def _stateful(self) -> dict[str, Average | Lookahead]:
        parts = {"average/": self.average, "lookahead/": self.lookahead}
        return {prefix: part for prefix, part in parts.items() if part is not None}
