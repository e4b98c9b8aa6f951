"""The settings of a run: every option of the command line is a field here, with its type, default and meaning."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from mlp_numpy.data.preprocessing import KINDS
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, unknown_name, unreadable
from mlp_numpy.files import write_text

INITIALIZERS: Final = ("normal", "kaiming", "glorot")
OPTIMIZERS: Final = ("sgd", "adam")
DTYPES: Final = ("float32", "float64")


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_LARGEST: Final = sys.float_info.max

# What a field of each type takes, and how that is called.
_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "float": lambda value: isinstance(value, float) or _is_whole(value),
    "int": _is_whole,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "tuple[int, ...]": lambda value: isinstance(value, tuple) and all(map(_is_whole, value)),
}
_MEANING: Final = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "True or False",
    "tuple[int, ...]": "a tuple of whole numbers",
}


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run does. The defaults are the main experiment of the source document.

    Args:
        lr: learning rate, above 0
        batch: examples in a minibatch
        steps: updates to make
        hidden: sizes of the hidden layers, such as 600 500; none is multinomial logistic regression
        neg_slope: slope of the LeakyReLU below 0
        init: how weights start, normal (with init-std), kaiming or glorot
        init_std: standard deviation of the start weights under init normal
        optimizer: how weights are updated, sgd or adam
        seed: whole number that decides every random choice
        dataset: auto (CIFAR-10 if it is on disk or can be downloaded, else shapes), cifar10, mnist,
            shapes (generated) or torchvision:CLASS for any of torchvision's data sets
        data_dir: folder where data sets are found and kept
        preprocessing: mean-image (subtract the mean training image), standardize (per channel), unit (divide by 255)
            or raw (as stored)
        eval_every: steps between two evaluations of the whole test set
        dtype: kind of number to train with, float32 or float64
        name: name of the run's folder and picture; by default the next free run-DATASET-NUMBER
        runs_dir: folder that gets the run's folder
        plots_dir: folder that gets the run's picture
        overwrite: replace an earlier run of the same name
        download: whether data may be fetched from the network
    """

    lr: float = 2e-3
    batch: int = 200
    steps: int = 1500
    hidden: tuple[int, ...] = (100,)
    neg_slope: float = 0.02
    init: str = "normal"
    init_std: float = 1e-4
    optimizer: str = "sgd"
    seed: int = 0
    dataset: str = "auto"
    data_dir: str = "data"
    preprocessing: str = "mean-image"
    eval_every: int = 100
    dtype: str = "float32"
    name: str = ""
    runs_dir: str = "runs"
    plots_dir: str = "plots"
    overwrite: bool = False
    download: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            self._take(field.name, str(field.type))
        if not 0 < self.lr <= _LARGEST:
            raise OptionError(f"Config: lr must be a number > 0, got {self.lr}.")
        if not 0 <= self.init_std <= _LARGEST:
            raise OptionError(f"Config: init_std must be a number ≥ 0, got {self.init_std}.")
        if not -_LARGEST <= self.neg_slope <= _LARGEST:
            raise OptionError(f"Config: neg_slope must be a finite number, got {self.neg_slope}.")
        for option in ("batch", "steps", "eval_every"):
            if getattr(self, option) < 1:
                raise OptionError(f"Config: {option} must be a whole number ≥ 1, got {getattr(self, option)}.")
        if self.seed < 0:
            raise OptionError(f"Config: seed must be a whole number ≥ 0, got {self.seed}.")
        if any(size < 1 for size in self.hidden):
            raise OptionError(f"Config: hidden must list whole numbers ≥ 1, got {list(self.hidden)}.")
        if self.name in (".", "..") or not self.name.isprintable() or set(self.name) & set("/\\"):
            raise OptionError(f"Config: name must be a plain name without folders, got {self.name!r}.")
        for option in ("data_dir", "runs_dir", "plots_dir"):
            if "\0" in getattr(self, option):
                raise OptionError(f"Config: {option} must be the name of a folder, got {getattr(self, option)!r}.")
        for option, known in (
            ("init", INITIALIZERS),
            ("optimizer", OPTIMIZERS),
            ("preprocessing", KINDS),
            ("dtype", DTYPES),
        ):
            if getattr(self, option) not in known:
                raise unknown_name(option, getattr(self, option), known)

    def _take(self, option: str, kind: str) -> None:
        """Check the type of a setting; NumPy's numbers become Python's, which a file of settings can hold."""
        value = _plain(getattr(self, option))
        if isinstance(value, tuple):
            value = tuple(map(_plain, value))
        if not _IS[kind](value):
            hint = ""
            if kind == "tuple[int, ...]":
                hint = " Hint: hidden=(100,), with a comma, for one layer of 100."
            raise OptionError(f"Config: {option} must be {_MEANING[kind]}, got {value!r}.{hint}")
        object.__setattr__(self, option, value)


def read_config(path: Path) -> Config:
    """The settings that a run wrote into its folder.

    Raises DataNotFoundError if there is no such file, DataError if it is unreadable or holds something else.
    """
    who = f"read_config: {path}"
    settings = _read_settings("read_config", path)
    for problem, names in (
        ("every setting of a run must be there; missing", _TYPE_OF.keys() - settings.keys()),
        ("there must be settings of a run alone; unknown", settings.keys() - _TYPE_OF.keys()),
    ):
        if names:
            raise DataError(f"{who}: {problem}: {', '.join(sorted(names))}.")
    try:
        return Config(**{name: _parsed(who, name, text) for name, text in settings.items()})
    except OptionError as error:
        raise DataError(f"{who} must hold the settings of a run, got: {error}") from error


def write_config(path: Path, config: Config) -> None:
    """Write the settings as YAML, in the form that ``--config`` and ``read_config`` take."""
    content = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def as_options(path: Path) -> list[str]:
    """The settings in a YAML file as words of a command line: ``lr: 0.1`` becomes ``--lr 0.1``.

    So a file is checked by what checks the command line, and each value is taken as it is written: the name 007 is no
    number. Raises DataNotFoundError if there is no such file, DataError if it is unreadable or no list of settings.
    """
    who = f"--config: {path}"
    words: list[str] = []
    for name, text in _read_settings("--config", path).items():
        option, kind = name.replace("_", "-"), _TYPE_OF.get(name)
        if kind == "bool":
            words.append(f"--{option}" if _parsed(who, name, text) else f"--no-{option}")
        elif isinstance(text, list):
            if kind not in (None, "tuple[int, ...]"):
                raise DataError(f"{who}: {name} must be {_IN_FILES[kind]}, got a list.")
            words += [f"--{option}", *text]
        elif kind not in (None, "str") and text.lower() in _TRUTH:
            raise DataError(f"{who}: {name} must be {_IN_FILES[kind]}, got {text!r}.")
        else:
            words += [f"--{option}", text]
    return words


def _read_settings(who: str, path: Path) -> dict[str, str | list[str]]:
    """The lines of a YAML file, name → value as text; a value may be a list of them. Names have underscores."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DataNotFoundError(f"{who}: there must be a file {path}, found none.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error
    except ValueError as error:
        raise DataError(f"{who}: {path} must be a YAML file, got: {error}.") from error
    try:
        content = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(f"{who}: {path} must be a YAML file, got: {' '.join(str(error).split())}.") from error
    if not isinstance(content, yaml.MappingNode):
        found = {type(None): "nothing", yaml.SequenceNode: "a list"}.get(type(content), "other text")
        raise DataError(f"{who}: {path} must hold lines such as 'lr: 0.002', got {found}.")
    settings: dict[str, str | list[str]] = {}
    for key, value in content.value:
        place = f"{who}: {path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode) or key.tag != _YAML + "str":
            raise DataError(f"{place}: there must be the name of a setting, got {_found(key)}.")
        name = key.value.replace("-", "_")
        if name in settings:
            raise DataError(f"{place}: {key.value} must come once, got it again.")
        parts = value.value if isinstance(value, yaml.SequenceNode) else [value]
        for part in parts:
            if not isinstance(part, yaml.ScalarNode) or part.tag not in _PLAIN_TAGS:
                hint = " Hint: leave the line out for the default." if part.tag == _YAML + "null" else ""
                wanted = "a plain value or a list of them"
                raise DataError(f"{place}: {key.value} must have {wanted}, got {_found(part)}.{hint}")
        texts = [part.value for part in parts]
        settings[name] = texts if isinstance(value, yaml.SequenceNode) else texts[0]
    return settings


def _found(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "none" if node.tag == _YAML + "null" else repr(node.value)
    return "a list" if isinstance(node, yaml.SequenceNode) else "names and values"


def _parsed(who: str, name: str, text: str | list[str]) -> Any:
    """The value that a text means for the setting ``name``. Raises DataError if it means none."""
    kind = _TYPE_OF[name]
    try:
        if kind == "tuple[int, ...]" and isinstance(text, list):
            return tuple(map(int, text))
        if isinstance(text, str) and kind != "tuple[int, ...]":
            return _TRUTH[text.lower()] if kind == "bool" else {"float": float, "int": int, "str": str}[kind](text)
    except (ValueError, KeyError) as error:
        raise DataError(f"{who}: {name} must be {_IN_FILES[kind]}, got {text!r}.") from error
    raise DataError(f"{who}: {name} must be {_IN_FILES[kind]}, got {text!r}.")


_TYPE_OF: Final = {field.name: str(field.type) for field in fields(Config)}
_IN_FILES: Final = _MEANING | {"bool": "true or false", "tuple[int, ...]": "a list of whole numbers such as [600, 500]"}
_TRUTH: Final[dict[str, bool]] = yaml.SafeLoader.bool_values
_YAML: Final = "tag:yaml.org,2002:"
_PLAIN_TAGS: Final = {_YAML + kind for kind in ("str", "int", "float", "bool", "timestamp")}
