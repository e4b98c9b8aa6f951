"""The settings of a run: every option of the command line is a field here, with its range, choices, need and help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, get_args

from mlp_numpy.checks import FINITE, FRACTION, NOT_NEGATIVE, OPEN_FRACTION, POSITIVE
from mlp_numpy.config.needs import (
    EMA,
    FLIP,
    FOLDER_DATA,
    IMAGE_DATA,
    INIT_NORMAL,
    LIBRARY_MODEL,
    LOOKAHEAD,
    OWN_DATA,
    PATIENCE,
    SGD_WITH_MOMENTUM,
    SHIFT,
    TABLE_DATA,
    VALIDATION,
    WEIGHT_DECAY,
    hidden_layers,
    needs,
    needs_model,
    needs_optimizer,
)
from mlp_numpy.config.options import (
    WHO,
    any_size,
    at_least,
    check_needs,
    folder,
    height_and_width,
    layer_sizes,
    model_name,
    names,
    one_of,
    option,
    option_of,
    plain_name,
    some_of,
    switch,
    text,
    within,
)
from mlp_numpy.data.own_data import TABLE, TABLE_TASKS, OwnData
from mlp_numpy.data.preprocessing import PREPROCESSINGS
from mlp_numpy.data.splitting import WAYS
from mlp_numpy.data.views import VIEWS
from mlp_numpy.errors import OptionError
from mlp_numpy.models import MODELS, takes_images
from mlp_numpy.modules import INITIALIZERS, KNOWN_LOSSES
from mlp_numpy.optim import OPTIMIZERS, DecayScope, Plateau, optimizer_options, parse_schedule
from mlp_numpy.optim.schedules import OneCycle

LOGS: Final = ("tensorboard", "mlflow", "wandb")

MODEL, OPTIMIZER, REGULARIZATION = "model", "optimizer", "regularization"
DATA, EVALUATION, RUN = "data", "evaluation", "run"


@dataclass(frozen=True)
class Config:
    """All settings of a run. The defaults are the main experiment of the source document.

    Each field is an option of ``train``, declared with its help, range, choices and needs. Raises OptionError for a
    setting of the wrong type or out of range, and for one that has no effect together with the others.
    """

    model: str = option(
        "mlp",
        MODEL,
        f"network: {', '.join(f'{name} ({known.help})' for name, known in MODELS.items())}, or your own, as "
        "package.module:function",
        model_name,
    )
    hidden: tuple[int, ...] = option(
        (100,),
        MODEL,
        "sizes of an MLP's hidden layers, such as 600 500; none: multinomial logistic regression",
        layer_sizes,
        need=needs_model("hidden"),
    )
    neg_slope: float = option(
        0.02, MODEL, "slope of the MLP's LeakyReLU below 0", within(FINITE), need=needs_model("neg_slope")
    )
    batch_norm: bool = option(
        False,
        MODEL,
        "batch normalization before every Linear of the MLP but the first",
        switch,
        need=hidden_layers("batch_norm"),
    )
    dropout: float = option(
        0.0, MODEL, "probability of dropping a hidden unit of the MLP", within(FRACTION), need=hidden_layers("dropout")
    )
    width: int = option(
        64,
        MODEL,
        "channels of the conv-net's first convolution; the others have up to eight times as many",
        at_least(1),
        need=needs_model("width"),
    )
    extra_norm: bool = option(
        False, MODEL, "one more BatchNorm and ReLU before the conv-net's Linear", switch, need=needs_model("extra_norm")
    )
    init: str = option(
        "auto",
        MODEL,
        "initialization of the weights: auto (normal for images and an MLP without batch norm, dirac for "
        "whitened-conv-net, else kaiming), "
        f"{', '.join(INITIALIZERS)}",
        need=LIBRARY_MODEL,
        **one_of(("auto", *INITIALIZERS)),
    )
    init_std: float = option(
        1e-4,
        MODEL,
        "standard deviation of the initial weights under init normal",
        within(NOT_NEGATIVE),
        need=INIT_NORMAL,
    )
    loss: str = option(
        "auto",
        MODEL,
        "loss: auto (cross-entropy, or mse for a regression), " + ", ".join(KNOWN_LOSSES),
        **one_of(("auto", *KNOWN_LOSSES)),
    )
    optimizer: str = option("sgd", OPTIMIZER, "update rule", **one_of(tuple(OPTIMIZERS)))
    lr: float = option(2e-3, OPTIMIZER, "learning rate", within(POSITIVE))
    batch: int = option(200, OPTIMIZER, "examples in a minibatch", at_least(1))
    steps: int = option(1500, OPTIMIZER, "number of updates", at_least(1))
    momentum: float = option(
        0.0,
        OPTIMIZER,
        "momentum coefficient μ; muon has 0.95 unless it is given",
        within(FRACTION),
        need=needs_optimizer("momentum"),
    )
    dampening: float = option(
        0.0,
        OPTIMIZER,
        "dampening of sgd's momentum: the gradient enters with 1 − dampening",
        within(FRACTION),
        need=SGD_WITH_MOMENTUM,
    )
    nesterov: bool = option(False, OPTIMIZER, "Nesterov momentum", switch, need=SGD_WITH_MOMENTUM)
    beta1: float = option(
        0.9,
        OPTIMIZER,
        "decay rate of the first-moment estimate β₁",
        within(FRACTION),
        need=needs_optimizer("beta1"),
    )
    beta2: float = option(
        0.999,
        OPTIMIZER,
        "decay rate of the second-moment estimate β₂",
        within(FRACTION),
        need=needs_optimizer("beta2"),
    )
    amsgrad: bool = option(
        False,
        OPTIMIZER,
        "AMSGrad: divide by the largest second-moment estimate so far",
        switch,
        need=needs_optimizer("amsgrad"),
    )
    centered: bool = option(
        False,
        OPTIMIZER,
        "divide by the standard deviation instead of the root mean square",
        switch,
        need=needs_optimizer("centered"),
    )
    schedule: str = option(
        "constant",
        OPTIMIZER,
        "learning-rate schedule, such as constant, step:500:0.1, multi-step:500,900:0.1, exponential:0.999, cosine, "
        "restarts:100:2, polynomial:0.9, warmup:200+cosine, warmup:200+inverse-sqrt:200, one-cycle or plateau:0.5:3",
        text,
    )
    clip_norm: float = option(0.0, OPTIMIZER, "clip the gradient to this norm; 0: no clipping", within(NOT_NEGATIVE))
    clip_value: float = option(
        0.0, OPTIMIZER, "clip every gradient entry to ± this; 0: no clipping", within(NOT_NEGATIVE)
    )
    accumulate: int = option(1, OPTIMIZER, "batches per update (gradient accumulation)", at_least(1))
    ema: float = option(
        0.0,
        OPTIMIZER,
        "decay of an exponential moving average of the weights, which is evaluated and saved; 0: none",
        within(FRACTION),
        old="average",
    )
    lookahead: float = option(
        0.0,
        OPTIMIZER,
        "lookahead: the weight of the slow weights when the others are pulled back to them, 1 − α; 0: none",
        within(FRACTION),
    )
    lookahead_every: int = option(5, OPTIMIZER, "steps between two pulls of the lookahead", at_least(1), need=LOOKAHEAD)
    lookahead_power: float = option(
        0.0,
        OPTIMIZER,
        "the lookahead's weight grows to its value with this power of the fraction of the run; 0: constant",
        within(NOT_NEGATIVE),
        need=LOOKAHEAD,
    )
    norm_lr_factor: float = option(
        1.0,
        OPTIMIZER,
        "factor on the learning rate of the normalizations' γ and β; it leaves what weight decay takes from them",
        within(POSITIVE),
    )
    head_lr_factor: float = option(
        1.0,
        OPTIMIZER,
        "factor on the learning rate of the last layer; it leaves what weight decay takes from it",
        within(POSITIVE),
    )
    ema_buffers: bool = option(
        False,
        OPTIMIZER,
        "also average the running statistics of batch norms",
        switch,
        need=EMA,
    )
    weight_decay: float = option(
        0.0, REGULARIZATION, "L2 coefficient added to the gradient (decoupled in adamw)", within(NOT_NEGATIVE)
    )
    decay_on: str = option(
        "all",
        REGULARIZATION,
        "parameters that weight decay applies to: all, or weights only",
        old="decay",
        need=WEIGHT_DECAY,
        **one_of(get_args(DecayScope)),
    )
    l2: float = option(
        0.0, REGULARIZATION, "coefficient of an L2 penalty on the weights in the loss", within(NOT_NEGATIVE)
    )
    label_smoothing: float = option(
        0.0,
        REGULARIZATION,
        "fraction of every label spread over all classes",
        within(FRACTION),
        need=needs("loss cross-entropy", loss=("auto", "cross-entropy")),
    )
    flip: bool = option(False, REGULARIZATION, "mirror images at random", switch, need=IMAGE_DATA)
    shift: int = option(
        0, REGULARIZATION, "shift images at random by at most this many pixels", at_least(0), need=IMAGE_DATA
    )
    cutout: int = option(
        0, REGULARIZATION, "side of a random square cut out of each image", at_least(0), need=IMAGE_DATA
    )
    alternate_flip: bool = option(
        False,
        REGULARIZATION,
        "mirror every image in every second epoch, instead of at random",
        switch,
        need=FLIP,
    )
    reflect: bool = option(
        False,
        REGULARIZATION,
        "fill what a shift moves in with the reflected border of the image, instead of 0",
        switch,
        need=SHIFT,
    )
    dataset: str = option(
        "auto",
        DATA,
        "data set: auto (CIFAR-10 if it is on disk or can be downloaded, else shapes), cifar10, cifar100, "
        "cifar100-coarse (its 20 superclasses), mnist, shapes (generated), folder:PATH for images of your own, "
        "table:FILE for a CSV, Parquet or npz file, or torchvision:CLASS for any data set of torchvision; "
        "cifar10:airplane,bird is two classes of one",
        text,
    )
    target: tuple[str, ...] = option(
        (), DATA, "column of a table that is predicted; several of them are a regression", names, need=TABLE_DATA
    )
    task: str = option(
        "auto",
        DATA,
        "task of a table: classification, regression, or auto (regression if its target has fractions)",
        need=TABLE_DATA,
        **one_of(TABLE_TASKS),
    )
    categorical: tuple[str, ...] = option(
        (), DATA, "columns of a table whose numbers are categories", names, need=TABLE_DATA
    )
    ignore: tuple[str, ...] = option((), DATA, "columns of a table that are left out", names, need=TABLE_DATA)
    test_file: str = option("", DATA, "a second table, with the test examples", folder, need=TABLE_DATA)
    test_fraction: float = option(
        0.2,
        DATA,
        "fraction of your examples that becomes the test set, if they are in one table, or in a folder without train "
        "and test; it is the same for every seed",
        within(OPEN_FRACTION),
        need=OWN_DATA,
    )
    image_size: tuple[int, ...] = option(
        (),
        DATA,
        "height and width, or side, that the images of a folder are scaled to; default: their size",
        height_and_width,
        need=FOLDER_DATA,
    )
    data_dir: str = option("data", DATA, "folder of the data sets", folder)
    download: bool = option(True, DATA, "allow downloads of data sets", switch)
    preprocessing: str = option(
        "auto",
        DATA,
        "preprocessing: auto (standardize for a table, else mean-image), mean-image (subtract the mean training "
        "image), standardize (per channel or column), "
        "unit (divide by 255), symmetric (to −1…1) or raw (as stored)",
        **one_of(("auto", *PREPROCESSINGS)),
    )
    held_out: str = option(
        "test",
        EVALUATION,
        "evaluation split while training: test (the whole test set, as in the source) or validation "
        "(part of the training data, which selects the weights; the test set is evaluated once at the end)",
        **one_of(("test", "validation")),
    )
    validation: int = option(5000, EVALUATION, "examples in the validation split", at_least(1), need=VALIDATION)
    split: str = option("first", EVALUATION, "choice of the validation examples", need=VALIDATION, **one_of(WAYS))
    patience: int = option(
        0,
        EVALUATION,
        "early stopping: evaluations in a row without a better value of monitor; 0: never stop",
        at_least(0),
        need=VALIDATION,
    )
    monitor: str = option(
        "auto",
        EVALUATION,
        "what selects the weights: loss, accuracy, log_loss, r2, mae, rmse, or auto (accuracy; r2 for a regression)",
        text,
        need=VALIDATION,
    )
    min_delta: float = option(
        0.0,
        EVALUATION,
        "an improvement by less than this counts as none for patience",
        within(NOT_NEGATIVE),
        need=PATIENCE,
    )
    views: str = option(
        "none",
        EVALUATION,
        "test-time views: average the scores over each image and its mirror image (mirror), or over these and two "
        "shifts by one pixel as well (mirror-shift: six views), in evaluations and predictions",
        need=IMAGE_DATA,
        **one_of(("none", *VIEWS)),
    )
    eval_every: int = option(100, EVALUATION, "steps between two evaluations", at_least(1))
    layer_stats_every: int = option(
        0, EVALUATION, "steps between two measurements of every layer; 0: none", at_least(0), old="watch"
    )
    divergence_factor: float = option(
        1e6,
        EVALUATION,
        "stop at a batch loss above this factor · max(1, first loss)",
        within(POSITIVE),
        old="max_growth",
    )
    seed: int = option(0, RUN, "seed of every random choice, an integer", any_size)
    dtype: str = option("float32", RUN, "dtype of the training", **one_of(("float32", "float64")))
    shards: int = option(
        0,
        RUN,
        "parts of each batch that are computed side by side; they decide the results to the last bits; 0: 2, or 1 for "
        "a small network",
        at_least(0),
    )
    threads: int = option(
        0, RUN, "threads that compute the shards; affects the time alone; 0: one per core", at_least(0)
    )
    distributed: str = option(
        "none",
        RUN,
        "mpi: share each batch among the processes that mpirun starts, with shards and threads in each; needs the "
        "extra mpi",
        **one_of(("none", "mpi")),
    )
    allreduce: str = option(
        "ordered",
        RUN,
        "order in which the processes' sums are added: that of the processes, for the same bits in every repetition "
        "(ordered), or one of the MPI library's own choice (tree)",
        need=needs("distributed mpi", distributed=("mpi",)),
        **one_of(("ordered", "tree")),
    )
    checkpoint_every: int = option(
        500, RUN, "steps between two checkpoints, from which a killed run resumes", at_least(1)
    )
    log: tuple[str, ...] = option(
        (),
        RUN,
        "report the run to experiment trackers, offline: tensorboard (event files in the run's folder), mlflow (a "
        "store in runs-dir), wandb (offline runs in the run's folder); each needs the extra of its name",
        some_of(LOGS),
    )
    tensorboard: bool = option(False, RUN, "the same as --log tensorboard", switch)
    name: str = option(
        "", RUN, "name of the run's folder and figure; default: the next free run-DATASET-NUMBER", plain_name
    )
    runs_dir: str = option("runs", RUN, "folder that gets the run's folder", folder)
    plots_dir: str = option("plots", RUN, "folder that gets the run's figure", folder)
    overwrite: bool = option(False, RUN, "replace an earlier run of the same name", switch)

    def __post_init__(self) -> None:
        for field in fields(self):
            value = option_of(field).check(WHO, field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        _check_together(settings)
        check_needs(settings, fields(self))

    @property
    def trackers(self) -> tuple[str, ...]:
        """The names in ``log``, with tensorboard if ``tensorboard`` is set."""
        return tuple(dict.fromkeys([*self.log, *(["tensorboard"] if self.tensorboard else [])]))

    @property
    def own_data(self) -> OwnData:
        """The settings of data of one's own."""
        return OwnData(**{field.name: getattr(self, field.name) for field in fields(OwnData)})

    @property
    def input_preprocessing(self) -> str:
        """The preprocessing where ``preprocessing`` is auto: standardize or mean-image; else ``preprocessing``."""
        if self.preprocessing != "auto":
            return self.preprocessing
        return "standardize" if self.dataset.startswith(TABLE) else "mean-image"

    @property
    def start(self) -> str:
        """The initialization where ``init`` is auto: the network's own, normal or kaiming; else ``init``."""
        own = MODELS[self.model].init if self.model in MODELS else ""
        if self.init != "auto" or own:
            return own if self.init == "auto" else self.init
        images = not self.dataset.startswith(TABLE)
        return "normal" if self.model == "mlp" and not self.batch_norm and images else "kaiming"


def _check_together(of: Mapping[str, Any]) -> None:
    """Raise OptionError for settings that contradict each other."""
    if of["model"] == "residual-mlp" and (len(of["hidden"]) < 2 or len(set(of["hidden"])) > 1):
        raise OptionError(
            f"{WHO}: hidden must list two or more equal sizes for a residual-mlp, got {list(of['hidden'])}. "
            "Hint: hidden 600 600 is one block with a shortcut."
        )
    if of["dataset"].startswith(TABLE) and takes_images(of["model"]):
        raise OptionError(f"{WHO}: model {of['model']} must come with a dataset of images, got {of['dataset']}.")
    schedule, evaluations = parse_schedule(of["schedule"], of["steps"]), of["steps"] // of["eval_every"] + 1
    if isinstance(schedule, Plateau) and schedule.patience + 2 > evaluations:
        raise OptionError(
            f"{WHO}: schedule {of['schedule']} must have at least {schedule.patience + 2} evaluations to look at, got "
            f"{evaluations} in {of['steps']} steps. Hint: a smaller eval_every."
        )
    if isinstance(schedule, OneCycle) and schedule.momenta is not None:
        taken = optimizer_options(of["optimizer"])
        if "beta1" not in taken and not ("momentum" in taken and of["momentum"]):
            raise OptionError(
                f"{WHO}: schedule {of['schedule']} must cycle the momentum of an optimizer that has one, got "
                f"{of['optimizer']}. Hint: momentum 0.9 with sgd, or an Adam."
            )
    if of["nesterov"] and of["dampening"]:
        raise OptionError(f"{WHO}: nesterov must come without dampening, got both.")


def present_name(name: str) -> str:
    """The current name of a setting, given that or its name in version 0.1."""
    return _PRESENT.get(name, name)


def present_names(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under their current names."""
    return {present_name(name): value for name, value in settings.items()}


_PRESENT: Final = {option_of(field).old: field.name for field in fields(Config) if option_of(field).old}
