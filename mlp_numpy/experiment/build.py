"""Builds the parts of an experiment from its settings: data, network, loss, optimizer, update and trainer."""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import stream
from mlp_numpy.config import Config
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.sources import Loaded, load_dataset
from mlp_numpy.data.splitting import hold_out
from mlp_numpy.models import Classifier, build_network, models_with
from mlp_numpy.modules import Conv2dModule, Module, SoftMaxCrossEntropyModule, initializer
from mlp_numpy.optim import (
    OPTIMIZERS,
    Average,
    FlatParameters,
    L2Penalty,
    Optimizer,
    optimizer_options,
    parse_schedule,
)
from mlp_numpy.training import RunInfo, Trainer, Update

CURVE: Final = "the test curve while training, held_out test"
"""Reason for opening the test set when it is evaluated throughout training."""

_EVAL_NUMBERS: Final = 3_000_000
"""Input values per evaluation chunk."""


@dataclass(frozen=True)
class Components:
    """The parts of an experiment.

    dataset   the data set as loaded
    warning   warning about the data for the user, or None
    train     the training examples
    held_out  the examples that are evaluated while training
    test      the sealed test set
    """

    dataset: Dataset
    warning: str | None
    train: Split
    held_out: Split
    test: SealedSplit
    preprocessing: Preprocessing
    model: Classifier
    parameters: FlatParameters
    trainer: Trainer


def load_data(config: Config, *, option: str = "", progress: bool = False, write: bool = True) -> Loaded:
    """Load the data set of ``config``, or of another ``option``.

    write   allow downloading (if ``config.download``), or generating and saving it

    Raises what ``load_dataset`` raises.
    """
    may: dict[str, Any] = {"download": config.download and write, "keep": write}
    return load_dataset(option or config.dataset, config.data_dir, progress=progress, **may)


def build_components(config: Config, *, loaded: Loaded | None = None, progress: bool = False) -> Components:
    """Load the data, unless given as ``loaded``, and build the network and the trainer.

    Raises OptionError for settings that contradict the data, and what ``load_dataset`` raises.
    """
    if loaded is None:
        loaded = load_data(config, progress=progress)
    dataset = loaded.dataset
    test = SealedSplit(dataset.test)
    if config.held_out == "validation":
        train, held_out = hold_out(dataset.train, config.validation, config.split, seed=config.seed)
    else:
        train, held_out = dataset.train, test.open(CURVE)
    preprocessing = Preprocessing.fit(config.preprocessing, train.inputs, dataset.image_shape, config.dtype)
    model = network(config, dataset)
    parameters = FlatParameters(model)
    augmentation = None
    if config.flip or config.shift or config.cutout:
        augmentation = Augmentation(dataset.image_shape, config.flip, config.shift, config.cutout)
    trainer = Trainer(
        model[:-1],  # without the softmax, and without the reshaping of images: the batches are rows
        loss(config),
        update(config, parameters, model),
        Batches(train, config.batch, preprocessing, seed=config.seed, dtype=config.dtype, augmentation=augmentation),
        held_out,
        eval_every=config.eval_every,
        eval_chunk=_chunk(model),
        accumulate=config.accumulate,
        select=config.held_out == "validation",
        patience=config.patience or None,
        max_growth=config.divergence_factor,
        watch_every=config.layer_stats_every or None,
    )
    return Components(dataset, loaded.warning, train, held_out, test, preprocessing, model, parameters, trainer)


def network(config: Config, dataset: Dataset) -> Classifier:
    """The network of ``config`` for the images and classes of ``dataset``, with its initial weights."""
    start: dict[str, Any] = {"rng": stream(config.seed, "weights"), "dtype": config.dtype}
    # a setting of the MLP; the other networks have ReLUs
    neg_slope = config.neg_slope if config.model in models_with("neg_slope") else 0.0
    init = initializer(config.start, std=config.init_std, neg_slope=neg_slope)
    return build_network(config.model, dataset.image_shape, dataset.n_classes, vars(config), init=init, **start)


def loss(config: Config) -> SoftMaxCrossEntropyModule:
    """The loss of ``config``, without the L2 penalty."""
    return SoftMaxCrossEntropyModule(label_smoothing=config.label_smoothing)


def update(config: Config, parameters: FlatParameters, model: Module) -> Update:
    """The update of ``config``: its optimizer with schedule, penalty, clipping and average."""
    schedule = None if config.schedule == "constant" else parse_schedule(config.schedule, config.steps)
    return Update(
        optimizer(config, parameters),
        schedule=schedule,
        penalty=L2Penalty(parameters, config.l2) if config.l2 else None,
        clip_norm=config.clip_norm or None,
        clip_value=config.clip_value or None,
        average=Average(parameters, config.ema, model if config.ema_buffers else None) if config.ema else None,
    )


def optimizer(config: Config, parameters: FlatParameters) -> Optimizer:
    """The optimizer of ``config``, with the options that are settings.

    A setting at its default leaves the optimizer its own, such as Muon its momentum.
    """
    changed = {field.name for field in fields(config) if getattr(config, field.name) != field.default}
    names = optimizer_options(config.optimizer) & (changed | {"weight_decay"})
    options: dict[str, Any] = {name: getattr(config, name) for name in names} | {"decay": config.decay_on}
    return OPTIMIZERS[config.optimizer](parameters, config.lr, **options)


def run_info(config: Config, parts: Components) -> RunInfo:
    """The description of a run of ``config`` for its history."""
    dataset, option = parts.dataset, config.dataset
    if option == "auto":
        option = "cifar10" if dataset.name == "CIFAR-10" else "shapes"
    return RunInfo(
        dataset=dataset.name,
        dataset_option=option,
        data_dir=str(Path(config.data_dir).absolute()),
        source=dataset.source,
        model=repr(parts.model),
        parameters=len(parts.parameters),
        loss=repr(parts.trainer.loss),
        optimizer=repr(parts.trainer.optimizer),
        config=asdict(config),
        test_openings=list(parts.test.openings),
    )


def data_fingerprint(*splits: Split) -> str:
    """CRC-32 of all inputs, targets and weights, as 8 hex digits; takes 50 ms for CIFAR-10."""
    found = 0
    for split in splits:
        for array in split.arrays():
            found = zlib.crc32(np.ascontiguousarray(array).data, found)
    return f"{found:08x}"


def _chunk(model: Classifier) -> int:
    # The windows of a convolution hold many times as many values as the image: beyond about a hundred images, memory
    # allocation takes longer than the products.
    if any(isinstance(layer, Conv2dModule) for _, layer in model.leaves()):
        return 64
    return max(1, min(1000, _EVAL_NUMBERS // model.n_inputs))
