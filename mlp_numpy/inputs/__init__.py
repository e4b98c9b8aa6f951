"""What a trained model looks for in an image: its scores differentiated by the pixels instead of by the weights."""

from mlp_numpy.inputs.ascent import Maximized, maximize_class
from mlp_numpy.inputs.logits import PixelLogits
from mlp_numpy.inputs.saliency import saliency

__all__ = ["Maximized", "PixelLogits", "maximize_class", "saliency"]
