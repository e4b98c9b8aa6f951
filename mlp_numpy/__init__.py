"""NumPy neural networks in which every layer carries its own hand-derived, proven backward pass.

``Trainer``, ``Config``, ``load_model`` and ``run`` are imported when they are first asked for, since they bring more
modules, and libraries for figures and downloads, and so are ``MLPClassifier`` and ``MLPRegressor``, which need
scikit-learn and are not in ``__all__``. ``gradcheck`` is the submodule, whose function is ``gradcheck.gradcheck``: one
name cannot be both, and ``from mlp_numpy.gradcheck import gradcheck`` needs the submodule.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.models import MLP, ConvNet, ResidualMLP, SmallConvNet, TwoLayerNet, WhitenedConvNet
from mlp_numpy.modules import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    BCEModule,
    BCEWithLogitsModule,
    Conv2dModule,
    CrossEntropyModule,
    Dropout,
    ELUModule,
    FlattenModule,
    GELUModule,
    GroupNorm,
    HardswishModule,
    HardtanhModule,
    HingeModule,
    HuberModule,
    IdentityModule,
    KLDivergenceModule,
    L1Module,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    LossModule,
    MaxPool2dModule,
    MishModule,
    Module,
    MSEModule,
    NLLModule,
    PoissonNLLModule,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    Residual,
    RMSNorm,
    SELUModule,
    Sequential,
    Sharded,
    SigmoidModule,
    SiLUModule,
    SmoothL1Module,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    UnflattenModule,
    class_weights,
    dirac,
    glorot,
    kaiming,
    lecun,
    normal,
    orthogonal,
    uniform,
    zeros,
)
from mlp_numpy.optim import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    FlatParameters,
    Lookahead,
    Muon,
    NAdam,
    ParameterGroup,
    RAdam,
    RMSprop,
)

if TYPE_CHECKING:
    from mlp_numpy import gradcheck
    from mlp_numpy.config import Config
    from mlp_numpy.estimators import MLPClassifier as MLPClassifier
    from mlp_numpy.estimators import MLPRegressor as MLPRegressor
    from mlp_numpy.exchange import load_model
    from mlp_numpy.experiment.run import run
    from mlp_numpy.training import Trainer

    __version__: str
else:
    _LAZY = {
        "Config": "mlp_numpy.config",
        "MLPClassifier": "mlp_numpy.estimators",
        "MLPRegressor": "mlp_numpy.estimators",
        "Trainer": "mlp_numpy.training",
        "load_model": "mlp_numpy.exchange",
        "run": "mlp_numpy.experiment.run",
    }

    def __getattr__(name: str) -> Any:
        """A name of ``_LAZY``, the version, or the submodule ``gradcheck``. Raises AttributeError for any other."""
        if name == "__version__":
            return _version()
        if name == "gradcheck":
            return import_module("mlp_numpy.gradcheck")
        if name not in _LAZY:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = found = getattr(import_module(_LAZY[name]), name)
        return found

    def __dir__() -> list[str]:
        """The names of the module, those included that nobody has asked for yet."""
        return sorted({*globals(), *__all__})


def _version() -> str:
    """The version of the installed package."""
    # imported here, since it takes a tenth of the time of the whole library
    metadata = import_module("importlib.metadata")
    try:
        return str(metadata.version("mlp_numpy"))
    except metadata.PackageNotFoundError:  # run from a source tree that was never installed
        return "0+unknown"


__all__ = [
    "MLP",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AdaptiveAvgPool2dModule",
    "AvgPool2dModule",
    "BCEModule",
    "BCEWithLogitsModule",
    "BatchNorm",
    "Config",
    "Conv2dModule",
    "ConvNet",
    "CrossEntropyModule",
    "Dropout",
    "ELUModule",
    "FlatParameters",
    "FlattenModule",
    "GELUModule",
    "GroupNorm",
    "HardswishModule",
    "HardtanhModule",
    "HingeModule",
    "HuberModule",
    "IdentityModule",
    "KLDivergenceModule",
    "L1Module",
    "LayerNorm",
    "LeakyReLUModule",
    "LinearModule",
    "LogSigmoidModule",
    "LogSoftMaxModule",
    "Lookahead",
    "LossModule",
    "MSEModule",
    "MaxPool2dModule",
    "MishModule",
    "MlpNumpyError",
    "Module",
    "Muon",
    "NAdam",
    "NLLModule",
    "PReLUModule",
    "ParameterGroup",
    "PoissonNLLModule",
    "RAdam",
    "RMSNorm",
    "RMSprop",
    "ReLU6Module",
    "ReLUModule",
    "Residual",
    "ResidualMLP",
    "SELUModule",
    "Sequential",
    "Sharded",
    "SiLUModule",
    "SigmoidModule",
    "SmallConvNet",
    "SmoothL1Module",
    "SoftMaxCrossEntropyModule",
    "SoftMaxModule",
    "SoftplusModule",
    "TanhModule",
    "Trainer",
    "TwoLayerNet",
    "UnflattenModule",
    "WhitenedConvNet",
    "__version__",
    "class_weights",
    "dirac",
    "glorot",
    "gradcheck",
    "kaiming",
    "lecun",
    "load_model",
    "normal",
    "orthogonal",
    "run",
    "uniform",
    "zeros",
]
