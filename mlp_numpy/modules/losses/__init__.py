"""Losses: formulas that map a batch of predictions and labels to a scalar."""

from mlp_numpy.modules.losses.base import LossModule, check_loss_matches
from mlp_numpy.modules.losses.binary import BCE, BCEModule, BCEWithLogits, BCEWithLogitsModule
from mlp_numpy.modules.losses.class_weights import class_weights
from mlp_numpy.modules.losses.cross_entropy import (
    NLL,
    CrossEntropy,
    CrossEntropyModule,
    NLLModule,
    SoftMaxCrossEntropy,
    SoftMaxCrossEntropyModule,
)
from mlp_numpy.modules.losses.divergence import KLDivergence, KLDivergenceModule
from mlp_numpy.modules.losses.hinge import Hinge, HingeModule
from mlp_numpy.modules.losses.poisson import PoissonNLL, PoissonNLLModule
from mlp_numpy.modules.losses.reduction import Joined, Reduction
from mlp_numpy.modules.losses.registry import KNOWN_LOSSES, build_loss, loss_name
from mlp_numpy.modules.losses.regression import (
    L1,
    MSE,
    Huber,
    HuberModule,
    L1Module,
    MSEModule,
    SmoothL1,
    SmoothL1Module,
)

__all__ = [
    "BCE",
    "KNOWN_LOSSES",
    "L1",
    "MSE",
    "NLL",
    "BCEModule",
    "BCEWithLogits",
    "BCEWithLogitsModule",
    "CrossEntropy",
    "CrossEntropyModule",
    "Hinge",
    "HingeModule",
    "Huber",
    "HuberModule",
    "Joined",
    "KLDivergence",
    "KLDivergenceModule",
    "L1Module",
    "LossModule",
    "MSEModule",
    "NLLModule",
    "PoissonNLL",
    "PoissonNLLModule",
    "Reduction",
    "SmoothL1",
    "SmoothL1Module",
    "SoftMaxCrossEntropy",
    "SoftMaxCrossEntropyModule",
    "build_loss",
    "check_loss_matches",
    "class_weights",
    "loss_name",
]
