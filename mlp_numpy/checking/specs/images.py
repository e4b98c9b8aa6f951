"""The specs of convolution and of changes of shape; sizes are small, since every entry is perturbed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.autodiff import TensorNode, concatenate
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.specs.spec import Params, Shapes, Spec, Tensor
from mlp_numpy.modules import Conv2dModule, FlattenModule, UnflattenModule
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
    """b + Σ over the places of the kernel, group by group"""
    weight, *bias = params
    n_in, n_out = x.shape[1] // module.groups, weight.shape[0] // module.groups
    places = list(zip(np.ndindex(*module.windows.kernel), kernel_places(module, x, 0.0), strict=True))
    groups = []
    for g in range(module.groups):
        seen, kernels = slice(g * n_in, (g + 1) * n_in), slice(g * n_out, (g + 1) * n_out)
        rows = [place[:, seen].transpose(0, 2, 3, 1) @ weight[kernels, :, u, v].T for (u, v), place in places]
        total = rows[0]
        for other in rows[1:]:
            total = total + other
        groups.append(total)
    out = concatenate(groups, axis=3) if module.groups > 1 else groups[0]
    return (out + bias[0] if bias else out).transpose(0, 3, 1, 2)


def kernel_places(module: Any, x: TensorNode, padding: float) -> list[TensorNode]:
    """For each place of the kernel, the values under it in all windows, (N, C, H′, W′), from the padded images."""
    over, out_size = module.windows, module.windows.out_size(*x.shape[2:])
    for axis in (0, 1):
        size = x.shape[axis + 2]
        # the last window may end before the padding does, and with ceil_mode after it
        reach = (out_size[axis] - 1) * over.stride[axis] + over.extent[axis] - size - over.padding[axis]
        around = [over.padding[axis], max(0, reach)]
        borders = [
            TensorNode(np.full((*x.shape[: axis + 2], width, *x.shape[axis + 3 :]), padding), needs_grad=False)
            for width in around
        ]
        parts = [borders[0], x, borders[1]]
        x = concatenate([part for part in parts if part.shape[axis + 2]], axis + 2)
    (down, right), (apart_down, apart_right) = over.stride, over.dilation
    return [
        x[:, :, top : top + (out_size[0] - 1) * down + 1 : down, left : left + (out_size[1] - 1) * right + 1 : right]
        for top, left in ((u * apart_down, v * apart_right) for u, v in np.ndindex(*over.kernel))
    ]


def _conv_in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """b + Σ W ⊙ window"""
    weight, *bias = params
    over = module.windows
    padding = over.padding if over.surplus == (0, 0) else "same"
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using padding='same' with even kernel")  # of a copy that it makes
        conv2d = torch.nn.functional.conv2d
        return conv2d(x, weight, *(bias or [None]), over.stride, padding, over.dilation, module.groups)


def size_pair(draws: Sampler, most: int) -> Pair:
    """Two random sizes up to ``most``."""
    height, width = draws.shape(2, most)
    return height, width


def random_padding(draws: Sampler, most: Pair) -> Pair:
    """Random sizes; 0 in case 0, where all sizes are minimal."""
    if draws.case == 0:
        return 0, 0
    height, width = (int(draws.rng.integers(m, endpoint=True)) for m in most)
    return height, width


def _conv(draws: Sampler, variant: str) -> Sample:
    n, c, m = draws.shape(3, most=2)
    kernel, stride = size_pair(draws, 3), size_pair(draws, 2)
    padding: Any = random_padding(draws, (1, 1))
    groups, dilation = 1, (1, 1)
    if variant == "same":
        padding, stride = "same", (1, 1)
    if variant in ("dilated", "groups, dilated"):
        dilation = size_pair(draws, 3)
    if variant.startswith("groups"):
        groups = draws.size(3)
    if variant == "depthwise":
        groups, c = 1 + c, 1
    bias, input_layer = variant != "no bias", variant == "input layer"
    winograd, strips = (True if variant == name else None for name in ("winograd", "strips"))
    if strips:
        stride, padding = (1, 1), random_padding(draws, (3, 3))
    if winograd:
        kernel, stride, padding = (3, 3), (1, 1), random_padding(draws, (2, 2))
    options: Any = {"dilation": dilation, "groups": groups, "bias": bias, "input_layer": input_layer}
    layer = Conv2dModule(c * groups, m * groups, kernel, stride, padding, winograd=winograd, strips=strips, **options)
    size = (draws.size(extent + 1, least=extent) for extent in layer.windows.extent)
    return Sample(draws.filled(layer), draws.numbers(n, c * groups, *size))


def _flatten(draws: Sampler, variant: str) -> Sample:
    return Sample(FlattenModule(), draws.numbers(*draws.shape(2 + int(draws.rng.integers(3)), most=3)))


def _unflatten(draws: Sampler, variant: str) -> Sample:
    n, c, h, w = draws.shape(4, most=3)
    return Sample(UnflattenModule(c, h, w), draws.numbers(n, c * h * w))


def no_images_for(module: Any, c: int, others: int) -> Shapes:
    """What is no batch of images of ``c`` channels that a window fits on; ``others``: a number of channels not taken"""
    over = module.windows
    high, wide = (extent - a - b for extent, a, b in zip(over.extent, over.padding, over.after, strict=True))
    # With ceil_mode a window fits as soon as it begins on the image.
    high, wide = (high - step + 1 if over.ceil else high for high, step in zip((high, wide), over.stride, strict=True))
    small = [(2, c, high - 1, over.extent[1] + 1), (2, c, over.extent[0] + 1, wide - 1)]
    return [(c, 9, 9), (2, c * 81), (2, c, 0, 9), (2, others, 9, 9), *(shape for shape in small if min(shape) > 0)]


IMAGES: Final = (
    Spec(
        "conv",
        Conv2dModule,
        _conv,
        _conv_reference,
        _conv_in_torch,
        (
            "",
            "no bias",
            "input layer",
            "same",
            "dilated",
            "groups",
            "groups, dilated",
            "depthwise",
            "winograd",
            "strips",
        ),
        wrong_shapes=lambda module: no_images_for(module, module.in_channels, module.in_channels + 1),
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
