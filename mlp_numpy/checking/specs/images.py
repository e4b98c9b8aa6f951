"""The rows of the layers of images: small ones, since every number of them is moved."""

from __future__ import annotations

from typing import Final

from mlp_numpy.checking.reference import images, layers
from mlp_numpy.checking.sampler import Draws, Sample
from mlp_numpy.checking.specs.spec import Draw, Row
from mlp_numpy.checking.torch_reference import layers as twins
from mlp_numpy.modules import AvgPool2dModule, Conv2dModule, FlattenModule, MaxPool2dModule, UnflattenModule
from mlp_numpy.modules.windows import Pair


def _pair(draws: Draws, most: int) -> Pair:
    height, width = draws.shape(2, most)
    return height, width


def _padding(draws: Draws, most: Pair) -> Pair:
    """0 in case 0, where all sizes are at their least."""
    if draws.case == 0:
        return 0, 0
    height, width = (int(draws.rng.integers(m, endpoint=True)) for m in most)
    return height, width


def _conv(draws: Draws, variant: str) -> Sample:
    n, c, m = draws.shape(3, most=2)
    kernel, stride = _pair(draws, 3), _pair(draws, 2)
    padding = _padding(draws, (1, 1))
    height, width = (draws.size(4, least=k) for k in kernel)
    layer = Conv2dModule(c, m, kernel, stride, padding, bias=variant != "no bias", input_layer=variant == "input layer")
    return Sample(draws.filled(layer), draws.numbers(n, c, height, width))


def _pool(kind: type[MaxPool2dModule | AvgPool2dModule]) -> Draw:
    def draw(draws: Draws, variant: str) -> Sample:
        n, c = draws.shape(2, most=2)
        kernel, stride = _pair(draws, 3), _pair(draws, 3)
        padding = _padding(draws, (kernel[0] // 2, kernel[1] // 2))
        shape = (n, c, *(draws.size(5, least=k) for k in kernel))
        has_kinks = kind is MaxPool2dModule
        x = draws.apart(*shape) if has_kinks else draws.numbers(*shape)
        return Sample(kind(kernel, stride, padding), x, kinked=has_kinks and draws.tied)

    return draw


def _flatten(draws: Draws, variant: str) -> Sample:
    return Sample(FlattenModule(), draws.numbers(*draws.shape(2 + int(draws.rng.integers(3)), most=3)))


def _unflatten(draws: Draws, variant: str) -> Sample:
    n, c, h, w = draws.shape(4, most=3)
    return Sample(UnflattenModule(c, h, w), draws.numbers(n, c * h * w))


IMAGES: Final = (
    Row("conv", Conv2dModule, _conv, images.conv, twins.conv, ("", "no bias", "input layer")),
    Row("max pool", MaxPool2dModule, _pool(MaxPool2dModule), images.max_pool, twins.pool("max_pool2d")),
    Row("avg pool", AvgPool2dModule, _pool(AvgPool2dModule), images.avg_pool, twins.pool("avg_pool2d")),
    Row("flatten", FlattenModule, _flatten, layers.flatten, twins.flatten),
    Row("unflatten", UnflattenModule, _unflatten, layers.unflatten, twins.unflatten),
)
