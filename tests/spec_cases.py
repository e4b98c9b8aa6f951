"""The table of modules, line by line, as the tests draw from it: the samples of the specs below a seed of their own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mlp_numpy import LossModule, Module
from mlp_numpy.arrays import Array
from mlp_numpy.checking import SPECS
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.checking.specs.spec import Mode, Spec

SEED = 14


@dataclass(frozen=True)
class Line:
    """One variant of one spec in one mode."""

    spec: Spec
    variant: str
    mode: Mode

    def sample(self, case: int, n_rows: int | None = None) -> Sample:
        return self.spec.sample(SEED, case, self.variant, self.mode, n_rows)

    def loss(self, case: int, n_rows: int) -> tuple[LossModule, Array, Array]:
        """A loss with predictions and labels, and no weights."""
        sample = self.sample(case, n_rows)
        return sample.module, sample.x, sample.y

    def __str__(self) -> str:
        return self.spec.title(self.variant, self.mode)


LINES = [Line(spec, *line) for spec in SPECS for line in spec.lines()]
LOSSES = [line for line in LINES if issubclass(line.spec.module, LossModule)]
EVERY_LINE = pytest.mark.parametrize("line", LINES, ids=str)
# Labels are one-hot in 2, soft in 7 and 11; rows have weights in 5, 7 and 11; sizes are 1 in 0, equal in 2; 7 has ties.
CASES = (0, 2, 5, 7, 11)
EVERY_CASE = pytest.mark.parametrize("case", CASES)
# With whole labels 0, 4, 5, 8, 9, 17, 25, with several positions 5 and 7: each option of a loss comes alone and with
# every other, as test_losses.py asserts.
LOSS_CASES = (0, 2, 4, 5, 7, 8, 9, 11, 17, 25)
EVERY_LOSS_CASE = pytest.mark.parametrize("case", LOSS_CASES)


def forward(module: Module, sample: Sample, x: Array | None = None, y: Array | None = None, **options: Array) -> Array:
    """The forward of the sample's batch, or of another."""
    x = sample.x if x is None else x
    if not isinstance(module, LossModule):
        return module.forward(x)
    return module.forward(x, sample.y if y is None else y, **(sample.options | options))


def dout_of(out: Array) -> Array:
    return np.asarray(np.random.default_rng(5).normal(size=np.shape(out)))


def gradients(module: Module, dout: Array) -> dict[str, Array]:
    """All gradients of one backward, copied; an input layer has none of x."""
    dx = module.backward(dout)
    found = {} if dx is None else {"x": np.array(dx)}
    return found | {name: array.grad.copy() for name, array in module.named_parameters()}
