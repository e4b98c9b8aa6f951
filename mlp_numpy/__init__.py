"""NumPy neural networks in which every layer carries its own hand-derived, proven backward pass."""

from importlib.metadata import PackageNotFoundError, version

from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.models import MLP, ConvNet, ResidualMLP, SmallConvNet, TwoLayerNet
from mlp_numpy.modules import (
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    CrossEntropyModule,
    Dropout,
    FlattenModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LossModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    Residual,
    Sequential,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    UnflattenModule,
    glorot,
    kaiming,
    lecun,
    normal,
    orthogonal,
    zeros,
)
from mlp_numpy.optim import SGD, FlatParameters

try:
    __version__ = version("mlp_numpy")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "MLP",
    "SGD",
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
    "orthogonal",
    "zeros",
]
