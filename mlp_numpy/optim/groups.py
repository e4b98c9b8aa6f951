"""Parameter groups: arrays with a learning rate and a weight decay of their own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mlp_numpy.checks import NOT_NEGATIVE, number, shown
from mlp_numpy.errors import OptionError, UnknownNameError, unknown_name


class Factors(NamedTuple):
    """Factors on the learning rate and on the weight decay of an array."""

    lr: float = 1.0
    decay: float = 1.0


@dataclass(frozen=True)
class ParameterGroup:
    """Arrays of a model whose learning rate is ``lr_factor`` · lr and whose weight decay ``decay_factor`` · wd.

    names          dotted names of the arrays, as in ``named_parameters``
    lr_factor      ≥ 0; with 0 the arrays are frozen: no step, decay or momentum changes them
    decay_factor   ≥ 0; 1/lr_factor leaves the decrease per step, lr·wd·w, as it is without the group

    PyTorch's ``param_groups`` with ``lr=lr_factor·lr, weight_decay=decay_factor·wd``; a schedule acts on all groups.

    Raises OptionError for no names, and factors outside these bounds.
    """

    names: tuple[str, ...]
    lr_factor: float = 1.0
    decay_factor: float = 1.0

    def __post_init__(self) -> None:
        names = self.names
        if not isinstance(names, tuple | list) or not names or not all(isinstance(name, str) for name in names):
            raise OptionError(f"ParameterGroup: names must be a tuple of names of arrays, got {shown(names)}.")
        object.__setattr__(self, "names", tuple(names))
        for name in ("lr_factor", "decay_factor"):
            object.__setattr__(self, name, number("ParameterGroup", name, getattr(self, name), NOT_NEGATIVE))


def factors_of(who: str, groups: Sequence[Any], known: Collection[str]) -> dict[str, Factors]:
    """The factors of each array that is in one of ``groups``, by name.

    Raises OptionError for anything but groups and an array in two of them, UnknownNameError for a name that is not
    ``known``.
    """
    if not isinstance(groups, list | tuple):
        raise OptionError(f"{who}: groups must be a list of ParameterGroup, got {shown(groups)}.")
    found: dict[str, Factors] = {}
    for group in groups:
        if not isinstance(group, ParameterGroup):
            raise OptionError(f"{who}: groups must be a list of ParameterGroup, got {shown(group)}.")
        for name in group.names:
            if name not in known:
                raise UnknownNameError(f"{who}: groups: {unknown_name('array', name, known)}")
            if name in found:
                raise OptionError(f"{who}: every array must be in at most one group, got {name} twice.")
            found[name] = Factors(group.lr_factor, group.decay_factor)
    return found
