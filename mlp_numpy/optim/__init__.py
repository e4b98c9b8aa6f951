"""Optimizers, which see two vectors, the parameters and their gradients, and never a layer; learning-rate schedules."""

from mlp_numpy.optim.adam import Adam
from mlp_numpy.optim.flat import FlatParameters, n_parameters
from mlp_numpy.optim.schedules import Plateau, Schedule, parse_schedule
from mlp_numpy.optim.sgd import SGD

__all__ = ["SGD", "Adam", "FlatParameters", "Plateau", "Schedule", "n_parameters", "parse_schedule"]
