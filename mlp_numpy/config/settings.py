"""The settings of a run: every option of the command line is a field here, with its type, default and meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from mlp_numpy.config.rules import check_effects, check_values
from mlp_numpy.errors import OptionError


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


# What a field of each type takes, and how that is called.
_IS: Final[dict[str, Callable[[Any], bool]]] = {
    "float": lambda value: isinstance(value, float) or _is_whole(value),
    "int": _is_whole,
    "str": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "tuple[int, ...]": lambda value: isinstance(value, tuple) and all(map(_is_whole, value)),
}
MEANING: Final = {
    "float": "a number",
    "int": "a whole number",
    "str": "text",
    "bool": "True or False",
    "tuple[int, ...]": "a tuple of whole numbers",
}
"""What a field of each type is called."""


@dataclass(frozen=True)
class Config:
    """Everything that decides what a run does. The defaults are the main experiment of the source document.

    An option that would have no effect with the others is an error.

    Args:
        lr: learning rate, above 0
        batch: examples in a minibatch
        steps: updates to make
        model: mlp, residual-mlp (a shortcut around every hidden layer but the first), conv-net (eight convolutions) or
            small-conv-net (two)
        hidden: sizes of an MLP's hidden layers, such as 600 500; none is multinomial logistic regression
        neg_slope: slope of the MLP's LeakyReLU below 0
        batch_norm: a BatchNorm before every Linear of the MLP but the first
        dropout: probability with which a hidden unit of the MLP is dropped
        width: channels of the conv-net's first convolution; the others have up to eight times as many
        extra_norm: a BatchNorm and a ReLU more before the conv-net's Linear
        init: how weights start, normal (with init-std), kaiming, glorot, uniform (as PyTorch's layers), or auto (normal
            for an MLP without batch norm, else kaiming)
        init_std: standard deviation of the start weights under init normal
        optimizer: how weights are updated, sgd, adagrad, rmsprop, adam, adamw or nadam
        momentum: share of the last step that sgd and rmsprop go on with
        dampening: share of the gradient that sgd's momentum leaves out
        nesterov: sgd's momentum looks ahead
        beta1: how much of its mean of gradients an Adam keeps
        beta2: how much of its mean of squared gradients an Adam keeps
        amsgrad: adam and adamw never forget the largest mean of squares
        centered: rmsprop divides by the standard deviation, not by the root of the mean square
        weight_decay: share of the weights that joins their gradients (in adamw, that is taken from them)
        decay: what weight-decay is for, all parameters or weights only
        l2: strength of an L2 penalty on the weights in the loss
        label_smoothing: share of every label that is spread over all classes
        schedule: how the learning rate goes, such as constant, step:500:0.1, exponential:0.999, cosine,
            warmup:200+cosine, one-cycle or plateau:0.5:3
        clip_norm: longest gradient; 0 clips nothing
        clip_value: largest number in a gradient; 0 clips nothing
        accumulate: batches whose gradients make one update
        average: how much of the running mean of the weights is kept at each step; 0 keeps no mean. The mean is what is
            evaluated and saved
        flip: mirror images at random
        shift: pixels by which images are shifted at random, at most
        cutout: side of a square that is cut out of each image at random
        held_out: test (the whole test set is evaluated while training, as the source does) or validation (a part of
            the training data chooses the weights, and the test set is opened once at the end)
        validation: examples in the validation part
        split: which examples these are, first, last, random or stratified
        patience: evaluations in a row that may bring no better validation accuracy before training stops; 0 never
            stops
        seed: whole number that decides every random choice
        dataset: auto (CIFAR-10 if it is on disk or can be downloaded, else shapes), cifar10, cifar100,
            cifar100-coarse (its 20 groups of classes), mnist, shapes (generated) or torchvision:CLASS for any of
            torchvision's data sets; cifar10:airplane,bird is two classes of one
        data_dir: folder where data sets are found and kept
        preprocessing: mean-image (subtract the mean training image), standardize (per channel), unit (divide by 255),
            symmetric (to −1…1) or raw (as stored)
        eval_every: steps between two evaluations
        checkpoint_every: steps between two checkpoints, from which a killed run goes on
        watch: steps between two looks into every layer; 0 looks at none
        max_growth: a batch loss of this many times the first one's stops the run
        tensorboard: write event files for TensorBoard into the run's folder
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
    model: str = "mlp"
    hidden: tuple[int, ...] = (100,)
    neg_slope: float = 0.02
    batch_norm: bool = False
    dropout: float = 0.0
    width: int = 64
    extra_norm: bool = False
    init: str = "auto"
    init_std: float = 1e-4
    optimizer: str = "sgd"
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    amsgrad: bool = False
    centered: bool = False
    weight_decay: float = 0.0
    decay: str = "all"
    l2: float = 0.0
    label_smoothing: float = 0.0
    schedule: str = "constant"
    clip_norm: float = 0.0
    clip_value: float = 0.0
    accumulate: int = 1
    average: float = 0.0
    flip: bool = False
    shift: int = 0
    cutout: int = 0
    held_out: str = "test"
    validation: int = 5000
    split: str = "first"
    patience: int = 0
    seed: int = 0
    dataset: str = "auto"
    data_dir: str = "data"
    preprocessing: str = "mean-image"
    eval_every: int = 100
    checkpoint_every: int = 500
    watch: int = 0
    max_growth: float = 1e6
    tensorboard: bool = False
    dtype: str = "float32"
    name: str = ""
    runs_dir: str = "runs"
    plots_dir: str = "plots"
    overwrite: bool = False
    download: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            self._take(field.name, str(field.type))
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        check_values(settings)
        check_effects(settings, {field.name: field.default for field in fields(self)})

    @property
    def start(self) -> str:
        """How weights start where ``init`` is settled: normal, kaiming, glorot or uniform."""
        if self.init != "auto":
            return self.init
        return "normal" if self.model == "mlp" and not self.batch_norm else "kaiming"

    def _take(self, option: str, kind: str) -> None:
        """Check the type of a setting; NumPy's numbers become Python's, which a file of settings can hold."""
        value = _plain(getattr(self, option))
        if isinstance(value, tuple):
            value = tuple(map(_plain, value))
        if not _IS[kind](value):
            hint = ""
            if kind == "tuple[int, ...]":
                hint = " Hint: hidden=(100,), with a comma, for one layer of 100."
            raise OptionError(f"Config: {option} must be {MEANING[kind]}, got {value!r}.{hint}")
        object.__setattr__(self, option, value)
