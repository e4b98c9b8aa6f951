"""Saliency maps: the influence of each pixel on a class's logit."""

from __future__ import annotations

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import numbers
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import ShapeError
from mlp_numpy.interpret.logits import PixelLogits, check_image_shape
from mlp_numpy.modules import Module


def saliency(
    model: Module, preprocessing: Preprocessing, image_shape: tuple[int, int, int], images: Array, classes: Array
) -> Array:
    """The change of a class's logit with each pixel, as the maximum over channels.

    Forward     map[h, w] = max_k |∂z_c/∂u[k, h, w]|
    Shapes      images (N, D) in 0…255, D = C·H·W   classes (N,)   maps (N, H, W), logits per gray level
    Reference   Simonyan, Vedaldi and Zisserman 2014, "Deep Inside Convolutional Networks: Visualising Image
                Classification Models and Saliency Maps", section 3.1

    The model is not modified. Raises ShapeError, LabelError and OptionError as PixelLogits does.
    """
    n_pixels, images = check_image_shape("saliency", model, image_shape), numbers("saliency", "images", images)
    if images.ndim != 2 or images.shape[1] != n_pixels:
        raise ShapeError(f"saliency: images must be (N, {n_pixels}), got {images.shape}.")
    logits = PixelLogits(model, preprocessing)
    logits.forward(images)
    maps: Array = np.abs(logits.backward(classes)).reshape(-1, *image_shape).max(axis=1)
    return maps
