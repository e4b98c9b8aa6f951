"""Interpretation of trained models by gradients of their logits with respect to the pixels."""

from mlp_numpy.interpret.activation_maximization import MaximizedImage, maximize_class
from mlp_numpy.interpret.logits import PixelLogits
from mlp_numpy.interpret.saliency import saliency

__all__ = ["MaximizedImage", "PixelLogits", "maximize_class", "saliency"]
