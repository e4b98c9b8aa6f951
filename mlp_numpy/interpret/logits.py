"""Logits of a trained classifier as functions of the pixels, including preprocessing."""

from __future__ import annotations

import copy
import math

import numpy as np

from mlp_numpy.arrays import Array, first_outside, one_hot
from mlp_numpy.checks import instance, is_whole, numbers, shown
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import CallOrderError, LabelError, OptionError, ShapeError
from mlp_numpy.models import Classifier
from mlp_numpy.modules import Module


class PixelLogits:
    """A trained model as a function from pixels to logits, in evaluation mode.

    Forward     z = f((u − shift) · scale)
    Backward    ∂z_c/∂u = scale · f′(x)ᵀ e_c       e_c is 1 at class c, else 0
    Shapes      u (N, D) in 0…255   z (N, C)   c (N,), one class per row   ∂z_c/∂u (N, D)

    Logits are used instead of probabilities because a probability also rises when the logits of other classes fall, and
    saturates near 1.

    It uses a copy whose first layer computes the input gradient that training omits, so ``model`` is not modified:
    neither its mode, nor its gradients, nor its cache.

    Raises OptionError for a model that outputs probabilities and is not a Classifier, which has ``logits``.
    """

    def __init__(self, model: Module, preprocessing: Preprocessing) -> None:
        instance("PixelLogits", "model", model, Module)
        instance("PixelLogits", "preprocessing", preprocessing, Preprocessing)
        net = model.logits if isinstance(model, Classifier) else model
        if net.output_kind in ("probabilities", "log-probabilities"):
            raise OptionError(
                f"PixelLogits: model must give scores, but {net!r} gives {net.output_kind}. "
                "Hint: leave out its last layer."
            )
        self._net = copy.deepcopy(net).eval()
        for _, leaf in self._net.leaves():
            leaf.input_needed = True
        self._dtype = next((learned.value.dtype for _, learned in net.named_parameters()), np.dtype(np.float64))
        self._preprocessing = preprocessing
        self._n_classes = 0

    def forward(self, images: Array) -> Array:
        """The logits (N, C) of images (N, D) in 0…255. Raises the errors of preprocessing and model for other
        shapes."""
        scores = self._net.forward(self._preprocessing.apply(images, self._dtype))
        if scores.ndim != 2:
            raise ShapeError(f"PixelLogits.forward: the model must give scores (N, C), got {scores.shape}.")
        self._n_classes = scores.shape[1]
        return scores

    def backward(self, classes: Array) -> Array:
        """∂z_c/∂u (N, D) at the images of the last forward, for one class per image.

        Raises LabelError for classes that the model does not have, CallOrderError without a forward.
        """
        classes = self.check_classes(classes)
        dx = self._net.backward(one_hot(classes, self._n_classes, self._dtype))
        if dx is None:
            raise OptionError(f"PixelLogits: model must give the gradient to its input, but {self._net!r} gives none.")
        return self._preprocessing.backward(dx)

    def check_classes(self, classes: Array) -> Array:
        """The classes as an array; raises the errors of ``backward`` for invalid ones."""
        classes = numbers("PixelLogits.backward", "classes", classes)
        if self._n_classes == 0:
            raise CallOrderError("PixelLogits.backward: a forward must come first. Hint: call forward on the images.")
        if classes.ndim != 1 or classes.dtype.kind not in "iu":
            raise LabelError(
                f"PixelLogits.backward: classes must be integers (N,), got {classes.dtype} {classes.shape}."
            )
        row = first_outside(classes, self._n_classes)
        if row is not None:
            raise LabelError(
                f"PixelLogits.backward: classes must lie in [0, {self._n_classes}), got {classes[row]} at row {row}."
            )
        return classes


def check_image_shape(who: str, model: Module, image_shape: tuple[int, int, int]) -> int:
    """The number of values of an image; OptionError unless the shape is (C, H, W) and that of the model, if it has
    one."""
    instance(who, "model", model, Module)
    known = isinstance(image_shape, tuple | list) and len(image_shape) == 3 and all(is_whole(n, 1) for n in image_shape)
    if not known:
        raise OptionError(f"{who}: image_shape must be (C, H, W), got {shown(image_shape)}.")
    models_own = getattr(model, "image_shape", image_shape)
    if tuple(models_own) != tuple(image_shape):
        raise OptionError(f"{who}: image_shape must be that of the model, {models_own}, got {image_shape}.")
    return math.prod(image_shape)
