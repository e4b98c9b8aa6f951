"""Initializers: how a weight (out, in) starts. Each is a function that returns one.

    Normal     wᵢⱼ ~ N(0, std²)                 the course of 2020's assignment: std = 1e-4
    Kaiming    wᵢⱼ ~ N(0, g² / D)               g² = 2 / (1 + α²) behind a LeakyReLU of slope α, 1 behind the data
    Glorot     wᵢⱼ ~ U(−r, r), r² = 6 / (D + M)

    Shapes     weight (M, D)
    Reference  Kaiming: He et al. 2015, "Delving Deep into Rectifiers", eq. 10 and 15; checked against their text.
               Glorot: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
               networks", eq. 16.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import OptionError


class Initializer(Protocol):
    """Draws the start values of a weight of shape (out, in); ``input_layer`` tells whether it reads the data."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array: ...


def normal(std: float = 1e-4) -> Initializer:
    """Independent normal numbers with mean 0 and standard deviation ``std`` ≥ 0."""
    if not 0 <= std < math.inf:
        raise OptionError(f"normal: std must be a number ≥ 0, got {std}.")

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        return rng.normal(0.0, std, size=shape)

    return draw


def kaiming(neg_slope: float = 0.0) -> Initializer:
    """Normal numbers that keep the variance of the signal behind a LeakyReLU of slope ``neg_slope`` (0: a ReLU).

    The input layer has no activation before it, so there g = 1.
    """

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        gain_squared = 1.0 if input_layer else 2.0 / (1.0 + neg_slope**2)
        return rng.normal(0.0, math.sqrt(gain_squared / shape[1]), size=shape)

    return draw


def glorot() -> Initializer:
    """Uniform numbers that weigh the variance of the signal forwards against that of the gradient backwards."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        r = math.sqrt(6.0 / (shape[0] + shape[1]))
        return rng.uniform(-r, r, size=shape)

    return draw
