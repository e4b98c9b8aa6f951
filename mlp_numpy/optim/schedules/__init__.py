"""Learning-rate schedules: factors on the base learning rate, pure functions of the step or of the losses so far.

    optimizer.lr = lr * schedule.at(step)         before update number ``step``, counted from 0
    optimizer.lr = lr * plateau.after(losses)     after each evaluation
    optimizer.momentum = cycle.momentum_at(step)  of a OneCycle with momenta

Schedules are stateless, so a resumed run has the same learning rates as an uninterrupted one.
"""

from mlp_numpy.optim.schedules.decay import (
    Constant,
    Cosine,
    Exponential,
    InverseSquareRoot,
    MultiStep,
    Polynomial,
    StepDecay,
    WarmRestarts,
)
from mlp_numpy.optim.schedules.parse import parse_schedule
from mlp_numpy.optim.schedules.plateau import Plateau
from mlp_numpy.optim.schedules.schedule import Schedule
from mlp_numpy.optim.schedules.warmup import OneCycle, WarmUp

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "InverseSquareRoot",
    "MultiStep",
    "OneCycle",
    "Plateau",
    "Polynomial",
    "Schedule",
    "StepDecay",
    "WarmRestarts",
    "WarmUp",
    "parse_schedule",
]
