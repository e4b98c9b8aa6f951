"""Needs: the other settings without which an option has no effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from mlp_numpy.data.own_data import FOLDER, NPY, TABLE, is_own_data
from mlp_numpy.models import MODELS, models_with
from mlp_numpy.optim.registry import optimizers_with


class Need(NamedTuple):
    """Other settings without which an option has no effect: a predicate, and its description."""

    met: Callable[[Mapping[str, Any]], bool]
    words: str


def needs(words: str, **settings: Sequence[Any]) -> Need:
    """The need for settings with one of the given values each."""
    return Need(lambda of: all(of[name] in values for name, values in settings.items()), words)


def needs_optimizer(argument: str) -> Need:
    """The need for an optimizer that takes ``argument``."""
    return _needs_one("optimizer", optimizers_with(argument))


def needs_model(argument: str) -> Need:
    """The need for a network that takes ``argument``."""
    return _needs_one("model", models_with(argument))


def _needs_one(setting: str, names: Sequence[str]) -> Need:
    words = f"{setting} {', '.join(names[:-1])}{' or ' if len(names) > 1 else ''}{names[-1]}"
    return needs(words, **{setting: names})


def hidden_layers(argument: str) -> Need:
    """The need for a network that takes ``argument``, with hidden layers."""
    network = needs_model(argument)
    return Need(lambda of: network.met(of) and len(of["hidden"]) > 0, f"{network.words} with hidden layers")


LIBRARY_MODEL: Final = needs("a model of the library", model=tuple(MODELS))
SGD_WITH_MOMENTUM: Final = Need(
    lambda of: of["optimizer"] == "sgd" and of["momentum"] > 0, "optimizer sgd with momentum"
)
VALIDATION: Final = needs("held_out validation", held_out=("validation",))
EMA: Final = Need(lambda of: of["ema"] > 0, "ema above 0")
LOOKAHEAD: Final = Need(lambda of: of["lookahead"] > 0, "lookahead above 0")
FLIP: Final = needs("flip", flip=(True,))
SHIFT: Final = Need(lambda of: of["shift"] > 0, "shift above 0")
INIT_NORMAL: Final = Need(
    lambda of: (
        of["model"] in MODELS
        and not (of["init"] == "auto" and MODELS[of["model"]].init)
        and (of["init"] == "normal" or (of["init"] == "auto" and not of["dataset"].startswith((NPY, TABLE))))
    ),
    "init normal",
)
WEIGHT_DECAY: Final = Need(lambda of: of["weight_decay"] > 0, "weight_decay above 0")
TABLE_DATA: Final = Need(lambda of: of["dataset"].startswith(TABLE), "dataset table:FILE")
TASK_DATA: Final = Need(lambda of: of["dataset"].startswith((NPY, TABLE)), "dataset table:FILE or npy:FOLDER")
FOLDER_DATA: Final = Need(lambda of: of["dataset"].startswith(FOLDER), "dataset folder:PATH")
OWN_DATA: Final = Need(lambda of: is_own_data(of["dataset"]), "dataset folder:PATH, table:FILE or npy:FOLDER")
IMAGE_DATA: Final = Need(lambda of: not TABLE_DATA.met(of), "a dataset of images")
PATIENCE: Final = Need(lambda of: of["patience"] > 0, "patience above 0")
