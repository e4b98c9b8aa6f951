"""Optimizers on flat vectors of parameters and gradients; learning-rate schedules."""

from mlp_numpy.optim.accumulate import Accumulator
from mlp_numpy.optim.adadelta import Adadelta
from mlp_numpy.optim.adagrad import Adagrad
from mlp_numpy.optim.adam import Adam, AdamW
from mlp_numpy.optim.adamax import Adamax
from mlp_numpy.optim.averaging import Average
from mlp_numpy.optim.clipping import clip_norm, clip_value
from mlp_numpy.optim.flat import DecayScope, FlatParameters, n_parameters
from mlp_numpy.optim.groups import ParameterGroup
from mlp_numpy.optim.lbfgs import Minimum, minimize
from mlp_numpy.optim.lookahead import Lookahead
from mlp_numpy.optim.muon import Muon
from mlp_numpy.optim.nadam import NAdam
from mlp_numpy.optim.optimizer import Optimizer
from mlp_numpy.optim.penalty import L2Penalty
from mlp_numpy.optim.radam import RAdam
from mlp_numpy.optim.registry import OPTIMIZERS, optimizer_options
from mlp_numpy.optim.rmsprop import RMSprop
from mlp_numpy.optim.schedules import Plateau, Schedule, parse_schedule
from mlp_numpy.optim.sgd import SGD

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Accumulator",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Average",
    "DecayScope",
    "FlatParameters",
    "L2Penalty",
    "Lookahead",
    "Minimum",
    "Muon",
    "NAdam",
    "Optimizer",
    "ParameterGroup",
    "Plateau",
    "RAdam",
    "RMSprop",
    "Schedule",
    "clip_norm",
    "clip_value",
    "minimize",
    "n_parameters",
    "optimizer_options",
    "parse_schedule",
]
