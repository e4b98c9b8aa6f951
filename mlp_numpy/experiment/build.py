"""Builds the parts of an experiment from its settings: data, network, loss, optimizer, update and trainer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

from mlp_numpy.arrays import Array, stream
from mlp_numpy.blas import one_thread
from mlp_numpy.config import Config
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.data.order import parse_shuffle
from mlp_numpy.data.own_data import absolute
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sealed import SealedSplit
from mlp_numpy.data.sources import Loaded, load_dataset
from mlp_numpy.data.splitting import hold_out
from mlp_numpy.data.statistics import fit_preprocessing, fit_scaling
from mlp_numpy.data.targets import TargetScaling, Task
from mlp_numpy.data.views import Views
from mlp_numpy.errors import OptionError
from mlp_numpy.models import Classifier, build_network, models_with, takes_images
from mlp_numpy.modules import Conv2dModule, LossModule, Module, build_loss, initializer
from mlp_numpy.optim import (
    OPTIMIZERS,
    Average,
    FlatParameters,
    L2Penalty,
    Lookahead,
    Optimizer,
    ParameterGroup,
    optimizer_options,
    parse_schedule,
)
from mlp_numpy.parallel import ALONE, Communicator
from mlp_numpy.training import DEFAULT_METRICS, Metric, RunInfo, Trainer, Update, chosen_metrics

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
    scaling   of a regression: the targets of these splits are standardized by it, with statistics of ``train``
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
    scaling: TargetScaling | None = None


def load_data(config: Config, *, option: str = "", progress: bool = False, write: bool = True) -> Loaded:
    """Load the data set of ``config``, or of another ``option``.

    write   allow downloading (if ``config.download``), or generating and saving it

    Raises what ``load_dataset`` raises.
    """
    may: dict[str, Any] = {"download": config.download and write, "keep": write, "own": config.own_data}
    return load_dataset(option or config.dataset, config.data_dir, progress=progress, **may)


@one_thread()  # so that initial weights do not depend on the number of cores
def build_components(
    config: Config,
    *,
    loaded: Loaded | None = None,
    progress: bool = False,
    shards: int | None = None,
    ranks: Communicator = ALONE,
) -> Components:
    """Load the data, unless given as ``loaded``, and build the network and the trainer.

    shards   the number of shards where ``config`` leaves it open; None: ``default_shards`` of the network
    ranks    processes that share each batch, whatever ``config.distributed`` says

    Raises OptionError for settings that contradict the data, and what ``load_dataset`` raises.
    """
    if loaded is None:
        loaded = load_data(config, progress=progress)
    dataset = loaded.dataset
    validating = config.held_out == "validation"
    train, test_split = dataset.train, dataset.test
    if validating:
        train, validation = hold_out(train, config.validation, config.split, seed=config.seed)
    scaling = fit_scaling(train) if dataset.task == "regression" else None
    train, test = scaled(train, scaling), SealedSplit(scaled(test_split, scaling))
    held_out = scaled(validation, scaling) if validating else test.open(CURVE)
    preprocessing = fit_preprocessing(config.input_preprocessing, train, dataset.image_shape, config.dtype)
    if dataset.image_shape[1:] == (1, 1) and takes_images(config.model):
        raise OptionError(f"build_components: model {config.model} must come with images, got rows of {dataset.name}.")
    model = network(config, dataset)
    if model.n_fitted:
        model.fit_inputs(preprocessing.apply(train.rows(slice(model.n_fitted)).inputs, config.dtype))
    parameters = FlatParameters(model, parameter_groups(config, model))
    metrics = metrics_of(dataset.task, config.monitor, scaling)
    augmentation = None
    if config.flip or config.shift or config.cutout:
        how: dict[str, bool] = {"alternate": config.alternate_flip, "reflect": config.reflect}
        augmentation = Augmentation(dataset.image_shape, config.flip, config.shift, config.cutout, **how)
    trainer = Trainer(
        model.scores,  # without the reshaping of images: the batches are rows
        loss(config, dataset.task),
        update(config, parameters, model),
        Batches(
            train,
            config.batch,
            preprocessing,
            seed=config.seed,
            shuffle=parse_shuffle("Config", config.shuffle),
            dtype=config.dtype,
            augmentation=augmentation,
            prefetch=isinstance(train, MappedSplit),
        ),
        held_out,
        eval_every=config.eval_every,
        eval_chunk=_chunk(model),
        accumulate=config.accumulate,
        metrics=metrics,
        select=validating,
        monitor=None if config.monitor == "auto" else config.monitor,
        patience=config.patience or None,
        min_delta=config.min_delta,
        max_growth=config.divergence_factor,
        watch_every=config.layer_stats_every or None,
        shards=config.shards or shards,
        threads=config.threads or None,
        ranks=ranks,
        views=None if config.views == "none" else Views(dataset.image_shape, config.views),
    )
    splits = train, held_out, test
    return Components(dataset, loaded.warning, *splits, preprocessing, model, parameters, trainer, scaling)


def network(config: Config, dataset: Dataset) -> Classifier:
    """The network of ``config`` for the images and classes of ``dataset``, with its initial weights."""
    start: dict[str, Any] = {"rng": stream(config.seed, "weights"), "dtype": config.dtype}
    # a setting of the MLP; the other networks have ReLUs
    neg_slope = config.neg_slope if config.model in models_with("neg_slope") else 0.0
    init = initializer(config.start, std=config.init_std, neg_slope=neg_slope)
    start |= {"init": init, "softmax": dataset.task == "classification"}
    return build_network(config.model, dataset.image_shape, dataset.n_outputs, vars(config), **start)


def loss(config: Config, task: Task = "classification") -> LossModule:
    """The loss of ``config`` for a task, without the L2 penalty. Raises OptionError for the loss of another task."""
    return build_loss(config.loss, task, {"label_smoothing": config.label_smoothing})


def scaled(split: Split, scaling: TargetScaling | None) -> Split:
    """The split with standardized targets; the inputs are shared."""
    return split if scaling is None else split.rescaled(scaling)


def metrics_of(task: Task, monitor: str = "auto", scaling: TargetScaling | None = None) -> list[Metric]:
    """The metrics of a task, and ``monitor``; for standardized outputs and targets, in original units.

    Raises OptionError for a monitor that is no metric of the task.
    """
    names = [*DEFAULT_METRICS[task], *(() if monitor in ("auto", "loss") else (monitor,))]
    found = chosen_metrics("monitor", task, list(dict.fromkeys(names)))
    return [metric if scaling is None else _in_units(metric, scaling) for metric in found]


def _in_units(metric: Metric, scaling: TargetScaling) -> Metric:
    def function(outputs: Array, targets: Array, weights: Array | None) -> float:
        return metric.function(scaling.restore(outputs), scaling.restore(targets), weights)

    return replace(metric, function=function)


def parameter_groups(config: Config, model: Classifier) -> list[ParameterGroup]:
    """The frozen parameters of a network, and those with a learning rate of their own.

    Raises OptionError for a factor on the learning rate of normalizations if there are none to train.
    """
    names = [name for name, _ in model.named_parameters() if name not in model.frozen]
    norms = [name for name in names if name.endswith((".gamma", ".beta"))]
    last = names[-1].rpartition(".")[0]
    head = [name for name in names if name.rpartition(".")[0] == last and name not in norms]
    if config.norm_lr_factor != 1 and not norms:
        raise OptionError(f"norm_lr_factor must come with a network with normalizations, got {config.model}.")
    groups = [ParameterGroup(model.frozen, 0.0)] if model.frozen else []
    for factor, members in ((config.norm_lr_factor, norms), (config.head_lr_factor, head)):
        if factor != 1:
            groups.append(ParameterGroup(tuple(members), factor, 1 / factor))
    return groups


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
        lookahead=lookahead(config, parameters, model) if config.lookahead else None,
    )


def lookahead(config: Config, parameters: FlatParameters, model: Module) -> Lookahead:
    """The lookahead of ``config``, of weights and running statistics."""
    growth: dict[str, Any] = {"power": config.lookahead_power, "steps": config.steps, "model": model}
    return Lookahead(parameters, config.lookahead, config.lookahead_every, **growth)


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
    dataset, option = parts.dataset, absolute(config.dataset)
    monitor = parts.trainer.monitor
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
        # empty where they are what a history without them means
        monitor="" if monitor == "accuracy" else monitor,
        task="" if dataset.task == "classification" else dataset.task,
        config=asdict(config),
        shards=parts.trainer.shards,
        threads=parts.trainer.workers.threads,
        ranks=parts.trainer.ranks.size if parts.trainer.ranks.size > 1 else None,
        test_openings=list(parts.test.openings),
    )


def _chunk(model: Classifier) -> int:
    # The windows of a convolution hold many times as many values as the image: beyond about a hundred images, memory
    # allocation takes longer than the products.
    if any(isinstance(layer, Conv2dModule) for _, layer in model.leaves()):
        return 64
    return max(1, min(1000, _EVAL_NUMBERS // model.n_inputs))
