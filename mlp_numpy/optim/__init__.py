"""Optimizers: they see two vectors, the parameters and their gradients, and never a layer."""

from mlp_numpy.optim.adam import Adam
from mlp_numpy.optim.flat import FlatParameters, n_parameters
from mlp_numpy.optim.sgd import SGD

__all__ = ["SGD", "Adam", "FlatParameters", "n_parameters"]
