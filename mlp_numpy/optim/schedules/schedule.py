"""Base class of the schedules, and checks shared by their constructors."""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

from mlp_numpy.checks import Bounds, number, whole_number


@runtime_checkable
class Schedule(Protocol):
    """A factor on the base learning rate that depends on the step alone."""

    def at(self, step: int) -> float:
        """The factor for update number ``step``, counted from 0."""


def take_number(schedule: Any, name: str, bounds: Bounds) -> None:
    """Convert a field of a frozen schedule to float; raises OptionError if it is not a number within ``bounds``."""
    object.__setattr__(schedule, name, number(type(schedule).__name__, name, getattr(schedule, name), bounds))


def take_whole(schedule: Any, name: str, least: int = 1) -> None:
    """Convert a field of a frozen schedule to int; raises OptionError if it is not an integer ≥ ``least``."""
    object.__setattr__(schedule, name, whole_number(type(schedule).__name__, name, getattr(schedule, name), least))


def checked_step(schedule: Any, step: Any) -> int:
    """``step`` as an int; raises OptionError if it is not an integer ≥ 0."""
    return whole_number(f"{type(schedule).__name__}.at", "step", step, least=0)


def fall(share: float) -> float:
    """Cosine decay from 1 to 0 for ``share`` from 0 to 1: (1 + cos(π share)) / 2."""
    return (1 + math.cos(math.pi * share)) / 2
