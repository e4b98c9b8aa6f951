"""A convolutional network whose first layer whitens the images, for short trainings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, Seed, generator
from mlp_numpy.checks import numbers, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.models.conv_net import checked_image_shape
from mlp_numpy.models.network import Classifier
from mlp_numpy.modules import (
    BatchNorm,
    Conv2dModule,
    FlattenModule,
    GELUModule,
    Initializer,
    LinearModule,
    MaxPool2dModule,
    Module,
    UnflattenModule,
    dirac,
)
from mlp_numpy.modules.whitening import whitening_kernels

BLOCKS = (1, 4, 4)
"""The channels of the blocks, as multiples of the first one's."""
_HEAD_SCALE = 1 / 9


class WhitenedConvNet(Classifier):
    """A whitening convolution and three blocks of two convolutions, for images of at least 9 × 9.

        x (N, C·H·W) → images → Conv 2×2 to 8·C → GELU
        → [Conv 3×3 → MaxPool 2×2 → BatchNorm → GELU → Conv 3×3 → BatchNorm → GELU] × 3
        → MaxPool over all pixels → Linear → SoftMax → probabilities (N, n_classes)

    image_shape        (C, H, W) of the images, which are passed as vectors
    n_first            channels of the first block; the others have four times as many
    init, rng, dtype   initialization, as in Conv2dModule; ``dirac`` by default. The Linear starts a ninth as large.
    input_layer        backward leaves out ∂L/∂x, which training does not need
    softmax            False for a regression, as in MLP

    ``fit_inputs`` sets the first convolution's weight to the whitening of the training images' 2×2 windows. It and the
    γ of the batch norms are ``frozen``: in the reference they are no parameters. The running statistics take 0.4 of the
    newest batch. Only the first convolution has a bias.

    Reference: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3 and appendix A; 64 is the width
    there. There the scores are multiplied by 1/9: for SGD that is the Linear here with 1/81 of the learning rate and 81
    times the weight decay.

    Raises OptionError for invalid sizes.
    """

    n_fitted = 5000

    def __init__(
        self,
        image_shape: tuple[int, int, int] = (3, 32, 32),
        n_classes: int = 10,
        *,
        n_first: int = 64,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
        softmax: bool = True,
    ) -> None:
        image_shape = checked_image_shape("WhitenedConvNet", image_shape)
        n_classes = whole_number("WhitenedConvNet", "n_classes", n_classes)
        n_first = whole_number("WhitenedConvNet", "n_first", n_first)
        channels, *size = image_shape
        size = [(side - 1) // 2 ** len(BLOCKS) for side in size]
        if min(size) < 1:
            raise OptionError(f"WhitenedConvNet: images must be at least 9 × 9, got image_shape {image_shape}.")
        init = dirac() if init is None else init
        options: dict[str, Any] = {"init": init, "rng": generator(rng), "dtype": dtype}
        whitening = Conv2dModule(channels, 8 * channels, 2, input_layer=input_layer, **options)
        modules: list[Module] = [UnflattenModule(*image_shape), whitening, GELUModule()]
        n_channels = 8 * channels
        for times in BLOCKS:
            modules += _block(n_channels, times * n_first, options)
            n_channels = times * n_first
        last = LinearModule(n_channels, n_classes, bias=False, **(options | {"init": _scaled(init)}))
        pool = MaxPool2dModule((size[0], size[1]))
        super().__init__(math.prod(image_shape), *modules, pool, FlattenModule(), last, softmax=softmax)
        self.image_shape, self.n_classes, self.n_first = image_shape, n_classes, n_first

    def fit_inputs(self, x: Array) -> None:
        """Set the first convolution's weight to the whitening of the images ``x`` (N, C·H·W).

        Raises ShapeError for images of another size, and what ``whitening_kernels`` raises.
        """
        x = numbers("WhitenedConvNet.fit_inputs", "x", x)
        if x.ndim < 2 or x.size == 0 or math.prod(x.shape[1:]) != self.n_inputs:
            raise ShapeError(f"WhitenedConvNet.fit_inputs: x must be (N, {self.n_inputs}), got {x.shape}.")
        self[1].params["weight"] = whitening_kernels(x.reshape(-1, *self.image_shape), 2)

    @property
    def frozen(self) -> tuple[str, ...]:
        """The names of the whitening weight and of the batch norms' γ."""
        norms = [name for name, _ in self.named_parameters() if name.endswith(".gamma")]
        return ("1.weight", *norms)

    def arguments(self) -> dict[str, Any]:
        sizes = {"image_shape": list(self.image_shape), "n_classes": self.n_classes, "n_first": self.n_first}
        return sizes | self._head()

    def _repr_args(self) -> str:
        n_first = "" if self.n_first == 64 else f", n_first={self.n_first}"
        return f"{self.image_shape}, {self.n_classes}{n_first}{self._head_args()}"


def _block(n_in: int, n_out: int, options: dict[str, Any]) -> list[Module]:
    conv: dict[str, Any] = {"padding": 1, "bias": False} | options
    first, second = Conv2dModule(n_in, n_out, 3, **conv), Conv2dModule(n_out, n_out, 3, **conv)
    norms = [BatchNorm(n_out, momentum=0.4, dtype=options["dtype"]) for _ in range(2)]
    return [first, MaxPool2dModule(2), norms[0], GELUModule(), second, norms[1], GELUModule()]


def _scaled(init: Initializer) -> Initializer:
    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        return _HEAD_SCALE * init(rng, shape, input_layer=input_layer)

    return draw
