"""Whitening kernels: a convolution's weights from the images it will see, whose outputs are uncorrelated."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mlp_numpy.arrays import Array
from mlp_numpy.checks import POSITIVE, number, numbers, shown
from mlp_numpy.errors import DTypeError, OptionError, ShapeError
from mlp_numpy.modules.windows import Size, pair

_EXPONENT: Final = 256
"""The largest exponent of pixels whose covariance is formed as it is."""


def whitening_kernels(images: Array, kernel_size: Size, eps: float = 5e-4) -> Array:
    """The whitening of all windows of ``images``, followed by its negative.

        w_k = u_k / √(λ_k + ε)           Σ u_k = λ_k u_k,  Σ = Σₙ pₙ pₙᵀ / P over the P windows pₙ (C·KH·KW,)
        Shapes      images (N, C, H, W)   weight (2·C·KH·KW, C, KH, KW): w_1, w_2, …, −w_1, −w_2, … by falling λ
        Reference   Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.1; Page 2018, "How to
                    Train Your ResNet 8"

    For images of mean 0, the outputs of the first half have covariance diag(λ_k / (λ_k + ε)), about the identity; the
    second half keeps what a rectifier would cut off. The sign of each u_k is such that its largest component is
    positive. The weight is float64.

    kernel_size   KH and KW, one integer or both
    eps           ε > 0, limits the gain of directions that hardly occur

    Raises OptionError for an eps outside its bounds and images that are not finite, DTypeError for anything but real
    numbers, ShapeError for images that are not (N, C, H, W) or smaller than the kernel.
    """
    who = "whitening_kernels"
    images, eps = numbers(who, "images", images), number(who, "eps", eps, POSITIVE)
    height, width = pair(who, "kernel_size", kernel_size, 1)
    if images.dtype.kind == "c":
        raise DTypeError(f"{who}: images must hold real numbers, got {images.dtype}.")
    if images.ndim != 4 or not images.size or images.shape[2] < height or images.shape[3] < width:
        raise ShapeError(f"{who}: images must be (N, C, H, W) of at least {height} × {width}, got {images.shape}.")
    largest = max(float(images.max()), -float(images.min()))
    if not math.isfinite(largest):
        raise OptionError(f"{who}: images must be finite, got {shown(images)}.")
    # The squares of huge pixels would overflow: the covariance is that of x/2ᵉ, and √λ 2ᵉ times as large.
    exponent = max(0, math.frexp(largest)[1] - _EXPONENT)
    windows = sliding_window_view(images, (height, width), axis=(2, 3))  # (N, C, H′, W′, KH, KW)
    size = images.shape[1] * height * width
    total, count = np.zeros((size, size)), 0
    for each in windows:
        p = each.transpose(1, 2, 0, 3, 4).reshape(-1, size).astype(np.float64)
        if exponent:
            p = np.ldexp(p, -exponent)
        total += p.T @ p
        count += len(p)
    eigenvalues, vectors = np.linalg.eigh(total / count)
    u = vectors.T[::-1]
    component = np.take_along_axis(u, np.abs(u).argmax(axis=1)[:, np.newaxis], axis=1)
    w = u * np.sign(component) / _roots(np.maximum(eigenvalues[::-1], 0), eps, exponent)[:, np.newaxis]
    kernels: Array = np.concatenate([w, -w]).reshape(2 * size, images.shape[1], height, width)
    return kernels


def _roots(eigenvalues: Array, eps: float, exponent: int) -> Array:
    """√(4ᵉ λ + ε)."""
    if not exponent:
        return np.sqrt(eigenvalues + eps)
    with np.errstate(over="ignore"):
        return np.hypot(np.ldexp(np.sqrt(eigenvalues), exponent), math.sqrt(eps))
