"""The rows of the layers of images: small ones, since every number of them is moved."""

from __future__ import annotations

from typing import Final

from mlp_numpy.checking.reference import images, layers
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Spec
from mlp_numpy.checking.torch_reference import layers as twins
from mlp_numpy.modules import AvgPool2dModule, Conv2dModule, FlattenModule, MaxPool2dModule, UnflattenModule
from mlp_numpy.modules.windows import Pair


def _pair(draws: Sampler, most: int) -> Pair:
    height, width = draws.shape(2, most)
    return height, width


def _padding(draws: Sampler, most: Pair) -> Pair:
    """0 in case 0, where all sizes are at their least."""
    if draws.case == 0:
        return 0, 0
    height, width = (int(draws.rng.integers(m, endpoint=True)) for m in most)
    return height, width


def _conv(draws: Sampler, variant: str) -> Sample:
    n, c, m = draws.shape(3, most=2)
    kernel, stride = _pair(draws, 3), _pair(draws, 2)
    padding = _padding(draws, (1, 1))
    height, width = (draws.size(4, least=k) for k in kernel)
    layer = Conv2dModule(c, m, kernel, stride, padding, bias=variant != "no bias", input_layer=variant == "input layer")
    return Sample(draws.filled(layer), draws.numbers(n, c, height, width))


def _pool(kind: type[MaxPool2dModule | AvgPool2dModule]) -> Draw:
    def draw(draws: Sampler, variant: str) -> Sample:
        n, c = draws.shape(2, most=2)
        kernel, stride = _pair(draws, 3), _pair(draws, 3)
        padding = _padding(draws, (kernel[0] // 2, kernel[1] // 2))
        shape = (n, c, *(draws.size(5, least=k) for k in kernel))
        has_kinks = kind is MaxPool2dModule
        x = draws.apart(*shape) if has_kinks else draws.numbers(*shape)
        return Sample(kind(kernel, stride, padding), x, kinked=has_kinks and draws.tied)

    return draw


def _flatten(draws: Sampler, variant: str) -> Sample:
    return Sample(FlattenModule(), draws.numbers(*draws.shape(2 + int(draws.rng.integers(3)), most=3)))


def _unflatten(draws: Sampler, variant: str) -> Sample:
    n, c, h, w = draws.shape(4, most=3)
    return Sample(UnflattenModule(c, h, w), draws.numbers(n, c * h * w))


IMAGES: Final = (
    Spec("conv", Conv2dModule, _conv, images.conv, twins.conv, ("", "no bias", "input layer")),
    Spec("max pool", MaxPool2dModule, _pool(MaxPool2dModule), images.max_pool, twins.pool("max_pool2d")),
    Spec("avg pool", AvgPool2dModule, _pool(AvgPool2dModule), images.avg_pool, twins.pool("avg_pool2d")),
    Spec("flatten", FlattenModule, _flatten, layers.flatten, twins.flatten),
    Spec("unflatten", UnflattenModule, _unflatten, layers.unflatten, twins.unflatten),
)
