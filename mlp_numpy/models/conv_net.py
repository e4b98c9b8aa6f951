"""Convolutional networks for small color images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Seed, generator
from mlp_numpy.checks import allocatable, flag, sizes, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import (
    BatchNorm,
    Conv2dModule,
    FlattenModule,
    Initializer,
    LinearModule,
    MaxPool2dModule,
    Module,
    ReLUModule,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.modules.windows import Windows

_POOL = -1
FIGURE_6 = (1, _POOL, 2, _POOL, 4, 4, _POOL, 8, 8, _POOL, 8, 8, _POOL)
"""The channels of the convolutions in order, as multiples of the first one's; −1 is a pool."""


class ConvNet(Classifier):
    """Eight convolutions and five pools: the network of figure 6.

        x (N, C·H·W) → images → [Conv 3×3 → BatchNorm → ReLU] × 8, with MaxPool 3×3, stride 2, after the 1st, 2nd, 4th,
        6th and 8th → Linear → SoftMax → probabilities (N, n_classes)

    image_shape        (C, H, W) of the images, which are passed as vectors
    extra_norm         an additional BatchNorm and ReLU before the Linear
    n_first            channels of the first convolution; the others have 2, 4, 4, 8, 8, 8 and 8 times as many
    init, rng, dtype   initialization, as in Conv2dModule; Kaiming by default
    input_layer        backward leaves out ∂L/∂x, which training does not need
    softmax            False for a regression, as in MLP

    The convolutions have no bias: the following BatchNorm would cancel it.

    Reference: "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), section 4.

    Raises OptionError for sizes below 1.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
        *,
        extra_norm: bool = False,
        n_first: int = 64,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
        softmax: bool = True,
    ) -> None:
        image_shape = checked_image_shape("ConvNet", image_shape)
        n_classes = whole_number("ConvNet", "n_classes", n_classes)
        n_first = whole_number("ConvNet", "n_first", n_first)
        extra_norm = flag("ConvNet", "extra_norm", extra_norm)
        input_layer = flag("ConvNet", "input_layer", input_layer)
        options: dict[str, Any] = {"init": kaiming() if init is None else init, "rng": generator(rng), "dtype": dtype}
        n_channels, height, width = image_shape
        modules: list[Module] = [UnflattenModule(*image_shape)]
        for layer, times in enumerate(FIGURE_6):
            if times == _POOL:
                pool = MaxPool2dModule(3, stride=2, padding=1)
                modules.append(pool)
                height, width = pool.windows.out_size(height, width)
                continue
            first, n_next = input_layer and layer == 0, times * n_first
            conv = Conv2dModule(n_channels, n_next, 3, padding=1, bias=False, input_layer=first, **options)
            modules += [conv, BatchNorm(n_next, dtype=dtype), ReLUModule()]
            n_channels = n_next
        if extra_norm:
            modules += [BatchNorm(n_channels, dtype=dtype), ReLUModule()]
        last = LinearModule(n_channels * height * width, n_classes, **options)
        super().__init__(math.prod(image_shape), *modules, FlattenModule(), last, softmax=softmax)
        self.image_shape, self.n_classes, self.extra_norm, self.n_first = image_shape, n_classes, extra_norm, n_first

    def arguments(self) -> dict[str, Any]:
        return {
            "image_shape": list(self.image_shape),
            "n_classes": self.n_classes,
            "extra_norm": self.extra_norm,
            "n_first": self.n_first,
        } | self._head()

    def _repr_args(self) -> str:
        extra_norm = ", extra_norm=True" if self.extra_norm else ""
        n_first = "" if self.n_first == 64 else f", n_first={self.n_first}"
        return f"{self.image_shape}, {self.n_classes}{extra_norm}{n_first}{self._head_args()}"


class SmallConvNet(Classifier):
    """Two convolutions and three linear layers, for images of at least 16 × 16.

        x (N, C·H·W) → images → Conv 5×5 to 6 → ReLU → MaxPool 2×2 → Conv 5×5 to 16 → ReLU → MaxPool 2×2
        → Linear 120 → ReLU → Linear 84 → ReLU → Linear → SoftMax → probabilities (N, n_classes)

    image_shape        (C, H, W) of the images, which are passed as vectors
    init, rng, dtype   initialization, as in Conv2dModule; Kaiming by default
    input_layer        backward leaves out ∂L/∂x, which training does not need
    softmax            False for a regression, as in MLP

    Reference: "Submission Assignment 2" (Gil Álamo), questions 11 and 12, after PyTorch's tutorial on CIFAR-10.

    Raises OptionError for invalid sizes.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
        *,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
        softmax: bool = True,
    ) -> None:
        image_shape = checked_image_shape("SmallConvNet", image_shape)
        n_classes = whole_number("SmallConvNet", "n_classes", n_classes)
        options: dict[str, Any] = {"init": kaiming() if init is None else init, "rng": generator(rng), "dtype": dtype}
        n_channels, *size = image_shape
        for over in (Windows((5, 5), (1, 1), (0, 0)), Windows((2, 2), (2, 2), (0, 0))) * 2:
            size = list(over.out_size(*size))
        if min(size) < 1:
            raise OptionError(f"SmallConvNet: images must be at least 16 × 16, got image_shape {image_shape}.")
        super().__init__(
            math.prod(image_shape),
            UnflattenModule(*image_shape),
            Conv2dModule(n_channels, 6, 5, input_layer=input_layer, **options),
            ReLUModule(),
            MaxPool2dModule(2),
            Conv2dModule(6, 16, 5, **options),
            ReLUModule(),
            MaxPool2dModule(2),
            FlattenModule(),
            LinearModule(16 * size[0] * size[1], 120, **options),
            ReLUModule(),
            LinearModule(120, 84, **options),
            ReLUModule(),
            LinearModule(84, n_classes, **options),
            softmax=softmax,
        )
        self.image_shape, self.n_classes = image_shape, n_classes

    def arguments(self) -> dict[str, Any]:
        return {"image_shape": list(self.image_shape), "n_classes": self.n_classes} | self._head()

    def _repr_args(self) -> str:
        return f"{self.image_shape}, {self.n_classes}{self._head_args()}"


def checked_image_shape(who: str, image_shape: Any) -> tuple[int, int, int]:
    """``image_shape`` as a tuple; raises OptionError unless it is (C, H, W) of a size that can be allocated."""
    shape = sizes(who, "image_shape", image_shape)
    if len(shape) != 3:
        raise OptionError(f"{who}: image_shape must be (C, H, W), got {image_shape!r}.")
    allocatable(who, shape)
    return shape[0], shape[1], shape[2]
