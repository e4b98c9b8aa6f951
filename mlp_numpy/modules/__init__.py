"""Layers, activations and losses: each a formula with its derivative, and a module that remembers for it."""

from mlp_numpy.autodiff import ReLU
from mlp_numpy.modules.activations import LeakyReLU, LeakyReLUModule, ReLUModule
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.batch_norm import BatchNorm, BatchNormalize, BatchNormalizeInference
from mlp_numpy.modules.conv import Conv2d, Conv2dModule
from mlp_numpy.modules.dropout import Dropout, DropoutMask
from mlp_numpy.modules.init import Initializer, glorot, kaiming, lecun, normal, orthogonal, zeros
from mlp_numpy.modules.layer_norm import LayerNorm, LayerNormalize
from mlp_numpy.modules.linear import Linear, LinearModule
from mlp_numpy.modules.losses import (
    CrossEntropy,
    CrossEntropyModule,
    LossModule,
    Reduction,
    SoftMaxCrossEntropy,
    SoftMaxCrossEntropyModule,
)
from mlp_numpy.modules.parameters import NamedArrays
from mlp_numpy.modules.pooling import AvgPool2d, AvgPool2dModule, MaxPool2d, MaxPool2dModule
from mlp_numpy.modules.residual import Residual
from mlp_numpy.modules.sequential import Sequential
from mlp_numpy.modules.shapes import Flatten, FlattenModule, UnflattenModule
from mlp_numpy.modules.softmax import SoftMax, SoftMaxModule
from mlp_numpy.modules.tape import TapeModule

__all__ = [
    "AvgPool2d",
    "AvgPool2dModule",
    "BatchNorm",
    "BatchNormalize",
    "BatchNormalizeInference",
    "Conv2d",
    "Conv2dModule",
    "CrossEntropy",
    "CrossEntropyModule",
    "Dropout",
    "DropoutMask",
    "Flatten",
    "FlattenModule",
    "Initializer",
    "LayerNorm",
    "LayerNormalize",
    "LeakyReLU",
    "LeakyReLUModule",
    "Linear",
    "LinearModule",
    "LossModule",
    "MaxPool2d",
    "MaxPool2dModule",
    "Module",
    "NamedArrays",
    "ReLU",
    "ReLUModule",
    "Reduction",
    "Residual",
    "Sequential",
    "SoftMax",
    "SoftMaxCrossEntropy",
    "SoftMaxCrossEntropyModule",
    "SoftMaxModule",
    "TapeModule",
    "UnflattenModule",
    "glorot",
    "kaiming",
    "lecun",
    "normal",
    "orthogonal",
    "zeros",
]
