"""A network described in words that a file can hold, and built again from them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, shown, whole_number
from mlp_numpy.errors import MlpNumpyError, OptionError
from mlp_numpy.models.conv_net import ConvNet, SmallConvNet
from mlp_numpy.models.mlp import MLP, ResidualMLP
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import Initializer

BUILDERS: Final[dict[str, Callable[..., Classifier]]] = {
    builder.__name__: builder for builder in (MLP, ResidualMLP, ConvNet, SmallConvNet)
}
"""The networks that can be described."""


def describe_model(model: Classifier) -> dict[str, Any]:
    """What ``build`` needs to make a network of the same layers: builder, arguments and kind of number.

    Raises OptionError for a network that is none of ``BUILDERS``.
    """
    name = type(model).__name__
    if type(model) is not BUILDERS.get(name):
        raise OptionError(f"describe: the model must be one of {', '.join(BUILDERS)}, got {name}.")
    dtype = next(learned.value.dtype for _, learned in model.named_parameters())
    return {"builder": name, "arguments": model.arguments(), "dtype": str(dtype)}


def build(
    description: Mapping[str, Any], *, most_numbers: int | None = None, most_arrays: int | None = None
) -> Classifier:
    """The network that ``describe_model`` described; its weights are 0, for a state to be loaded.

    most_numbers, most_arrays   what the state at hand can fill: a description that asks for more weights, or larger
                                ones, is refused before they are made

    Raises OptionError for an unknown builder or too large a network, and what the builder raises for arguments that it
    does not take.
    """
    if not isinstance(description, Mapping) or not {"builder", "arguments", "dtype"} <= set(description):
        raise OptionError(f"build: description must have builder, arguments and dtype, got {shown(description)}.")
    builder = BUILDERS[choice("build", "builder", description["builder"], BUILDERS)]
    arguments = description["arguments"]
    known = set(inspect.signature(builder).parameters) - {"dtype", "init", "rng"}
    if not isinstance(arguments, Mapping) or not set(arguments) <= known:
        raise OptionError(f"build: arguments must be some of {', '.join(sorted(known))}, got {shown(arguments)}.")
    for option, most in (("most_numbers", most_numbers), ("most_arrays", most_arrays)):
        if most is not None:
            whole_number("build", option, most, least=0)
    init = _zeros(math.inf if most_numbers is None else most_numbers, math.inf if most_arrays is None else most_arrays)
    try:
        return builder(**arguments, dtype=description["dtype"], init=init, rng=0)
    except TypeError as error:
        if isinstance(error, MlpNumpyError):
            raise
        problem = f"build: arguments must be all that {builder.__name__} takes, got {shown(arguments)}."
        raise OptionError(problem) from error


def _zeros(most_numbers: float, most_arrays: float) -> Initializer:
    """Weights of 0, as many as may be."""
    n_numbers = n_arrays = 0

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        nonlocal n_numbers, n_arrays
        n_numbers, n_arrays = n_numbers + math.prod(shape), n_arrays + 1
        if n_numbers > most_numbers or n_arrays > most_arrays:
            raise OptionError(
                f"build: the network must have at most {most_numbers:,} numbers in {most_arrays:,} weights, "
                f"got a description of {n_numbers:,} or more in {n_arrays:,} or more."
            )
        return np.zeros(shape)

    return draw
