"""Optimizers, which see two vectors, the parameters and their gradients, and never a layer; learning-rate schedules."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp_numpy.optim.accumulate import Accumulator
from mlp_numpy.optim.adagrad import Adagrad
from mlp_numpy.optim.adam import Adam, AdamW
from mlp_numpy.optim.averaging import Average
from mlp_numpy.optim.clipping import clip_norm, clip_value
from mlp_numpy.optim.flat import FlatParameters, Over, n_parameters
from mlp_numpy.optim.nadam import NAdam
from mlp_numpy.optim.optimizer import Optimizer
from mlp_numpy.optim.penalty import L2Penalty
from mlp_numpy.optim.rmsprop import RMSprop
from mlp_numpy.optim.schedules import Plateau, Schedule, parse_schedule
from mlp_numpy.optim.sgd import SGD

# SciPy's optimizers take longer to import than all the rest: they are imported when ``minimize`` is asked for.
if TYPE_CHECKING:
    from mlp_numpy.optim.lbfgs import Minimum, minimize
else:

    def __getattr__(name: str) -> Any:
        if name in ("Minimum", "minimize"):
            return getattr(import_module("mlp_numpy.optim.lbfgs"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "SGD",
    "Accumulator",
    "Adagrad",
    "Adam",
    "AdamW",
    "Average",
    "FlatParameters",
    "L2Penalty",
    "Minimum",
    "NAdam",
    "Optimizer",
    "Over",
    "Plateau",
    "RMSprop",
    "Schedule",
    "clip_norm",
    "clip_value",
    "minimize",
    "n_parameters",
    "parse_schedule",
]
