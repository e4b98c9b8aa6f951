"""The losses by name, each for one task and for raw scores or outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mlp_numpy.data.targets import Task
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.modules.losses.base import LossModule
from mlp_numpy.modules.losses.binary import BCEWithLogitsModule
from mlp_numpy.modules.losses.cross_entropy import SoftMaxCrossEntropyModule
from mlp_numpy.modules.losses.hinge import HingeModule
from mlp_numpy.modules.losses.regression import HuberModule, L1Module, MSEModule


class KnownLoss(NamedTuple):
    """A loss with its task, and its label on an axis."""

    build: Callable[..., LossModule]
    task: Task
    label: str


KNOWN_LOSSES: Final = {
    "cross-entropy": KnownLoss(SoftMaxCrossEntropyModule, "classification", "cross-entropy loss"),
    "hinge": KnownLoss(HingeModule, "classification", "hinge loss"),
    "binary-cross-entropy": KnownLoss(BCEWithLogitsModule, "multilabel", "binary cross-entropy loss"),
    "mse": KnownLoss(MSEModule, "regression", "mean squared error, standardized targets"),
    "mae": KnownLoss(L1Module, "regression", "mean absolute error, standardized targets"),
    "huber": KnownLoss(HuberModule, "regression", "Huber loss, standardized targets"),
}
"""The losses by name; the first of a task is its default."""


def loss_name(name: str, task: Task) -> str:
    """The name in ``KNOWN_LOSSES`` of a loss for ``task``; "auto" is the default of the task.

    Raises OptionError for an unknown name, or the loss of another task.
    """
    fitting = [each for each, known in KNOWN_LOSSES.items() if known.task == task]
    if name == "auto":
        return fitting[0]
    if name not in KNOWN_LOSSES:
        raise unknown_name("loss", name, ("auto", *KNOWN_LOSSES))
    if name not in fitting:
        raise OptionError(f"loss must be one for a {task}: {', '.join(fitting)}, got {name}.")
    return name


def build_loss(name: str, task: Task, options: Mapping[str, Any] | None = None) -> LossModule:
    """A new loss by ``loss_name``, with those of ``options`` that it takes; others must be 0.

    Raises OptionError as ``loss_name`` does, and for an option without effect.
    """
    chosen = loss_name(name, task)
    taken = options_of_loss(chosen)
    for option, value in (options or {}).items():
        if value and option not in taken:
            takers = ", ".join(each for each in KNOWN_LOSSES if option in options_of_loss(each))
            raise OptionError(f"{option} must come with loss {takers}, has no effect with {chosen}.")
    return KNOWN_LOSSES[chosen].build(**{name: value for name, value in (options or {}).items() if name in taken})


def options_of_loss(name: str) -> set[str]:
    """The arguments of a loss."""
    return set(inspect.signature(KNOWN_LOSSES[name].build).parameters)
