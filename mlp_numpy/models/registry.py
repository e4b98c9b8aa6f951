"""The networks by name, and the options that each takes."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlp_numpy.models.conv_net import ConvNet, SmallConvNet
from mlp_numpy.models.mlp import MLP, ResidualMLP
from mlp_numpy.models.network import Classifier
from mlp_numpy.models.own_net import OwnNet, is_own
from mlp_numpy.models.whitened_conv_net import WhitenedConvNet
from mlp_numpy.modules import Initializer

Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Architecture:
    """One network of the library.

    network     its class
    arguments   function of the image shape (C, H, W), the number of classes, and the options that have an effect with
                it as keywords; returns the arguments of the class
    help        description, for ``--help``
    init        the name of its initialization where a run's settings leave it open; "": it depends on them
    """

    network: type[Classifier]
    arguments: Callable[..., dict[str, Any]]
    help: str
    init: str = ""

    @property
    def options(self) -> frozenset[str]:
        """The settings of a run that have an effect with it."""
        taken = inspect.signature(self.arguments).parameters.values()
        return frozenset(one.name for one in taken if one.kind is one.KEYWORD_ONLY)


def _mlp(
    shape: Shape, n_classes: int, *, hidden: tuple[int, ...], neg_slope: float, batch_norm: bool, dropout: float
) -> dict[str, Any]:
    sizes = {"n_inputs": math.prod(shape), "n_hidden": hidden, "n_classes": n_classes}
    return sizes | {"neg_slope": neg_slope, "batch_norm": batch_norm, "dropout": dropout}


def _residual_mlp(shape: Shape, n_classes: int, *, hidden: tuple[int, ...]) -> dict[str, Any]:
    sizes = {"n_hidden": hidden[0], "n_blocks": len(hidden) - 1}
    return {"n_inputs": math.prod(shape), "n_classes": n_classes} | sizes


def _conv_net(shape: Shape, n_classes: int, *, width: int, extra_norm: bool) -> dict[str, Any]:
    return {"image_shape": shape, "n_classes": n_classes, "n_first": width, "extra_norm": extra_norm}


def _small_conv_net(shape: Shape, n_classes: int) -> dict[str, Any]:
    return {"image_shape": shape, "n_classes": n_classes}


def _whitened_conv_net(shape: Shape, n_classes: int, *, width: int) -> dict[str, Any]:
    return {"image_shape": shape, "n_classes": n_classes, "n_first": width}


MODELS: Final = {
    "mlp": Architecture(MLP, _mlp, "Linear layers with LeakyReLU"),
    "residual-mlp": Architecture(ResidualMLP, _residual_mlp, "a shortcut around every hidden layer but the first"),
    "conv-net": Architecture(ConvNet, _conv_net, "eight convolutions"),
    "small-conv-net": Architecture(SmallConvNet, _small_conv_net, "two convolutions"),
    "whitened-conv-net": Architecture(
        WhitenedConvNet, _whitened_conv_net, "a whitening convolution and six others, trained in few epochs", "dirac"
    ),
}
"""Every network under the name that a run's settings give it."""


def models_with(option: str) -> list[str]:
    """The names of the networks that take ``option``."""
    return [name for name, known in MODELS.items() if option in known.options]


def takes_images(model: str) -> bool:
    """True for a network of the library that takes images alone, and no rows of a table."""
    return model in MODELS and "image_shape" in inspect.signature(MODELS[model].network).parameters


def build_network(
    model: str,
    shape: Shape,
    n_classes: int,
    options: Mapping[str, Any],
    *,
    init: Initializer | None,
    rng: np.random.Generator,
    dtype: str,
    softmax: bool = True,
) -> Classifier:
    """The network ``model``, a name in ``MODELS`` or a builder of one's own, for images (C, H, W) and their classes.

    options   settings of a run, of which it takes its own
    init      initializer; a builder of one's own has its own
    softmax   False for a regression

    Raises BuilderError for a builder that cannot be used, OptionError for sizes that do not fit the images.
    """
    if is_own(model):
        return OwnNet(model, shape, n_classes, rng=rng, dtype=dtype, softmax=softmax)
    known = MODELS[model]
    network: Callable[..., Classifier] = known.network
    arguments = known.arguments(shape, n_classes, **{name: options[name] for name in known.options})
    return network(**arguments, init=init, rng=rng, dtype=dtype, input_layer=True, softmax=softmax)
