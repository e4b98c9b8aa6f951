"""Preprocessing of pixels, with its statistics.

mean-image     x = u − μ                 μ (D,): the mean of every pixel over the training images, 0…255 scale
standardize    x = (u − μ) / σ           μ, σ per channel (spread over D): mean and standard deviation of the
                                         training images; a channel that never varies is only shifted
unit           x = u / 255
symmetric      x = (u / 255 − 0.5) / 0.5
raw            x = u

Shapes         u (N, D) as stored, x (N, D) floating
Reference      mean-image is what the course behind "Assignment 1: MLPs, CNNs and Backpropagation" (Earle) does:
               pixels are not divided. With weights N(0, 1e-4²) and lr 2e-3 only this scale trains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import float_dtype, shown, sizes
from mlp_numpy.data.moments import RunningMoments
from mlp_numpy.errors import DataError, DTypeError, ShapeError, unknown_name

STATISTICS: Final = {
    "mean-image": ("shift",),
    "standardize": ("shift", "scale"),
    "unit": ("scale",),
    "symmetric": ("shift", "scale"),
    "raw": (),
}
"""The kinds of preprocessing, and the statistics of each."""

PREPROCESSINGS: Final = tuple(STATISTICS)
_FITTED: Final = ("mean-image", "standardize")

# Examples converted at a time: their floats stay in the cache between the conversion and the arithmetic.
_ROWS = 50


@dataclass(frozen=True)
class Preprocessing:
    """``x = (u − shift) · scale`` with statistics (D,) of the training split; None omits the shift or the scale.

    ``fit`` computes it from training images, ``gather`` applies it to batches.

    Raises OptionError for a kind that is not a string, DTypeError or ShapeError for statistics that are not a vector.
    """

    kind: str
    shift: Array | None
    scale: Array | None

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str):
            raise unknown_name("preprocessing", shown(self.kind), PREPROCESSINGS)
        for name, array in self.state().items():
            if type(array) is not np.ndarray or array.dtype.kind not in "fiu":
                raise DTypeError(f"Preprocessing: {name} must be an array of real numbers, got {shown(array)}.")
            if array.ndim != 1:
                raise ShapeError(f"Preprocessing: {name} must be (D,), got {array.shape}.")

    @classmethod
    def fit(cls, kind: str, images: Array, image_shape: tuple[int, int, int], dtype: Any = np.float32) -> Preprocessing:
        """The preprocessing ``kind`` with statistics of ``images`` (N, D), which must be the training split alone.

        Raises OptionError for an unknown kind or a mismatched ``image_shape``, DTypeError for an unsupported ``dtype``,
        DTypeError or ShapeError for images that are not a real (N, D) array.
        """
        who = "Preprocessing.fit"
        if not isinstance(kind, str) or kind not in PREPROCESSINGS:
            raise unknown_name("preprocessing", kind if isinstance(kind, str) else shown(kind), PREPROCESSINGS)
        dtype, image_sizes = float_dtype(who, dtype), sizes(who, "image_shape", image_shape)
        _check_images(who, images)
        if len(image_sizes) != 3 or math.prod(image_sizes) != images.shape[1] or not len(images):
            raise ShapeError(
                f"{who}: images must be (N, D), N ≥ 1, with image_shape (C, H, W) of D numbers, "
                f"got {images.shape} and {image_sizes}."
            )
        if kind not in _FITTED:
            return cls._fixed(kind, images.shape[1], dtype)
        mean = images.mean(axis=0, dtype=np.float64)
        if kind == "mean-image":
            return cls(kind, mean.astype(dtype), None)
        channels, height, width = image_sizes
        spread = height * width
        mu = mean.reshape(channels, -1).mean(axis=1)
        variance = _mean_of_squares(images, np.repeat(mu, spread)).reshape(channels, -1).mean(axis=1)
        return cls._standardize(len(images), mu, variance, spread, dtype)

    @classmethod
    def fit_blocks(
        cls, kind: str, blocks: Iterable[Array], image_shape: tuple[int, int, int], dtype: Any = np.float32
    ) -> Preprocessing:
        """``fit`` in one pass over images in blocks (n, D), finite ones; a kind without statistics reads none.

        The statistics differ from those of ``fit`` by rounding errors of float64 (the mean of bytes by none).

        Raises OptionError for an unknown kind or a mismatched ``image_shape``, DTypeError for an unsupported ``dtype``.
        """
        who = "Preprocessing.fit_blocks"
        if not isinstance(kind, str) or kind not in PREPROCESSINGS:
            raise unknown_name("preprocessing", kind if isinstance(kind, str) else shown(kind), PREPROCESSINGS)
        dtype, (channels, height, width) = float_dtype(who, dtype), sizes(who, "image_shape", image_shape)
        if kind not in _FITTED:
            return cls._fixed(kind, channels * height * width, dtype)
        found = RunningMoments(squares=kind == "standardize")
        for block in blocks:
            found.add(block)
        if kind == "mean-image":
            return cls(kind, found.mean.astype(dtype), None)
        of_pixels = found.mean.reshape(channels, -1)
        mu = of_pixels.mean(axis=1)
        # the variance of a channel: the mean of its pixels' variances, and the variance of their means
        variance = (found.variance.reshape(channels, -1) + (of_pixels - mu[:, np.newaxis]) ** 2).mean(axis=1)
        return cls._standardize(found.n, mu, variance, height * width, dtype)

    @classmethod
    def _fixed(cls, kind: str, n_features: int, dtype: Any) -> Preprocessing:
        """A kind without statistics of the images."""
        if kind == "raw":
            return cls(kind, None, None)
        if kind == "unit":
            return cls(kind, None, np.full(n_features, 1 / 255, dtype))
        return cls(kind, *(np.full(n_features, value, dtype) for value in (127.5, 1 / 127.5)))

    @classmethod
    def _standardize(cls, n: int, mu: Array, variance: Array, spread: int, dtype: Any) -> Preprocessing:
        """The standardization by mean and variance of each channel, of ``spread`` pixels in ``n`` images."""
        sigma = np.sqrt(variance)
        if not np.isfinite(sigma).all():
            at = int(np.flatnonzero(~np.isfinite(sigma))[0])
            raise DataError(
                f"Preprocessing: standardize needs values whose squares are finite in float64, got larger ones in "
                f"channel {at}. Hint: divide them by a constant, or take their logarithm."
            )
        # The sum for μ is rounded N times, so a constant channel may differ from its mean by N·eps·|μ|.
        sigma[sigma <= n * np.finfo(np.float64).eps * np.abs(mu)] = 1.0
        with np.errstate(over="ignore"):
            shift, scale = mu.astype(dtype), (1 / sigma).astype(dtype)
        bad = np.flatnonzero(~(np.isfinite(shift) & np.isfinite(scale)))
        if bad.size:
            raise DataError(
                f"Preprocessing: standardize needs a mean and an inverse standard deviation within the range of "
                f"{np.dtype(dtype)}, got {mu[bad[0]]:g} and 1/{sigma[bad[0]]:g} in channel {bad[0]}. "
                "Hint: scale its values, or --dtype float64."
            )
        return cls("standardize", np.repeat(shift, spread), np.repeat(scale, spread))

    def gather(self, images: Array, rows: Array, out: Array) -> Array:
        """Write the preprocessed images of the indices ``rows`` to ``out`` (len(rows), D); ``rows`` must be valid.

        Raises DTypeError for anything but numeric arrays, ShapeError if their sizes differ.
        """
        if (
            not type(images) is type(rows) is type(out) is np.ndarray
            or images.dtype.kind not in "fiub"
            or rows.dtype.kind not in "iu"
            or out.dtype.kind != "f"
        ):
            _check_gathered(images, rows, out)
        if images.ndim != 2 or out.shape != (rows.size, images.shape[1]) or rows.ndim != 1 or not len(images):
            raise ShapeError(
                "Preprocessing.gather: images, rows and out must be (N, D), (n,) and (n, D), got "
                f"{images.shape}, {rows.shape} and {out.shape}."
            )
        self.check_width("Preprocessing.gather", images.shape)
        if self.shift is None and self.scale is None and images.dtype == out.dtype and out.flags.c_contiguous:
            # mode="clip" makes take skip the check of every index and a buffer.
            return images.take(rows, axis=0, out=out, mode="clip")
        for start in range(0, len(rows), _ROWS):
            part = out[start : start + _ROWS]
            part[...] = images.take(rows[start : start + _ROWS], axis=0, mode="clip")
            if self.shift is not None:
                part -= self.shift
            if self.scale is not None:
                part *= self.scale
        return out

    def apply(self, images: Array, dtype: Any = np.float32) -> Array:
        """Preprocess all images (N, D) into a new array.

        Raises ShapeError if their size differs from the statistics', DTypeError if they are not real or ``dtype`` is
        unsupported.
        """
        dtype = float_dtype("Preprocessing.apply", dtype)
        _check_images("Preprocessing.apply", images)
        self.check_width("Preprocessing.apply", images.shape)
        return self.gather(images, np.arange(len(images)), np.empty(images.shape, dtype))

    def check_width(self, who: str, shape: tuple[int, ...]) -> None:
        """Raise ShapeError if the statistics are for images of another size."""
        for array in (self.shift, self.scale):
            if array is not None and (not isinstance(shape, tuple) or shape[1:2] != (array.size,)):
                raise ShapeError(f"{who}: images must be (N, {array.size}), got {shape}.")

    def backward(self, dx: Array) -> Array:
        """∂L/∂u = scale · ∂L/∂x, the gradient with respect to the stored pixels: (N, D) → (N, D)."""
        return dx if self.scale is None else dx * self.scale

    def state(self) -> dict[str, Array]:
        """The statistics by name, for a model file."""
        return {name: array for name, array in (("shift", self.shift), ("scale", self.scale)) if array is not None}


def _check_gathered(images: Any, rows: Any, out: Any) -> None:
    for name, array, kinds in (("images", images, "fiub"), ("rows", rows, "iu"), ("out", out, "f")):
        if type(array) is not np.ndarray or array.dtype.kind not in kinds:
            raise DTypeError(f"Preprocessing.gather: {name} must be an array of its kind, got {shown(array)}.")


def _check_images(who: str, images: Any) -> None:
    if not isinstance(images, np.ndarray) or isinstance(images, np.ma.MaskedArray) or images.dtype.kind not in "fiub":
        raise DTypeError(f"{who}: images must be an array of real numbers without a mask, got {shown(images)}.")
    if images.ndim != 2:
        raise ShapeError(f"{who}: images must be (N, D), got {images.shape}.")


def _mean_of_squares(images: Array, center: Array) -> Array:
    """E[(u − center)²] for each pixel; E[u²] − μ² would cancel catastrophically where u varies little around a large
    mean."""
    total = np.zeros(images.shape[1])
    for start in range(0, len(images), 1000):
        part = images[start : start + 1000] - center
        total += np.einsum("nd,nd->d", part, part)
    return total / len(images)
