"""Lessons on normalization, dropout, and layers of images."""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.explain.example import Example
from mlp_numpy.explain.loops import images, normalization
from mlp_numpy.modules.windows import Windows

_X: Final = [[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]]
_DOUT: Final = [[1.0, 0.5, -1.0], [2.0, -0.25, 1.0]]
_GAMMA: Final = {"gamma": [1.0, 2.0, -1.0], "beta": [0.0, 0.5, 1.0]}
_RUNNING: Final = {"mean": np.array([1.0, 0.0, -1.0]), "variance": np.array([1.0, 4.0, 0.25]), "eps": 0.01}
_MASK: Final = np.array([[2.0, 0.0, 2.0], [0.0, 2.0, 2.0]])
_IMAGE: Final = [[[[1.0, -2.0, 0.5], [3.0, 0.0, -1.0], [2.0, 1.0, 4.0]]]]
_KERNELS: Final = {"weight": [[[[1.0, 0.0], [-1.0, 2.0]]]], "bias": [0.5]}
_DWINDOWS: Final = [[[[1.0, 0.5], [2.0, -1.0]]]]
_BY_STEPS_OF_1: Final = {"over": Windows((2, 2), (1, 1), (0, 0))}
_PADDED: Final = {"over": Windows((2, 2), (2, 2), (1, 1))}

NORMALIZATION_IMAGES: Final = (
    Example(
        "BatchNormalize",
        normalization.batch_norm,
        normalization.batch_norm_backward,
        {"x": _X, **_GAMMA},
        _DOUT,
        {"eps": 0.01},
    ),
    Example(
        "BatchNormalizeInference",
        normalization.batch_norm_inference,
        normalization.batch_norm_inference_backward,
        {"x": _X, **_GAMMA},
        _DOUT,
        _RUNNING,
    ),
    Example(
        "LayerNormalize",
        normalization.layer_norm,
        normalization.layer_norm_backward,
        {"x": _X, **_GAMMA},
        _DOUT,
        {"eps": 0.01},
    ),
    Example("DropoutMask", normalization.dropout, normalization.dropout_backward, {"x": _X}, _DOUT, {"mask": _MASK}),
    Example("Conv2d", images.conv, images.conv_backward, {"x": _IMAGE, **_KERNELS}, _DWINDOWS, _BY_STEPS_OF_1),
    Example("MaxPool2d", images.max_pool, images.max_pool_backward, {"x": _IMAGE}, _DWINDOWS, _BY_STEPS_OF_1),
    Example("AvgPool2d", images.avg_pool, images.avg_pool_backward, {"x": _IMAGE}, _DWINDOWS, _PADDED),
    Example(
        "Flatten",
        images.flatten,
        images.flatten_backward,
        {"x": [[[[1.0, -2.0], [0.5, 3.0]]], [[[0.0, -1.0], [2.0, 1.0]]]]},
        [[1.0, 0.5, -1.0, 2.0], [0.25, 0.0, 1.0, -2.0]],
    ),
)
