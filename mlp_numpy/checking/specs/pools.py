"""The specs of pools; sizes are small, since every entry is perturbed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.autodiff import TensorNode, concatenate
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.images import kernel_places, no_images_for, random_padding, size_pair
from mlp_numpy.checking.specs.spec import Params, Spec, Tensor
from mlp_numpy.modules import AdaptiveAvgPool2dModule, AvgPool2dModule, MaxPool2dModule


def _max_pool_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The maximum over the places of the kernel; ties go to the first"""
    return concatenate([place.unsqueeze(4) for place in kernel_places(module, x, -np.inf)], axis=4).max(axis=4)


def _avg_pool_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The sum over the places of the kernel, divided by the number of those that count"""
    places, over = kernel_places(module, x, 0.0), module.windows
    total = places[0]
    for place in places[1:]:
        total = total + place
    counts = []
    for axis, (n, size) in enumerate(zip(total.shape[2:], x.shape[2:], strict=True)):
        starts = [i * over.stride[axis] - over.padding[axis] for i in range(n)]
        border = over.padding[axis] if module.count_include_pad else 0
        counting = range(-border, size + border)
        counts.append([sum(start + u in counting for u in range(over.kernel[axis])) for start in starts])
    out: TensorNode = total * (1 / np.outer(counts[0], counts[1]))
    return out


def _adaptive_avg_pool_reference(module: Any, params: Params, x: TensorNode) -> TensorNode:
    """The mean of the pixels from ⌊i H/H′⌋ to ⌈(i + 1) H/H′⌉, columns likewise"""
    limits = [
        [(int(np.floor(i * size / n)), int(np.ceil((i + 1) * size / n))) for i in range(n)]
        for size, n in zip(x.shape[2:], module.output_size, strict=True)
    ]
    rows = [
        concatenate([x[:, :, a:b, c:d].mean(axis=(2, 3), keepdims=True) for c, d in limits[1]], axis=3)
        for a, b in limits[0]
    ]
    return concatenate(rows, axis=2)


def _max_pool_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The maximum of each window"""
    over = module.windows
    return torch.nn.functional.max_pool2d(x, over.kernel, over.stride, over.padding, over.dilation, over.ceil)


def _avg_pool_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The mean of each window"""
    over, include = module.windows, module.count_include_pad
    return torch.nn.functional.avg_pool2d(x, over.kernel, over.stride, over.padding, over.ceil, include)


def _adaptive_avg_pool_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The mean of each window"""
    return torch.nn.functional.adaptive_avg_pool2d(x, module.output_size)


def _max_pool(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2, most=2)
    dilation = size_pair(draws, 3) if variant == "dilated" else (1, 1)
    kernel, stride = size_pair(draws, 3), size_pair(draws, 3)
    padding = random_padding(draws, (kernel[0] // 2, kernel[1] // 2))
    module = MaxPool2dModule(kernel, stride, padding, dilation=dilation, ceil_mode=variant == "ceil mode")
    shape = (n, c, *(draws.size(extent + 2, least=extent) for extent in module.windows.extent))
    return Sample(module, draws.apart(*shape), kinked=draws.tied)


def _avg_pool(draws: Sampler, variant: str) -> Sample:
    n, c = draws.shape(2, most=2)
    kernel, stride = size_pair(draws, 3), size_pair(draws, 3)
    padding = random_padding(draws, (kernel[0] // 2, kernel[1] // 2))
    ceil_mode, include = "ceil" in variant, "without padding" not in variant
    module = AvgPool2dModule(kernel, stride, padding, ceil_mode=ceil_mode, count_include_pad=include)
    return Sample(module, draws.numbers(n, c, *(draws.size(5, least=k) for k in kernel)))


def _adaptive_avg_pool(draws: Sampler, variant: str) -> Sample:
    shape = *draws.shape(2, most=2), *draws.shape(2, most=5)
    module = AdaptiveAvgPool2dModule(1 if variant == "global" else size_pair(draws, 3))
    return Sample(module, draws.numbers(*shape))


POOLS: Final = (
    Spec(
        "max pool",
        MaxPool2dModule,
        _max_pool,
        _max_pool_reference,
        _max_pool_in_torch,
        ("", "dilated", "ceil mode"),
        wrong_shapes=lambda module: no_images_for(module, 3, 0),
    ),
    Spec(
        "avg pool",
        AvgPool2dModule,
        _avg_pool,
        _avg_pool_reference,
        _avg_pool_in_torch,
        ("", "without padding", "ceil mode", "ceil mode without padding"),
        wrong_shapes=lambda module: no_images_for(module, 3, 0),
    ),
    Spec(
        "adaptive avg pool",
        AdaptiveAvgPool2dModule,
        _adaptive_avg_pool,
        _adaptive_avg_pool_reference,
        _adaptive_avg_pool_in_torch,
        ("", "global"),
        wrong_shapes=lambda module: [(3, 9, 9), (2, 81), (2, 3, 0, 9), (2, 0, 9, 9)],
    ),
)
