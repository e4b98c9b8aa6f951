"""The ten digits as small gray images: strokes, each time turned, scaled, shifted and thickened anew.

A stroke is a chain of line segments in the unit square, and a pixel's gray the coverage of its center by the nearest
segment, so that 8×8 pixels are enough to read them: the smallest data set of images that a network can be trained on.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import whole_number
from mlp_numpy.data.dataset import Dataset, Split

PIXELS: Final = 8
"""Pixels along each side."""

_WORDS: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
# x to the right and y downwards, in [0, 1]; a space ends a point, a semicolon a stroke
_STROKES: Final = (
    ".5,.05 .8,.25 .8,.75 .5,.95 .2,.75 .2,.25 .5,.05",
    ".3,.25 .55,.05 .55,.95",
    ".2,.25 .4,.05 .7,.1 .8,.3 .2,.95 .85,.95",
    ".2,.1 .7,.05 .8,.27 .5,.45 .8,.7 .65,.95 .2,.9",
    ".65,.95 .65,.05 .15,.65 .88,.65",
    ".8,.05 .25,.05 .22,.45 .65,.42 .82,.68 .62,.93 .2,.92",
    ".75,.05 .35,.3 .2,.65 .35,.93 .7,.93 .8,.7 .6,.52 .25,.6",
    ".15,.05 .85,.05 .4,.95",
    ".5,.05 .75,.15 .7,.38 .25,.62 .25,.88 .5,.95 .78,.86 .75,.62 .3,.38 .25,.15 .5,.05",
    ".75,.4 .4,.48 .2,.3 .3,.07 .65,.07 .78,.3 .65,.7 .3,.95",
)


def generate(n_train: int = 1000, n_test: int = 500, seed: int = 0) -> Dataset:
    """Generate the data set: images (n, 64) float64 in [0, 1] and labels (n,), deterministic in the arguments.

    Raises
    ------
    OptionError
        if a size is below 1 or the seed is negative
    """
    who = "digits.generate"
    n_train, n_test = whole_number(who, "n_train", n_train), whole_number(who, "n_test", n_test)
    seed = whole_number(who, "seed", seed, least=0)
    train, test = (_draw(n, np.random.default_rng([seed, part])) for part, n in enumerate((n_train, n_test)))
    return Dataset("digits", train, test, (1, PIXELS, PIXELS), _WORDS, f"generated, seed {seed}")


def _segments(strokes: str) -> Array:
    """The segments (S, 2, 2) of a digit, from the first point of each to the second, around the origin."""
    points = np.array([[float(number) for number in point.split(",")] for point in strokes.split()]) - 0.5
    return np.stack((points[:-1], points[1:]), axis=1)


_SEGMENTS: Final = tuple(_segments(strokes) for strokes in _STROKES)


def _draw(n: int, rng: np.random.Generator) -> Split:
    labels = rng.permutation(n) % len(_SEGMENTS)
    turn, slant, width = rng.normal(0, 0.12, n), rng.normal(0, 0.15, n), rng.uniform(0.07, 0.13, n)
    scale, shift = rng.uniform(0.72, 0.95, (n, 2)), rng.uniform(-0.08, 0.08, (n, 2))
    images = np.empty((n, PIXELS * PIXELS))
    for label, segments in enumerate(_SEGMENTS):
        rows = np.flatnonzero(labels == label)
        cosine, sine, ones = np.cos(turn[rows]), np.sin(turn[rows]), np.ones(len(rows))
        rotation = np.moveaxis(np.array([[cosine, -sine], [sine, cosine]]), -1, 0)
        shear = np.moveaxis(np.array([[ones, slant[rows]], [0 * ones, ones]]), -1, 0)
        drawn = np.einsum("nij,njk,nk,spk->nspi", rotation, shear, scale[rows], segments) + shift[rows, None, None]
        # half a pixel's ramp at the edge of a stroke
        images[rows] = np.clip((width[rows, None] - _distances(drawn)) * PIXELS + 0.5, 0, 1)
    images += rng.normal(0, 0.05, images.shape)
    return Split(np.clip(images, 0, 1), labels)


def _distances(segments: Array) -> Array:
    """The distance of each pixel's center to the nearest of the segments (N, S, 2, 2), as (N, pixels)."""
    middle = (np.arange(PIXELS) + 0.5) / PIXELS - 0.5
    pixels = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
    start, along = segments[:, :, 0], segments[:, :, 1] - segments[:, :, 0]
    from_start = pixels - start[:, :, None]
    length = np.sum(along**2, axis=-1)[..., None]
    t = np.clip(np.einsum("nspi,nsi->nsp", from_start, along) / length, 0, 1)
    nearest: Array = np.linalg.norm(from_start - t[..., None] * along[:, :, None], axis=-1).min(axis=1)
    return nearest
