"""Gradient ascent on an image: the picture that a trained model takes for its class more than any other.

Step        v = roll(u, s)                            s drawn from −jitter … jitter, each direction
            g = roll(∂z_c/∂v, −s)                     the class's logit, by the pixels
            u ← u + lr √D g / ‖g‖                     each image by itself; a pixel moves by lr in the root mean square
            u ← m + (1 − decay) (u − m)               m = 127.5, the middle of what a pixel can be
            u ← K u every ``blur`` steps              K: (1 2 1)/4 along rows and columns, edges repeated
            u ← min(max(u, 0), 255)
Reference   "Homework 1" (Albertini), part "Gradient Descent": the image that most highly represents the class. Decay:
            Simonyan and others 2014, section 2. Blur: Yosinski and others 2015, "Understanding Neural Networks Through
            Deep Visualization", section 3. Jitter: Mordvintsev, Olah and Tyka 2015, "Inceptionism".

Without jitter, decay and blur, what comes out are the raw weights of the model: much detail that no photograph has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from mlp_numpy.arrays import Array, is_whole, stream
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import NonFiniteError, OptionError, ShapeError
from mlp_numpy.inputs.logits import PixelLogits, check_image_shape
from mlp_numpy.modules import Module

GRAY: Final = 127.5


@dataclass(frozen=True)
class Maximized:
    """What ``maximize_class`` found.

    classes         (n,), the class of each image
    images          (n, D), in 0…255 if they were clamped
    before, after   (n, C), all logits of the images at the start and at the end
    history         (steps, n), the class's logit of each image as each step saw it, rolled, before it moved
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
) -> Maximized:
    """Images that maximize each of ``classes``'s logits, all in one batch.

    model           a Classifier, or what gives scores; it stays as it is
    preprocessing   the one it was trained with
    lr              gray levels, of 255, that a pixel moves by in a step, in the root mean square
    jitter          pixels that the image is rolled by before each step, at most; seeded, the same for all images
    blur            a small blur after every so many steps; 0 for never
    decay           the part of its distance from gray that a pixel loses at each step
    start           (D,) or (n, D) in 0…255, gray where left out

    Raises OptionError for settings that cannot be meant, ShapeError for a start of another form, LabelError for classes
    that the model does not have, NonFiniteError where a gradient is no number.
    """
    n_pixels = check_image_shape("maximize_class", model, image_shape)
    _check(steps, lr, jitter, blur, decay, image_shape)
    chosen = np.asarray(classes)
    images = _start(start, chosen, n_pixels)
    logits = PixelLogits(model, preprocessing)
    before = logits.forward(images)
    logits.check_classes(chosen)
    history = np.empty((steps, len(chosen)), before.dtype)
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
    return Maximized(chosen, images, before, logits.forward(images), history)


def direction(g: Array, step: int) -> Array:
    """√D g / ‖g‖ for each row of g (n, D); a row of zeros stays. Raises NonFiniteError where a row is not finite."""
    norms = np.linalg.norm(g.astype(np.float64), axis=1, keepdims=True)
    if not np.isfinite(norms).all():
        raise NonFiniteError(
            f"maximize_class: gradients must be finite, got {norms[~np.isfinite(norms)][0]} at step {step}. "
            "Hint: look at the model's weights."
        )
    unit: Array = math.sqrt(g.shape[1]) * g / np.where(norms > 0, norms, 1)
    return unit


def roll(images: Array, image_shape: tuple[int, int, int], shift: Array) -> Array:
    """Images (n, D) moved by ``shift`` = (rows down, columns right); what leaves on one side enters on the other."""
    return np.roll(images.reshape(-1, *image_shape), tuple(shift), axis=(2, 3)).reshape(images.shape)


def blurred(images: Array, image_shape: tuple[int, int, int]) -> Array:
    """Images (n, D) with (1 2 1)/4 over each pixel and its neighbors, along rows and columns; edges repeated."""
    out = images.reshape(-1, *image_shape)
    for axis in (2, 3):
        size = out.shape[axis]
        padded = np.pad(out, [(0, 0)] * axis + [(1, 1)] + [(0, 0)] * (3 - axis), mode="edge")
        lower, middle, upper = (np.take(padded, np.arange(k, k + size), axis) for k in range(3))
        out = (lower + 2 * middle + upper) / 4
    return out.reshape(images.shape)


def _start(start: Array | None, classes: Array, n_pixels: int) -> Array:
    """A fresh float64 array (n, D) of the images that the ascent starts from."""
    if classes.ndim != 1 or len(classes) == 0:
        raise ShapeError(f"maximize_class: classes must be (n,), n ≥ 1, got {classes.shape}.")
    given = np.asarray(GRAY if start is None else start, np.float64)
    if given.shape not in ((), (n_pixels,), (len(classes), n_pixels)):
        raise ShapeError(
            f"maximize_class: start must be ({n_pixels},) or ({len(classes)}, {n_pixels}), got {given.shape}."
        )
    if not np.isfinite(given).all():
        raise OptionError("maximize_class: start must be finite, got NaN or infinity.")
    return np.broadcast_to(given, (len(classes), n_pixels)).copy()


def _check(steps: int, lr: float, jitter: int, blur: int, decay: float, image_shape: tuple[int, int, int]) -> None:
    for name, value in (("steps", steps), ("jitter", jitter), ("blur", blur)):
        if not is_whole(value):
            raise OptionError(f"maximize_class: {name} must be a whole number ≥ 0, got {value!r}.")
    if jitter >= min(image_shape[1:]):
        raise OptionError(f"maximize_class: jitter must be less than the image's {image_shape[1:]}, got {jitter}.")
    if not 0 < lr < math.inf:
        raise OptionError(f"maximize_class: lr must be a number > 0, got {lr!r}.")
    if not 0 <= decay < 1:
        raise OptionError(f"maximize_class: decay must lie in [0, 1), got {decay!r}.")
