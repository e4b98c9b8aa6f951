"""NumPy neural networks in which every layer carries its own hand-derived, proven backward pass."""

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from mlp_numpy import modules
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.models import MLP, ConvNet, ResidualMLP, SmallConvNet, TwoLayerNet
from mlp_numpy.modules import (
    AvgPool2dModule,
    BatchNorm,
    BCEModule,
    BCEWithLogitsModule,
    Conv2dModule,
    CrossEntropyModule,
    Dropout,
    ELUModule,
    FlattenModule,
    HingeModule,
    HuberModule,
    IdentityModule,
    KLDivergenceModule,
    L1Module,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSoftMaxModule,
    LossModule,
    MaxPool2dModule,
    Module,
    MSEModule,
    NLLModule,
    PReLUModule,
    ReLUModule,
    Residual,
    SELUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    UnflattenModule,
    glorot,
    kaiming,
    lecun,
    normal,
    orthogonal,
    zeros,
)
from mlp_numpy.optim import SGD, Adagrad, Adam, AdamW, FlatParameters, NAdam, RMSprop

try:
    __version__ = version("mlp_numpy")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

# As in ``modules``: whoever asks for a GELU waits for SciPy.
if TYPE_CHECKING:
    from mlp_numpy.modules import GELUModule
else:

    def __getattr__(name: str) -> Any:
        if name == "GELUModule":
            return modules.GELUModule
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "MLP",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "AvgPool2dModule",
    "BatchNorm",
    "Conv2dModule",
    "ConvNet",
    "CrossEntropyModule",
    "Dropout",
    "FlatParameters",
    "FlattenModule",
    "LayerNorm",
    "LeakyReLUModule",
    "LinearModule",
    "LossModule",
    "MaxPool2dModule",
    "MlpNumpyError",
    "Module",
    "NAdam",
    "RMSprop",
    "ReLUModule",
    "Residual",
    "ResidualMLP",
    "Sequential",
    "SmallConvNet",
    "SoftMaxCrossEntropyModule",
    "SoftMaxModule",
    "TwoLayerNet",
    "UnflattenModule",
    "__version__",
    "glorot",
    "kaiming",
    "lecun",
    "normal",
    "BCEModule",
    "BCEWithLogitsModule",
    "ELUModule",
    "HingeModule",
    "HuberModule",
    "IdentityModule",
    "KLDivergenceModule",
    "L1Module",
    "LogSoftMaxModule",
    "MSEModule",
    "NLLModule",
    "PReLUModule",
    "SELUModule",
    "SiLUModule",
    "SigmoidModule",
    "SoftplusModule",
    "TanhModule",
    "GELUModule",
    "orthogonal",
    "zeros",
]
