"""The optimizers by name, and the options that each takes."""

from __future__ import annotations

import inspect
from typing import Final

from mlp_numpy.optim.adadelta import Adadelta
from mlp_numpy.optim.adagrad import Adagrad
from mlp_numpy.optim.adam import Adam, AdamW
from mlp_numpy.optim.adamax import Adamax
from mlp_numpy.optim.muon import Muon
from mlp_numpy.optim.nadam import NAdam
from mlp_numpy.optim.optimizer import Optimizer
from mlp_numpy.optim.radam import RAdam
from mlp_numpy.optim.rmsprop import RMSprop
from mlp_numpy.optim.sgd import SGD

OPTIMIZERS: Final[dict[str, type[Optimizer]]] = {
    "sgd": SGD,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": NAdam,
    "adamax": Adamax,
    "radam": RAdam,
    "adadelta": Adadelta,
    "muon": Muon,
}
"""Every optimizer under the name that a run's settings give it."""


def optimizer_options(name: str) -> frozenset[str]:
    """The arguments of the optimizer ``name`` besides parameters and learning rate."""
    return frozenset(inspect.signature(OPTIMIZERS[name]).parameters) - {"parameters", "lr"}


def optimizers_with(option: str) -> list[str]:
    """The names of the optimizers that take ``option``."""
    return [name for name in OPTIMIZERS if option in optimizer_options(name)]
