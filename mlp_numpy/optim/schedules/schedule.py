"""What a schedule is, and the questions that the constructors of all of them ask."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import numpy as np

from mlp_numpy.errors import OptionError


@runtime_checkable
class Schedule(Protocol):
    """A factor on the base learning rate that depends on the step alone."""

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""


def require(who: str, name: str, value: object, holds: bool, bounds: str) -> None:
    """Raise OptionError unless a setting ``holds`` what its ``bounds`` say in words."""
    if not holds:
        raise OptionError(f"{who}: {name} must be {bounds}, got {value!r}.")


def is_between(value: object, low: float, high: float) -> bool:
    """Whether a value is a number strictly between two others."""
    return isinstance(value, float | int | np.number) and not isinstance(value, bool) and bool(low < value < high)


def fall(share: float) -> float:
    """Half a cosine wave, from 1 down to 0 while ``share`` goes from 0 to 1: (1 + cos(π share)) / 2."""
    return (1 + math.cos(math.pi * share)) / 2
