"""A network described in words that a file can hold, and built again from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.models.conv_net import ConvNet, SmallConvNet
from mlp_numpy.models.mlp import MLP, ResidualMLP
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import normal

BUILDERS: Final[dict[str, Callable[..., Classifier]]] = {
    builder.__name__: builder for builder in (MLP, ResidualMLP, ConvNet, SmallConvNet)
}
"""The networks that can be described."""


def describe(model: Classifier) -> dict[str, Any]:
    """What ``build`` needs to make a network of the same layers: builder, arguments and kind of number.

    Raises OptionError for a network that is none of ``BUILDERS``.
    """
    name = type(model).__name__
    if type(model) is not BUILDERS.get(name):
        raise OptionError(f"describe: the model must be one of {', '.join(BUILDERS)}, got {name}.")
    dtype = next(learned.value.dtype for _, learned in model.learned())
    return {"builder": name, "arguments": model.arguments(), "dtype": str(dtype)}


def build(description: Mapping[str, Any]) -> Classifier:
    """The network that ``describe`` described; its weights are 0, for a state to be loaded.

    Raises OptionError for an unknown builder, and what the builder raises for arguments that it does not take.
    """
    name, arguments = description["builder"], dict(description["arguments"])
    if name not in BUILDERS:
        raise unknown_name("builder", str(name), BUILDERS)
    return BUILDERS[name](**arguments, dtype=description["dtype"], init=normal(0.0), rng=0)
