"""Learning-rate schedules: factors on the base learning rate, pure functions of the step or of the losses so far.

    optimizer.lr = lr * schedule.at(step)         before update number ``step``, counted from 0
    optimizer.lr = lr * plateau.after(losses)     after each evaluation

Schedules are stateless, so a resumed run has the same learning rates as an uninterrupted one.
"""

from mlp_numpy.optim.schedules.decay import Constant, Cosine, Exponential, StepDecay
from mlp_numpy.optim.schedules.parse import parse_schedule
from mlp_numpy.optim.schedules.plateau import Plateau
from mlp_numpy.optim.schedules.schedule import Schedule
from mlp_numpy.optim.schedules.warmup import OneCycle, WarmUp

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "OneCycle",
    "Plateau",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "parse_schedule",
]
