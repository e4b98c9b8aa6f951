"""Dropout: in training each value is set to zero with probability p, in evaluation none is."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Final

import numpy as np

from mlp_numpy.arrays import Array, Seed, generator, product
from mlp_numpy.autodiff import Context, Id, Op
from mlp_numpy.checks import FRACTION, allocatable, is_whole, number, shown, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module

_DRAWS: Final = 8
"""The 32-bit values that Philox draws for one value of its counter."""


class DropoutMask(Op):
    """
    Forward     out = m ⊙ x      m = 0 where a number is dropped, 1/(1 − p) where it is kept
    Backward    dx = m ⊙ dout
    Shapes      x, m, out, dout: any, all the same; m is a constant
    Caches      m
    Kinks       none
    Reference   Srivastava et al. 2014, "Dropout", section 4, with the division by 1 − p (its section 10) already in
                training, so that evaluation leaves x as it is
    """

    @staticmethod
    def forward(context: Context, x: Array, *, mask: Array) -> Array:
        context["mask"] = mask
        return product(mask, x)

    @staticmethod
    def backward(context: Context, dout: Array) -> Array:
        return product(context["mask"], dout)


class Dropout(Module):
    """Zeroes each value with probability ``p`` in training and divides the others by 1 − p; evaluation returns x.

    rng   seed of the masks, or a generator to draw that seed from, so that layers sharing a generator differ

    A mask is a pure function of the two values in ``buffers``: "seed", and "step", which counts the forwards in
    training. They are saved with the model, so a resumed run has the same masks as an uninterrupted one; setting "step"
    repeats a mask. A shard of a batch takes its rows of the batch's mask, at the step of the first shard in its
    process, which alone counts.

    Raises OptionError for p outside [0, 1).
    """

    op = DropoutMask
    _memory: ClassVar[dict[str, Any]] = {"_context": None, "_mask": None}

    def __init__(self, p: float = 0.5, *, rng: Seed = None) -> None:
        self.p = number("Dropout", "p", p, FRACTION)
        super().__init__()
        draws = generator(rng)
        seed = int(rng) % 2**64 if isinstance(rng, int | np.integer) else draws.integers(2**63)
        self.buffers["seed"] = np.array(seed, np.uint64)
        self.buffers["step"] = np.array(0, np.uint64)
        self._mask: Array | None = None

    def forward(self, x: Array) -> Array:
        """``x`` with a new dropout mask at each forward in training."""
        if self.training:
            x = self._check_batch("forward", "x", x)
            step = self._next_step()
            start = self.communicator.rows(len(x))[0].start
            self._mask = self.mask(step, x.shape, start).astype(x.real.dtype) / (1 - self.p)
        return super().forward(x)

    def mask(self, step: int, shape: tuple[int, ...], start: int = 0) -> Array:
        """The boolean mask of kept values at ``step``, from a counter-based generator: of a batch of ``shape``, or of
        that many rows of a larger batch, from its row ``start`` on.
        """
        step = whole_number("Dropout.mask", "step", step, least=0)
        start = whole_number("Dropout.mask", "start", start, least=0)
        if not isinstance(shape, tuple | list) or not all(is_whole(size, 0) for size in shape):
            raise OptionError(f"Dropout.mask: shape must be a tuple of integers, got {shown(shape)}.")
        size = math.prod(allocatable("Dropout.mask", tuple(shape)))
        count, skipped = divmod(start * math.prod(shape[1:]), _DRAWS)
        draws = np.random.Philox(key=int(self.buffers["seed"]), counter=[count, 0, 0, step])
        halves = draws.random_raw((skipped + size + 1) // 2).view(np.uint32)[skipped : skipped + size]
        kept: Array = halves >= np.uint32(self.p * 2**32)
        return kept.reshape(shape)

    def _next_step(self) -> int:
        """The step of this forward, the same for all shards of a batch.

        The first shard of a process sends its step to the others, since their buffer may be the same array, which it
        then changes. (Processes have their own buffers, all at the same step.)
        """
        local, step = self.communicator.local, self.buffers["step"]
        first = local.rank == 0
        sent = local.sum(np.array(step if first else 0, np.uint64))
        if first:
            step += np.uint64(1)
        return int(sent)

    def _active_op(self) -> type[Op]:
        return DropoutMask if self.training else Id

    def _op_kwargs(self) -> dict[str, Any]:
        return {"mask": self._mask} if self.training else {}

    def _repr_args(self) -> str:
        return f"{self.p:g}"
