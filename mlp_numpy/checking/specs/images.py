"""The specs of image layers; sizes are small, since every entry is perturbed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.autodiff import TensorNode, concatenate
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Draw, Params, Shapes, Spec, Tensor, TorchReference
from mlp_numpy.modules import AvgPool2dModule, Conv2dModule, FlattenModule, MaxPool2dModule, UnflattenModule
from mlp_numpy.modules.windows import Pair


def _flatten_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """Images to rows"""
    return x.reshape(x.shape[0], -1)


def _unflatten_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """Rows to images"""
    return x.reshape(x.shape[0], *module.shape)


def _flatten_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Images to rows"""
    return x.flatten(1)


def _unflatten_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Rows to images"""
    return x.unflatten(1, module.shape)


def _conv_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """b + Σ over the places of the kernel"""
    weight, *bias = params
    rows = [
        place.transpose(0, 2, 3, 1) @ weight[:, :, u, v].T
        for (u, v), place in zip(np.ndindex(*module.windows.kernel), _kernel_places(module, x, 0.0), strict=True)
    ]
    total = rows[0]
    for other in [*rows[1:], *bias]:
        total = total + other
    return total.transpose(0, 3, 1, 2)


def _max_pool_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The maximum over the places of the kernel; ties go to the first"""
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, -np.inf)], axis=4).max(axis=4)


def _avg_pool_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The mean over the places of the kernel"""
    return concatenate([place.unsqueeze(4) for place in _kernel_places(module, x, 0.0)], axis=4).mean(axis=4)


def _kernel_places(module: Any, x: TensorNode, padding: float) -> list[TensorNode]:
    """For each place of the kernel, the values under it in all windows, (N, C, H′, W′), from the padded images."""
    (kh, kw), (sh, sw), (ph, pw) = module.windows.kernel, module.windows.stride, module.windows.padding
    for axis, width in ((2, ph), (3, pw)):
        shape = [*x.shape]
        shape[axis] = width
        border = TensorNode(np.full(shape, padding), needs_grad=False)
        x = concatenate([border, x, border], axis) if width else x
    height, width = x.shape[2:]
    return [
        x[:, :, u : height - kh + u + 1 : sh, v : width - kw + v + 1 : sw]
        for u, v in np.ndindex(*module.windows.kernel)
    ]


def _conv_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """b + Σ W ⊙ window"""
    weight, *bias = params
    over = module.windows
    return torch.nn.functional.conv2d(x, weight, *(bias or [None]), over.stride, over.padding)


def _pool_in_torch(name: str) -> TorchReference:
    """The pool of this name in ``torch.nn.functional``."""

    def twin(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
        over = module.windows
        return getattr(torch.nn.functional, name)(x, over.kernel, over.stride, over.padding)

    return twin


def _pair(draws: Sampler, most: int) -> Pair:
    height, width = draws.shape(2, most)
    return height, width


def _padding(draws: Sampler, most: Pair) -> Pair:
    """Random sizes; 0 in case 0, where all sizes are minimal."""
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


def _no_images_for(module: Any, c: int, others: int) -> Shapes:
    """What is no batch of images of ``c`` channels that a window fits on; ``others``: a number of channels not taken"""
    (height, width), (top, left) = module.windows.kernel, module.windows.padding
    small = [(2, c, height - 2 * top - 1, width + 1), (2, c, height + 1, width - 2 * left - 1)]
    return [(c, 9, 9), (2, c * 81), (2, c, 0, 9), (2, others, 9, 9), *(shape for shape in small if min(shape) > 0)]


IMAGES: Final = (
    Spec(
        "conv",
        Conv2dModule,
        _conv,
        _conv_reference,
        _conv_in_torch,
        ("", "no bias", "input layer"),
        wrong_shapes=lambda module: _no_images_for(module, module.in_channels, module.in_channels + 1),
    ),
    Spec(
        "max pool",
        MaxPool2dModule,
        _pool(MaxPool2dModule),
        _max_pool_reference,
        _pool_in_torch("max_pool2d"),
        wrong_shapes=lambda module: _no_images_for(module, 3, 0),
    ),
    Spec(
        "avg pool",
        AvgPool2dModule,
        _pool(AvgPool2dModule),
        _avg_pool_reference,
        _pool_in_torch("avg_pool2d"),
        wrong_shapes=lambda module: _no_images_for(module, 3, 0),
    ),
    Spec(
        "flatten",
        FlattenModule,
        _flatten,
        _flatten_reference,
        _flatten_in_torch,
        wrong_shapes=lambda module: [(3,), (2, 0), (2, 3, 0, 1)],
    ),
    Spec(
        "unflatten",
        UnflattenModule,
        _unflatten,
        _unflatten_reference,
        _unflatten_in_torch,
        wrong_shapes=lambda module: [(2, int(np.prod(module.shape)) + 1), (2, *module.shape), module.shape[:1]],
    ),
)
