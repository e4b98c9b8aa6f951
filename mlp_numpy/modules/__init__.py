"""Layers, activations and losses: each a formula with its derivative, and a module that remembers for it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlp_numpy.autodiff import Id, ReLU, Sigmoid, Tanh
from mlp_numpy.modules.activations import (
    IdentityModule,
    LeakyReLU,
    LeakyReLUModule,
    PReLU,
    PReLUModule,
    ReLUModule,
    ScaledReLU,
    SigmoidModule,
    TanhModule,
)
from mlp_numpy.modules.base import Content, Module
from mlp_numpy.modules.batch_norm import BatchNorm, BatchNormalize, BatchNormalizeInference
from mlp_numpy.modules.chain import check_chain
from mlp_numpy.modules.conv import Conv2d, Conv2dModule
from mlp_numpy.modules.dropout import Dropout, DropoutMask
from mlp_numpy.modules.init import Initializer, glorot, kaiming, lecun, normal, orthogonal, zeros
from mlp_numpy.modules.layer_norm import LayerNorm, LayerNormalize
from mlp_numpy.modules.linear import Linear, LinearModule
from mlp_numpy.modules.losses import (
    BCE,
    L1,
    MSE,
    NLL,
    BCEModule,
    BCEWithLogits,
    BCEWithLogitsModule,
    CrossEntropy,
    CrossEntropyModule,
    Hinge,
    HingeModule,
    Huber,
    HuberModule,
    KLDivergence,
    KLDivergenceModule,
    L1Module,
    LossModule,
    MSEModule,
    NLLModule,
    Reduction,
    SoftMaxCrossEntropy,
    SoftMaxCrossEntropyModule,
)
from mlp_numpy.modules.parameters import NamedArrays
from mlp_numpy.modules.pooling import AvgPool2d, AvgPool2dModule, MaxPool2d, MaxPool2dModule
from mlp_numpy.modules.residual import Residual
from mlp_numpy.modules.sequential import Sequential
from mlp_numpy.modules.shapes import Flatten, FlattenModule, UnflattenModule
from mlp_numpy.modules.smooth import ELU, SELU, ELUModule, SELUModule, SiLU, SiLUModule, Softplus, SoftplusModule
from mlp_numpy.modules.softmax import LogSoftMax, LogSoftMaxModule, SoftMax, SoftMaxModule
from mlp_numpy.modules.tape import TapeModule

# The GELU needs the error function, and SciPy's takes longer to import than all the rest: it is imported when a GELU
# is asked for.
if TYPE_CHECKING:
    from mlp_numpy.modules.gelu import GELU, GELUModule, GELUTanh
else:

    def __getattr__(name: str) -> Any:
        if name in ("GELU", "GELUModule", "GELUTanh"):
            return getattr(import_module("mlp_numpy.modules.gelu"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "BCE",
    "BCEModule",
    "BCEWithLogits",
    "BCEWithLogitsModule",
    "Content",
    "CrossEntropy",
    "CrossEntropyModule",
    "ELU",
    "ELUModule",
    "GELU",
    "GELUModule",
    "GELUTanh",
    "Hinge",
    "HingeModule",
    "Huber",
    "HuberModule",
    "Id",
    "IdentityModule",
    "Initializer",
    "KLDivergence",
    "KLDivergenceModule",
    "L1",
    "L1Module",
    "AvgPool2d",
    "AvgPool2dModule",
    "BatchNorm",
    "BatchNormalize",
    "BatchNormalizeInference",
    "Conv2d",
    "Conv2dModule",
    "Dropout",
    "DropoutMask",
    "Flatten",
    "FlattenModule",
    "LayerNorm",
    "LayerNormalize",
    "LeakyReLU",
    "LeakyReLUModule",
    "Linear",
    "LinearModule",
    "LogSoftMax",
    "LogSoftMaxModule",
    "LossModule",
    "MSE",
    "MSEModule",
    "MaxPool2d",
    "MaxPool2dModule",
    "Module",
    "NLL",
    "NLLModule",
    "NamedArrays",
    "PReLU",
    "PReLUModule",
    "ReLU",
    "ReLUModule",
    "Reduction",
    "SELU",
    "SELUModule",
    "ScaledReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "SiLUModule",
    "Sigmoid",
    "SigmoidModule",
    "SoftMax",
    "SoftMaxCrossEntropy",
    "SoftMaxCrossEntropyModule",
    "SoftMaxModule",
    "Softplus",
    "SoftplusModule",
    "Tanh",
    "TanhModule",
    "TapeModule",
    "check_chain",
    "UnflattenModule",
    "glorot",
    "kaiming",
    "lecun",
    "normal",
    "orthogonal",
    "zeros",
]
