"""The settings of a run: every option of the command line is a field here, with its type, default and meaning."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import yaml

from mlp_numpy.data.preprocessing import KINDS
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError, unknown_name
from mlp_numpy.files import write_text

INITIALIZERS: Final = ("normal", "kaiming", "glorot")
OPTIMIZERS: Final = ("sgd", "adam")
DTYPES: Final = ("float32", "float64")


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
        if not 0 < self.lr < math.inf:
            raise OptionError(f"Config: lr must be a number > 0, got {self.lr}.")
        if not 0 <= self.init_std < math.inf:
            raise OptionError(f"Config: init_std must be a number ≥ 0, got {self.init_std}.")
        if not math.isfinite(self.neg_slope):
            raise OptionError(f"Config: neg_slope must be a finite number, got {self.neg_slope}.")
        for option in ("batch", "steps", "eval_every"):
            if getattr(self, option) < 1:
                raise OptionError(f"Config: {option} must be a whole number ≥ 1, got {getattr(self, option)}.")
        if self.seed < 0:
            raise OptionError(f"Config: seed must be a whole number ≥ 0, got {self.seed}.")
        if any(size < 1 for size in self.hidden):
            raise OptionError(f"Config: hidden must list whole numbers ≥ 1, got {list(self.hidden)}.")
        if self.name != Path(self.name).name or self.name in (".", ".."):
            raise OptionError(f"Config: name must be a plain name without folders, got {self.name!r}.")
        for option, known in (
            ("init", INITIALIZERS),
            ("optimizer", OPTIMIZERS),
            ("preprocessing", KINDS),
            ("dtype", DTYPES),
        ):
            if getattr(self, option) not in known:
                raise unknown_name(option, getattr(self, option), known)


def read_config(path: Path) -> Config:
    """The settings that a run wrote into its folder. Raises DataError if the file holds something else."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return Config(**content | {"hidden": tuple(content["hidden"])})
    except (ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise DataError(f"read_config: {path} must hold the settings of a run, got: {error}.") from error


def write_config(path: Path, config: Config) -> None:
    """Write the settings as YAML, in the form that ``--config`` and ``read_config`` take."""
    content = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()}
    write_text(path, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def as_options(path: Path) -> list[str]:
    """The settings in a YAML file as words of a command line: ``lr: 0.1`` becomes ``--lr 0.1``.

    So a file is checked by what checks the command line. Raises DataNotFoundError if there is no such file, DataError
    if it is no mapping of names to values.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataNotFoundError(f"--config: there must be a file {path}, found none.") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise DataError(f"--config: {path} must be a YAML file, got: {error}.") from error
    if not isinstance(content, dict):
        raise DataError(f"--config: {path} must hold lines such as 'lr: 0.002', got {content!r}.")
    words: list[str] = []
    for name, value in content.items():
        option = str(name).replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        else:
            words += [f"--{option}", *(map(str, value) if isinstance(value, list) else [str(value)])]
    return words
