"""Networks built from modules, and their summaries."""

from mlp_numpy.models.conv_net import ConvNet, SmallConvNet
from mlp_numpy.models.description import build, describe_model
from mlp_numpy.models.mlp import MLP, ResidualMLP, TwoLayerNet
from mlp_numpy.models.network import Classifier, Network
from mlp_numpy.models.own_net import OwnNet
from mlp_numpy.models.registry import MODELS, build_network, models_with, takes_images
from mlp_numpy.models.summary import Summary, SummaryRow, summary
from mlp_numpy.models.whitened_conv_net import WhitenedConvNet

__all__ = [
    "MLP",
    "MODELS",
    "Classifier",
    "ConvNet",
    "Network",
    "OwnNet",
    "ResidualMLP",
    "SmallConvNet",
    "Summary",
    "SummaryRow",
    "TwoLayerNet",
    "WhitenedConvNet",
    "build",
    "build_network",
    "describe_model",
    "models_with",
    "summary",
    "takes_images",
]
