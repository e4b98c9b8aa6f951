"""Test-time views: a model's outputs are averaged over mirror images and shifts of each example."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice, is_whole, numbers, shown
from mlp_numpy.errors import OptionError, ShapeError

VIEWS: Final = ("mirror", "mirror-shift")
"""The kinds of views."""


@dataclass(frozen=True)
class Views:
    """Views of each image, over which a model's outputs are averaged in evaluation.

        mirror         g(x) = ½ f(x) + ½ f(mirrored x)
        mirror-shift   ½ g(x) + ¼ g(x one pixel down and right) + ¼ g(x one pixel up and left), six views; the rows and
                       columns shifted in are the reflection of those beside the border
        Reference      Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.5; over mirror images
                       and crops: Krizhevsky, Sutskever and Hinton 2012, "ImageNet Classification …", section 4.1

    image_shape   (C, H, W)
    kind          one of ``VIEWS``; no mirror images of digits or letters

    Raises OptionError for another kind, an image_shape that is none, and shifts of images with a side of 1.
    """

    image_shape: tuple[int, int, int]
    kind: str = "mirror-shift"

    def __post_init__(self) -> None:
        choice("Views", "kind", self.kind, VIEWS)
        shape, least = self.image_shape, 2 if self.kind == "mirror-shift" else 1
        if not isinstance(shape, tuple) or len(shape) != 3 or not all(is_whole(size, 1) for size in shape):
            raise OptionError(f"Views: image_shape must be (C, H, W), got {shown(shape)}.")
        if min(shape[1:]) < least:
            raise OptionError(f"Views: images must have at least 2 × 2 pixels to be shifted, got {shape}.")

    def outputs(self, model: Callable[[Array], Array], x: Array) -> Array:
        """The averaged outputs of ``model`` for the rows ``x`` (N, C·H·W).

        Raises ShapeError for rows of another size, DTypeError for anything but numbers, OptionError for a ``model``
        that cannot be called.
        """
        if not callable(model):
            raise OptionError(f"Views.outputs: model must be a function of a batch, got {shown(model)}.")
        x = numbers("Views.outputs", "x", x)
        if x.ndim != 2 or x.shape[1] != math.prod(self.image_shape):
            raise ShapeError(f"Views.outputs: x must be (N, {math.prod(self.image_shape)}), got {x.shape}.")
        parts = (weight * model(view.reshape(x.shape)) for weight, view in self._of(x.reshape(-1, *self.image_shape)))
        out = next(parts)
        for part in parts:
            out += part
        return out

    def _of(self, images: Array) -> Iterator[tuple[float, Array]]:
        """The views of images (N, C, H, W), each with its weight."""
        around, shifts = images, [(1.0, slice(None))]
        if self.kind == "mirror-shift":
            around = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
            shifts = [(0.5, slice(1, -1)), (0.25, slice(None, -2)), (0.25, slice(2, None))]
        for weight, part in shifts:
            view = around[:, :, part, part]
            yield weight / 2, view
            yield weight / 2, view[..., ::-1]
