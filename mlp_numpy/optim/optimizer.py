"""Base class of the optimizers: parameters, learning rate, slots, weight decay, blockwise updates; moment estimates."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.blas import axpby
from mlp_numpy.checks import NOT_NEGATIVE, POSITIVE, Bounds, flag, number
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import NamedArrays
from mlp_numpy.optim.blocks import Part, block_length, cut
from mlp_numpy.optim.flat import DecayScope, FlatParameters, flat_parameters
from mlp_numpy.parallel import SERIAL, Workers

_LEAST_BLOCKS: Final = 4
"""Blocks for one thread below which waking another takes longer than it saves."""


class Optimizer:
    """The base of all optimizers: ``step()`` updates ``parameters.values`` in place from ``parameters.grads``.

    parameters     the FlatParameters of the model
    lr             the learning rate, > 0; may be changed between steps, also to 0, as at the end of a schedule
    slots          names of the state vectors, one value per parameter, initialized to zeros
    weight_decay   wd ≥ 0; g ← g + wd·w before everything else, or, decoupled, w ← w − lr·wd·w
    decay          the decayed arrays: "all" as in PyTorch, or only the "weights", those of two or more dimensions
    maximize       ascend instead of descend: g ← −g before everything else, also in the formulas of the subclasses

    Groups of ``parameters`` multiply lr and wd by factors of their own; a factor of 0 on lr freezes their arrays.

    A subclass names its slots and implements ``_update`` for a block of the vectors. Blocks are independent of each
    other. ``grads`` is not modified.

    Raises OptionError for anything but FlatParameters, for values out of bounds, and for a ``decay`` without effect,
    because there is no weight decay or no weights.
    """

    decoupled_weight_decay: bool = False
    """True if weight decay is applied to the weights instead of the gradient."""
    workers: Workers = SERIAL
    """Threads that share the blocks of an update; a Trainer sets its own. The result is the same for any of them."""

    def __init__(
        self,
        parameters: FlatParameters,
        lr: float,
        *,
        slots: tuple[str, ...],
        weight_decay: float,
        decay: DecayScope,
        maximize: bool = False,
    ) -> None:
        who = type(self).__name__
        self.parameters = flat_parameters(who, parameters)
        self.lr = number(who, "lr", lr, POSITIVE)
        self.weight_decay = number(who, "weight_decay", weight_decay, NOT_NEGATIVE)
        decayed = parameters.parts(decay)
        if decay != "all" and not self.weight_decay:
            raise OptionError(f"{who}: decay={decay!r} must come with a weight_decay > 0, got 0.")
        self.decay: DecayScope = decay
        self.maximize = flag(who, "maximize", maximize)
        self._slots = {name: np.zeros_like(parameters.values) for name in slots}
        self._steps = 0
        # All other state that the next step depends on, except the learning rate; the slots are the same arrays.
        self._kept: dict[str, Array] = dict(self._slots)
        block = min(block_length(parameters.values.dtype), len(parameters))
        self._parts = cut(len(parameters), decayed, self.weight_decay, block, parameters.stretches)
        self._block = block
        self._scratch: list[Array] = []

    def _denominator_eps(self, eps: float) -> float:
        """``eps`` as a float; OptionError if it is below the smallest normal number of the parameters' dtype.

        A smaller one rounds to 0, and a parameter whose gradients are all 0 would be updated by 0/0.
        """
        who, dtype = type(self).__name__, self.parameters.values.dtype
        tiny = float(np.finfo(dtype).tiny)
        bounds = Bounds(f"a number > 0, at least {tiny:.3g} in {dtype}", tiny, math.inf, low_included=True)
        return number(who, "eps", eps, bounds)

    @property
    def lr(self) -> float:
        """The learning rate; setting it to anything but a number ≥ 0 raises OptionError."""
        return self._lr

    @lr.setter
    def lr(self, value: float) -> None:
        self._lr = number(type(self).__name__, "lr", value, NOT_NEGATIVE)

    @property
    def steps(self) -> int:
        """The number of updates so far."""
        return self._steps

    def step(self) -> None:
        """One update of all parameters from their gradients."""
        self._steps += 1
        n_workers = self._n_workers(len(self._parts) * self._block)
        while len(self._scratch) < n_workers:
            self._scratch.append(np.empty((3, self._block), self.parameters.values.dtype))
        self.workers.run(lambda part: self._update_parts(self._parts[part::n_workers], self._scratch[part]), n_workers)

    def _n_workers(self, n_values: int) -> int:
        """How many threads share the update of so many values: each has several blocks."""
        return max(1, min(self.workers.size, n_values // (_LEAST_BLOCKS * block_length(self.parameters.values.dtype))))

    def _update_parts(self, parts: Sequence[Part], work: Array) -> None:
        w, grads = self.parameters.values, self.parameters.grads
        slots = self._slots.values()
        for where, wd, factor in parts:
            lr = self.lr * factor
            decayed, *scratch = work[:, : where.stop - where.start]
            g = grads[where]
            if wd and not self.decoupled_weight_decay:
                g = np.multiply(w[where], wd, out=decayed)  # g ← g + wd·w, or wd·w − g
                (np.subtract if self.maximize else np.add)(g, grads[where], out=g)
            else:
                if wd:
                    w[where] *= 1 - lr * wd  # w ← w − lr·wd·w
                if self.maximize:
                    g = np.negative(g, out=decayed)  # g ← −g
            self._update(w[where], g, [slot[where] for slot in slots], scratch, lr)

    def _update(self, w: Array, g: Array, slots: list[Array], scratch: list[Array], lr: float) -> None:
        """Update one block of the parameters ``w`` and of the slots by the learning rate ``lr`` of its group.

        ``g`` is read-only, ``scratch`` is workspace.
        """
        raise OptionError(f"{type(self).__name__}.step: subclasses must implement `_update`.")

    def state(self) -> dict[str, Array]:
        """Copies of all state that the next step depends on, except the learning rate: "steps" and the slots."""
        return {"steps": np.array(self._steps, np.int64), **{name: array.copy() for name, array in self._kept.items()}}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Restore the result of ``state``; nothing is changed in case of an error.

        Raises UnknownNameError, ShapeError or DTypeError if names, shapes or dtypes do not match, and OptionError for a
        negative number of steps.
        """
        steps = np.array(self._steps, np.int64)
        kept = NamedArrays(f"{self!r}.load_state", {"steps": steps, **self._kept})
        found = kept.checked(state)["steps"]
        if found < 0:
            raise OptionError(f"{self!r}.load_state: steps must be ≥ 0, got {found}.")
        kept.assign(state)
        self._steps = int(steps)

    def __repr__(self) -> str:
        options = [
            f", {name}={_words(getattr(self, name))}"
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if parameter.kind is parameter.KEYWORD_ONLY and getattr(self, name) != parameter.default
        ]
        return f"{type(self).__name__}(lr={self.lr:g}{''.join(options)})"


def checked_decoupling(who: str, decoupled_weight_decay: bool, weight_decay: float) -> bool:
    """``decoupled_weight_decay`` as a bool; raises OptionError if it is none, or True without a weight decay."""
    decoupled = flag(who, "decoupled_weight_decay", decoupled_weight_decay)
    if decoupled and not number(who, "weight_decay", weight_decay, NOT_NEGATIVE):
        raise OptionError(f"{who}: decoupled_weight_decay must come with a weight_decay > 0, got 0.")
    return decoupled


def _words(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value)


def update_moment(m: Array, x: Array, beta: float, scratch: Array) -> None:
    """``m ← m + (1 − β)(x − m)``, which is β m + (1 − β) x in the order of operations of PyTorch's ``lerp``."""
    np.subtract(x, m, out=scratch)
    axpby(1 - beta, scratch, 1, m)


def mean_of_squares(v: Array, x: Array, beta: float, scratch: Array) -> None:
    """``v ← β v + (1 − β) x²``."""
    np.multiply(x, x, out=scratch)
    axpby(1 - beta, scratch, beta, v)
