"""Serializable descriptions of networks, and networks built from them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, shown, whole_number
from mlp_numpy.errors import MlpNumpyError, OptionError
from mlp_numpy.models.network import Classifier
from mlp_numpy.models.own_net import OwnNet
from mlp_numpy.models.registry import MODELS
from mlp_numpy.modules import Initializer

BUILDERS: Final[dict[str, Callable[..., Classifier]]] = {
    network.__name__: network for network in (*(known.network for known in MODELS.values()), OwnNet)
}
"""The networks with a description."""


def describe_model(model: Classifier) -> dict[str, Any]:
    """The description of a network for ``build``: builder, arguments and dtype.

    Raises OptionError for a network that is not in ``BUILDERS``.
    """
    name = type(model).__name__
    if type(model) is not BUILDERS.get(name):
        raise OptionError(f"describe: the model must be one of {', '.join(BUILDERS)}, got {name}.")
    dtype = next(learned.value.dtype for _, learned in model.named_parameters())
    return {"builder": name, "arguments": model.arguments(), "dtype": str(dtype)}


def build(
    description: Mapping[str, Any], *, most_numbers: int | None = None, most_arrays: int | None = None
) -> Classifier:
    """Build the network of a description; its weights are 0, or those of a builder of one's own, until a state is
    loaded.

    most_numbers, most_arrays   limits from the state to be loaded: a description of a larger network raises OptionError
                                before its weights are allocated

    Raises OptionError for an unknown builder or too large a network, BuilderError if one's own builder can no longer be
    used, and the network's errors for invalid arguments.
    """
    if not isinstance(description, Mapping) or not {"builder", "arguments", "dtype"} <= set(description):
        raise OptionError(f"build: description must have builder, arguments and dtype, got {shown(description)}.")
    builder = BUILDERS[choice("build", "builder", description["builder"], BUILDERS)]
    arguments = description["arguments"]
    taken = set(inspect.signature(builder).parameters)
    known = taken - {"dtype", "init", "rng"}
    if not isinstance(arguments, Mapping) or not set(arguments) <= known:
        raise OptionError(f"build: arguments must be some of {', '.join(sorted(known))}, got {shown(arguments)}.")
    for option, most in (("most_numbers", most_numbers), ("most_arrays", most_arrays)):
        if most is not None:
            whole_number("build", option, most, least=0)
    init = _zeros(math.inf if most_numbers is None else most_numbers, math.inf if most_arrays is None else most_arrays)
    start = {"init": init, "rng": 0, "dtype": description["dtype"]}
    try:
        return builder(**arguments, **{name: value for name, value in start.items() if name in taken})
    except TypeError as error:
        if isinstance(error, MlpNumpyError):
            raise
        problem = f"build: arguments must be all that {builder.__name__} takes, got {shown(arguments)}."
        raise OptionError(problem) from error


def _zeros(most_numbers: float, most_arrays: float) -> Initializer:
    """An initializer of zeros with a limit on their number."""
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
