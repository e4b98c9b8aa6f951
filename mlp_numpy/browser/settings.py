"""The settings of a training in a page, and the network that they describe."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.checks import POSITIVE, choice, number, shown, sizes, whole_number
from mlp_numpy.data import Dataset
from mlp_numpy.data.synthetic import digits, plane
from mlp_numpy.errors import OptionError, UnknownNameError
from mlp_numpy.modules import (
    BatchNorm,
    ELUModule,
    GELUModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    Module,
    ReLUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    TanhModule,
    glorot,
    kaiming,
)
from mlp_numpy.optim.registry import OPTIMIZERS

LIVE_DATA: Final[dict[str, Callable[[int], Dataset]]] = {
    "clouds": lambda seed: plane.generate(seed=seed, pattern="clouds"),
    "spirals": lambda seed: plane.generate(seed=seed, pattern="spirals"),
    "digits": lambda seed: digits.generate(seed=seed),
}
LIVE_ACTIVATIONS: Final[dict[str, Callable[[], Module]]] = {
    "tanh": TanhModule,
    "relu": ReLUModule,
    "leaky_relu": lambda: LeakyReLUModule(0.02),
    "sigmoid": SigmoidModule,
    "elu": ELUModule,
    "gelu": GELUModule,
    "silu": SiLUModule,
}
LIVE_NORMS: Final[dict[str, Callable[[int], list[Module]]]] = {
    "none": lambda width: [],
    "batch": lambda width: [BatchNorm(width)],
    "layer": lambda width: [LayerNorm(width)],
}

_MOST_LAYERS, _MOST_UNITS = 6, 256


@dataclasses.dataclass(frozen=True)
class LiveSettings:
    """The settings of a training in the page.

    data, activation, norm, optimizer   names from the tables of this module and of the optimizers
    hidden                              sizes of at most 6 hidden layers, at most 256 each
    lr, batch, seed                     learning rate, examples of a step, seed of data, weights and order

    Raises OptionError for other values.
    """

    data: str = "spirals"
    hidden: tuple[int, ...] = (16, 16)
    activation: str = "tanh"
    norm: str = "none"
    optimizer: str = "adam"
    lr: float = 0.01
    batch: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        who = "LiveSettings"
        known: dict[str, Mapping[str, Any]] = {
            "data": LIVE_DATA,
            "activation": LIVE_ACTIVATIONS,
            "norm": LIVE_NORMS,
            "optimizer": OPTIMIZERS,
        }
        for name, table in known.items():
            choice(who, name, getattr(self, name), table)
        hidden = sizes(who, "hidden", self.hidden)
        if len(hidden) > _MOST_LAYERS or any(size > _MOST_UNITS for size in hidden):
            raise OptionError(
                f"{who}: hidden must be at most {_MOST_LAYERS} layers of at most {_MOST_UNITS}, got {shown(hidden)}."
            )
        object.__setattr__(self, "hidden", hidden)
        object.__setattr__(self, "lr", number(who, "lr", self.lr, POSITIVE))
        whole_number(who, "batch", self.batch, most=256)
        whole_number(who, "seed", self.seed, least=0)

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> LiveSettings:
        """The settings from a message; raises UnknownNameError for a setting that does not exist."""
        known = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise UnknownNameError(f"LiveSettings: there is no {unknown[0]!r}; there are {', '.join(known)}.")
        return cls(**given)


def live_network(settings: LiveSettings, dataset: Dataset) -> Sequential:
    """The classifier of the settings, with the initialization that its activation needs."""
    draws = np.random.default_rng([settings.seed, 1])
    widths = (dataset.train.inputs.shape[1], *settings.hidden)
    init = kaiming() if settings.activation in ("relu", "leaky_relu", "elu", "gelu", "silu") else glorot()
    modules: list[Module] = []
    for n_in, n_out in zip(widths, widths[1:], strict=False):
        # a batch norm takes the mean away again that a bias would add
        bias = settings.norm != "batch"
        modules += [LinearModule(n_in, n_out, bias=bias, init=init, rng=draws), *LIVE_NORMS[settings.norm](n_out)]
        modules.append(LIVE_ACTIVATIONS[settings.activation]())
    return Sequential(*modules, LinearModule(widths[-1], dataset.n_classes, init=glorot(), rng=draws))
