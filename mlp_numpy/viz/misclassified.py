"""The most confident mistakes of a model."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError, ShapeError
from mlp_numpy.viz.curves import TEST, TRAIN, save
from mlp_numpy.viz.images import headline, page, pictures, show


def most_confident_mistakes(truth: Array, probabilities: Array, most: int) -> Array:
    """Indices of at most ``most`` examples whose largest probability (N, C) is not that of the true class (N,), most
    confident first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != truth)
    return wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")][:most]


def save_misclassified(
    path: str | os.PathLike[str],
    images: Array,
    image_shape: tuple[int, int, int],
    truth: Array,
    probabilities: Array,
    names: Sequence[str],
    title: str = "",
    *,
    most: int = 24,
) -> None:
    """The most confident mistakes among images (N, D) with true classes (N,) and probabilities (N, C), as PNG.

    The title of each is the predicted class and the true class, with their probabilities.

    Raises DataError if there is no mistake, ShapeError unless all have the same length.
    """
    if not len(images) == len(truth) == len(probabilities):
        counts = f"{len(images)}, {len(truth)} and {len(probabilities)}"
        raise ShapeError(f"save_misclassified: images, truth and probabilities must be as many, got {counts}.")
    rows = most_confident_mistakes(truth, probabilities, len(truth))
    n_wrong, rows = len(rows), rows[:most]
    if n_wrong == 0:
        raise DataError("save_misclassified: there must be a mistake to show, found none.")
    figure, places = page(len(rows), 8, tile=1.25, caption=0.42, head=0.57)
    for axes, picture, row in zip(places, pictures(images[rows], image_shape), rows, strict=True):
        show(axes, picture)
        taken, right = probabilities[row].argmax(), truth[row]
        for height, color, kind in ((16, TEST, taken), (4, TRAIN, right)):
            axes.annotate(
                f"{names[kind]} {probabilities[row, kind]:.2f}",
                (0.5, 1),
                xycoords="axes fraction",
                xytext=(0, height),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                color=color,
            )
    explained = f"the surest {len(rows)} of {n_wrong:,} in {len(truth):,}; "
    explained += "orange: what it was taken for, with its probability; blue: what it is"
    headline(figure, title or "The surest mistakes", explained)
    save(path, figure)
