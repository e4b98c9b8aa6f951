"""Signed distance functions of the ten shapes of the synthetic data set.

Each is a function of a point (u, v), in units of the shape's radius, and returns the signed distance to its edge:
negative inside, 0 on the edge. Union is ``minimum``, intersection is ``maximum``, a rim of half-width w around an edge
is ``|distance| − w``. At corners the value is only a bound on the distance, which rounds an edge by less than a pixel.
v points up. All functions take and return arrays of one shape, (N, H, W).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from mlp_numpy.arrays import Array

Outline: TypeAlias = Callable[[Array, Array], Array]


def _radius(u: Array, v: Array) -> Array:
    radius: Array = np.sqrt(u * u + v * v)
    return radius


def _box(u: Array, v: Array, half_width: float, half_height: float) -> Array:
    return np.maximum(np.abs(u) - half_width, np.abs(v) - half_height)


def disk(u: Array, v: Array) -> Array:
    """A filled circle."""
    return _radius(u, v) - 0.8


def ring(u: Array, v: Array) -> Array:
    """A circle with a hole."""
    return np.abs(_radius(u, v) - 0.72) - 0.2


def square(u: Array, v: Array) -> Array:
    """A filled square."""
    return _box(u, v, 0.72, 0.72)


def frame(u: Array, v: Array) -> Array:
    """A square with a square hole."""
    return np.abs(_box(u, v, 0.66, 0.66)) - 0.17


def triangle(u: Array, v: Array) -> Array:
    """A filled equilateral triangle: the intersection of three half-planes."""
    slanted = np.abs(u) * np.float32(np.sqrt(0.75)) + v * np.float32(0.5)
    return np.maximum(slanted, -v) - 0.48


def cross(u: Array, v: Array) -> Array:
    """A plus sign: two crossed bars."""
    return np.minimum(_box(u, v, 0.9, 0.27), _box(u, v, 0.27, 0.9))


def star(u: Array, v: Array) -> Array:
    """A five-pointed star: one edge, after folding the plane into ten sectors around the center."""
    sector = np.float32(2 * np.pi / 5)
    angle = np.arctan2(u, v)
    folded = np.abs(angle - sector * np.round(angle / sector))
    radius = _radius(u, v)
    along, across = radius * np.cos(folded), radius * np.sin(folded)
    # the edge runs from the tip (1, 0) to the notch at radius 0.45 and half a sector
    notch_along, notch_across = 0.45 * np.cos(np.pi / 5), 0.45 * np.sin(np.pi / 5)
    length = np.hypot(1 - notch_along, notch_across)
    return (along - 1) * np.float32(notch_across / length) + across * np.float32((1 - notch_along) / length)


def heart(u: Array, v: Array) -> Array:
    """A heart: a square on its corner, with a half-disk on each of its upper sides."""
    half = np.float32(0.5)
    diagonal = np.float32(np.sqrt(0.5))
    a, b = (v + 0.2 + u) * diagonal, (v + 0.2 - u) * diagonal
    lobes = np.minimum(_radius(a - half, b), _radius(a, b - half))
    return np.minimum(_box(a, b, 0.5, 0.5), lobes - half)


def crescent(u: Array, v: Array) -> Array:
    """A crescent: a disk minus a shifted disk."""
    return np.maximum(_radius(u, v) - 0.88, np.float32(0.68) - _radius(u - np.float32(0.42), v))


def bars(u: Array, v: Array) -> Array:
    """Two bars side by side, an equals sign."""
    return _box(u, np.abs(v) - np.float32(0.45), 0.85, 0.22)


OUTLINES: tuple[Outline, ...] = (disk, ring, square, frame, triangle, cross, star, heart, crescent, bars)
"""The classes of the generated data set, in the order of their labels."""
