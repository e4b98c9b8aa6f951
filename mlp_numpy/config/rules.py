"""What settings may be, each by itself and together: a setting that cannot be meant, or has no effect, is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from mlp_numpy.data.preprocessing import PREPROCESSINGS
from mlp_numpy.data.splitting import WAYS
from mlp_numpy.errors import OptionError, unknown_name
from mlp_numpy.optim import Plateau, parse_schedule

CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "model": ("mlp", "residual-mlp", "conv-net", "small-conv-net"),
    "init": ("auto", "normal", "kaiming", "glorot", "uniform"),
    "optimizer": ("sgd", "adagrad", "rmsprop", "adam", "adamw", "nadam"),
    "decay": ("all", "weights"),
    "held_out": ("test", "validation"),
    "split": WAYS,
    "preprocessing": PREPROCESSINGS,
    "dtype": ("float32", "float64"),
}
"""The settings that are one of a few names."""

_LARGEST: Final = sys.float_info.max
_Range = tuple[tuple[str, ...], Callable[[Any], bool], str]
_RANGES: Final[tuple[_Range, ...]] = (
    (("lr", "max_growth"), lambda value: 0 < value <= _LARGEST, "a number > 0"),
    (("init_std", "weight_decay", "l2", "clip_norm", "clip_value"), lambda value: 0 <= value <= _LARGEST,
     "a number ≥ 0"),
    (("neg_slope",), lambda value: -_LARGEST <= value <= _LARGEST, "a finite number"),
    (("momentum", "dampening", "beta1", "beta2", "dropout", "average", "label_smoothing"), lambda value: 0 <= value < 1,
     "in [0, 1)"),
    (("batch", "steps", "eval_every", "checkpoint_every", "accumulate", "validation", "width"),
     lambda value: value >= 1, "a whole number ≥ 1"),
    (("seed", "shift", "cutout", "patience", "watch"), lambda value: value >= 0, "a whole number ≥ 0"),
)  # fmt: skip

_Effect = tuple[str, Callable[[Mapping[str, Any]], bool], str]
_ADAMS: Final = ("adam", "adamw", "nadam")
_EFFECTS: Final[tuple[_Effect, ...]] = (
    ("hidden", lambda of: of["model"] in ("mlp", "residual-mlp"), "an MLP"),
    ("neg_slope", lambda of: of["model"] == "mlp", "model mlp"),
    ("batch_norm", lambda of: of["model"] == "mlp" and len(of["hidden"]) > 0, "model mlp with hidden layers"),
    ("dropout", lambda of: of["model"] == "mlp" and len(of["hidden"]) > 0, "model mlp with hidden layers"),
    ("width", lambda of: of["model"] == "conv-net", "model conv-net"),
    ("extra_norm", lambda of: of["model"] == "conv-net", "model conv-net"),
    ("init_std", lambda of: of["init"] in ("normal", "auto"), "init normal"),
    ("momentum", lambda of: of["optimizer"] in ("sgd", "rmsprop"), "optimizer sgd or rmsprop"),
    ("dampening", lambda of: of["optimizer"] == "sgd" and of["momentum"] > 0, "optimizer sgd with momentum"),
    ("nesterov", lambda of: of["optimizer"] == "sgd" and of["momentum"] > 0, "optimizer sgd with momentum"),
    ("beta1", lambda of: of["optimizer"] in _ADAMS, "an Adam"),
    ("beta2", lambda of: of["optimizer"] in _ADAMS, "an Adam"),
    ("amsgrad", lambda of: of["optimizer"] in ("adam", "adamw"), "optimizer adam or adamw"),
    ("centered", lambda of: of["optimizer"] == "rmsprop", "optimizer rmsprop"),
    ("decay", lambda of: of["weight_decay"] > 0, "weight_decay above 0"),
    ("validation", lambda of: of["held_out"] == "validation", "held_out validation"),
    ("split", lambda of: of["held_out"] == "validation", "held_out validation"),
    ("patience", lambda of: of["held_out"] == "validation", "held_out validation"),
)


def check_values(of: Mapping[str, Any]) -> None:
    """Raise OptionError for the first setting that is out of its range or none of its names."""
    for options, holds, wanted in _RANGES:
        for option in options:
            if not holds(of[option]):
                raise OptionError(f"Config: {option} must be {wanted}, got {of[option]}.")
    if any(size < 1 for size in of["hidden"]):
        raise OptionError(f"Config: hidden must list whole numbers ≥ 1, got {list(of['hidden'])}.")
    if of["model"] == "residual-mlp" and (len(of["hidden"]) < 2 or len(set(of["hidden"])) > 1):
        raise OptionError(
            f"Config: hidden must list two or more equal sizes for a residual-mlp, got {list(of['hidden'])}. "
            "Hint: hidden 600 600 is one block with a shortcut."
        )
    if of["name"] in (".", "..") or not of["name"].isprintable() or set(of["name"]) & set("/\\"):
        raise OptionError(f"Config: name must be a plain name without folders, got {of['name']!r}.")
    for option in ("data_dir", "runs_dir", "plots_dir"):
        if "\0" in of[option] or any("\ud800" <= letter <= "\udfff" for letter in of[option]):
            hint = "" if "\0" in of[option] else " Hint: the files of a run, in UTF-8, must be able to tell it."
            raise OptionError(f"Config: {option} must be the name of a folder, got {of[option]!r}.{hint}")
    for option, known in CHOICES.items():
        if of[option] not in known:
            raise unknown_name(option, of[option], known)
    schedule, evaluations = parse_schedule(of["schedule"], of["steps"]), of["steps"] // of["eval_every"] + 1
    if isinstance(schedule, Plateau) and schedule.patience + 2 > evaluations:
        raise OptionError(
            f"Config: schedule {of['schedule']} must have at least {schedule.patience + 2} evaluations to look at, got "
            f"{evaluations} in {of['steps']} steps. Hint: a smaller eval_every."
        )


def check_effects(of: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
    """Raise OptionError for the first setting that is not its default and changes nothing beside the others."""
    for option, has_effect, wanted in _EFFECTS:
        if of[option] != defaults[option] and not has_effect(of):
            raise OptionError(f"Config: {option} must come with {wanted}, alone {option} {of[option]} has no effect.")
    if of["nesterov"] and of["dampening"]:
        raise OptionError("Config: nesterov must come without dampening, got both.")
