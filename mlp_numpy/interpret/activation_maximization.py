"""Activation maximization: gradient ascent on an image to maximize a class's logit.

Step        v = roll(u, s)                            s drawn from −jitter … jitter, each direction
            g = roll(∂z_c/∂v, −s)                     gradient of the class's logit with respect to the pixels
            u ← u + lr √D g / ‖g‖                     per image; the root mean square step of a pixel is lr
            u ← m + (1 − decay) (u − m)               m = 127.5, the middle of the pixel range
            u ← K u every ``blur`` steps              K: (1 2 1)/4 along rows and columns, edges repeated
            u ← min(max(u, 0), 255)
Reference   "Homework 1" (Albertini), part "Gradient Descent": the image that most highly represents the class. Decay:
            Simonyan et al. 2014, section 2. Blur: Yosinski et al. 2015, "Understanding Neural Networks Through Deep
            Visualization", section 3. Jitter: Mordvintsev, Olah and Tyka 2015, "Inceptionism".

Without jitter, decay and blur, the result is dominated by high-frequency detail of the weights.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite, stream
from mlp_numpy.checks import POSITIVE, allocatable, flag, number, numbers, whole_number
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import NonFiniteError, OptionError, ShapeError
from mlp_numpy.interpret.logits import PixelLogits, check_image_shape
from mlp_numpy.modules import Module

GRAY: Final = 127.5


@dataclass(frozen=True)
class MaximizedImage:
    """The result of ``maximize_class``.

    classes         (n,), the class of each image
    images          (n, D), in 0…255 if they were clamped
    before, after   (n, C), all logits of the images at the start and at the end
    history         (steps, n), the class's logit of each image at each step, rolled, before the update
    """

    classes: Array
    images: Array
    before: Array
    after: Array
    history: Array


def maximize_class(
    model: Module,
    preprocessing: Preprocessing,
    image_shape: tuple[int, int, int],
    classes: Sequence[int],
    *,
    steps: int = 200,
    lr: float = 2.0,
    jitter: int = 1,
    blur: int = 10,
    decay: float = 0.03,
    clamp: bool = True,
    seed: int = 0,
    start: Array | None = None,
) -> MaximizedImage:
    """Maximize the logit of each of ``classes``, all images in one batch.

    model           a Classifier, or a model that outputs scores; it is not modified
    preprocessing   that of its training
    lr              root mean square step of a pixel, in gray levels of 255
    jitter          largest roll in pixels before each step; seeded, the same for all images
    blur            steps between two small blurs; 0 for no blur
    decay           fraction of its distance from gray that a pixel loses at each step
    start           (D,) or (n, D) in 0…255, gray by default

    Raises OptionError for invalid settings, ShapeError for a start of another shape, LabelError for classes that the
    model does not have, NonFiniteError for a gradient that is not finite.
    """
    n_pixels = check_image_shape("maximize_class", model, image_shape)
    _check(steps, lr, jitter, blur, decay, image_shape)
    flag("maximize_class", "clamp", clamp)
    whole_number("maximize_class", "seed", seed, least=0)
    chosen = numbers("maximize_class", "classes", classes)
    images = _start(start, chosen, n_pixels)
    logits = PixelLogits(model, preprocessing)
    before = logits.forward(images)
    logits.check_classes(chosen)
    history = np.empty(allocatable("maximize_class: steps", (steps, len(chosen)), before.dtype), before.dtype)
    rows = np.arange(len(chosen))
    for step in range(steps):
        shift = stream(seed, f"jitter {step}").integers(-jitter, jitter + 1, size=2)
        seen = logits.forward(roll(images, image_shape, shift))
        g = roll(logits.backward(chosen), image_shape, -shift)
        history[step] = seen[rows, chosen]
        images += lr * direction(g, step)
        images -= decay * (images - GRAY)
        if blur and (step + 1) % blur == 0:
            images = blurred(images, image_shape)
        if clamp:
            np.clip(images, 0, 255, out=images)
    return MaximizedImage(chosen, images, before, logits.forward(images), history)


def direction(g: Array, step: int) -> Array:
    """√D g / ‖g‖ for each row of g (n, D); rows of zeros are unchanged. Raises NonFiniteError if a row is not
    finite."""
    largest = np.abs(g).max(axis=1, keepdims=True)
    if not all_finite(largest):
        raise NonFiniteError(
            f"maximize_class: gradients must be finite, got {largest[~np.isfinite(largest)][0]} at step {step}. "
            "Hint: look at the model's weights."
        )
    # Scaled by a power of two near the largest value, since the squares of ‖g‖² may overflow or underflow.
    scaled = np.ldexp(g.astype(np.float64), -np.frexp(largest)[1])
    norms = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: Array = math.sqrt(g.shape[1]) * scaled / np.where(norms > 0, norms, 1)
    return unit


def roll(images: Array, image_shape: tuple[int, int, int], shift: Array) -> Array:
    """Roll images (n, D) by ``shift`` = (rows down, columns right), with wraparound."""
    return np.roll(images.reshape(-1, *image_shape), tuple(shift), axis=(2, 3)).reshape(images.shape)


def blurred(images: Array, image_shape: tuple[int, int, int]) -> Array:
    """Blur images (n, D) with (1 2 1)/4 along rows and columns; edges repeated."""
    out = images.reshape(-1, *image_shape)
    for axis in (2, 3):
        size = out.shape[axis]
        padded = np.pad(out, [(0, 0)] * axis + [(1, 1)] + [(0, 0)] * (3 - axis), mode="edge")
        lower, middle, upper = (np.take(padded, np.arange(k, k + size), axis) for k in range(3))
        out = (lower + 2 * middle + upper) / 4
    return out.reshape(images.shape)


def _start(start: Array | None, classes: Array, n_pixels: int) -> Array:
    """A new float64 array (n, D) of the initial images."""
    if classes.ndim != 1 or len(classes) == 0:
        raise ShapeError(f"maximize_class: classes must be (n,), n ≥ 1, got {classes.shape}.")
    given = numbers("maximize_class", "start", GRAY if start is None else start)
    if given.shape not in ((), (n_pixels,), (len(classes), n_pixels)):
        raise ShapeError(
            f"maximize_class: start must be ({n_pixels},) or ({len(classes)}, {n_pixels}), got {given.shape}."
        )
    if given.dtype.kind not in "fiu":
        raise OptionError(f"maximize_class: start must hold real numbers, got {given.dtype}.")
    if not all_finite(given):
        raise OptionError("maximize_class: start must be finite, got NaN or infinity.")
    return np.broadcast_to(given, (len(classes), n_pixels)).astype(np.float64)


def _check(steps: int, lr: float, jitter: int, blur: int, decay: float, image_shape: tuple[int, int, int]) -> None:
    who = "maximize_class"
    for name, value in (("steps", steps), ("jitter", jitter), ("blur", blur)):
        whole_number(who, name, value, least=0)
    if jitter >= min(image_shape[1:]):
        raise OptionError(f"{who}: jitter must be less than the image's {image_shape[1:]}, got {jitter}.")
    number(who, "lr", lr, POSITIVE)
    if not 0 <= number(who, "decay", decay) < 1:
        raise OptionError(f"{who}: decay must lie in [0, 1), got {decay!r}.")
