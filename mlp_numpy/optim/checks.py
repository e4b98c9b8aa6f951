"""What every optimizer's door asks: are these flat parameters, and is this number within its bounds?"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import is_whole
from mlp_numpy.errors import OptionError
from mlp_numpy.optim.flat import FlatParameters


class Bounds(NamedTuple):
    """The numbers from ``low`` to ``high``, neither included, and ``low`` itself if ``closed``; ``words`` say so."""

    words: str
    low: float
    high: float
    closed: bool


POSITIVE: Final = Bounds("> 0", 0, np.inf, closed=False)
NOT_NEGATIVE: Final = Bounds("≥ 0", 0, np.inf, closed=True)
SHARE: Final = Bounds("in [0, 1)", 0, 1, closed=True)


def number(who: str, name: str, value: Any, bounds: Bounds) -> float:
    """``value`` as a float; raises OptionError if it is no number within ``bounds``."""
    low, high = bounds.low, bounds.high
    known = isinstance(value, float | int | np.number) and not isinstance(value, bool)
    if not known or not (low < value < high or (bounds.closed and value == low)):
        raise OptionError(f"{who}: {name} must be a number {bounds.words}, got {value!r}.")
    return float(value)


def whole_number(who: str, name: str, value: Any) -> int:
    """``value`` as an int; raises OptionError if it is no whole number > 0."""
    if not is_whole(value, 1):
        raise OptionError(f"{who}: {name} must be a whole number > 0, got {value!r}.")
    return int(value)


def flat_parameters(who: str, parameters: Any) -> FlatParameters:
    """``parameters`` themselves; raises OptionError if they are not FlatParameters."""
    if not isinstance(parameters, FlatParameters):
        kind = type(parameters).__name__
        raise OptionError(f"{who}: parameters must be FlatParameters, got {kind}. Hint: FlatParameters(model).")
    return parameters
