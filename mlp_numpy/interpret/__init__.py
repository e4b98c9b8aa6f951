"""What a trained model looks for in an image: its scores differentiated by the pixels instead of by the weights."""

from mlp_numpy.interpret.activation_maximization import MaximizedImage, maximize_class
from mlp_numpy.interpret.logits import PixelLogits
from mlp_numpy.interpret.saliency import saliency

__all__ = ["MaximizedImage", "PixelLogits", "maximize_class", "saliency"]
