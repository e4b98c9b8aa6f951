"""The weights of a first layer as images, one per unit."""

from __future__ import annotations

import os

import numpy as np
from matplotlib.figure import Figure

from mlp_numpy.arrays import Array
from mlp_numpy.viz.curves import save
from mlp_numpy.viz.images import headline, mosaic, pictures

_COLUMNS = 20


def save_first_layer(
    path: str | os.PathLike[str], weights: Array, image_shape: tuple[int, int, int], title: str = "", *, most: int = 100
) -> None:
    """Weights (M, D) as at most ``most`` small images, sorted by decreasing norm, as PNG.

    A pixel is ½ + w / (2 max |w|): gray is 0, and every unit has its own symmetric scale.
    """
    norms = np.linalg.norm(weights, axis=1)
    order = np.argsort(-norms, kind="stable")[:most]
    n_columns = min(_COLUMNS, len(order))
    sheet = mosaic(pictures(centered(weights[order]), image_shape), n_columns)
    # Inches. The mosaic has the width of the page without margins, and the height of its aspect ratio.
    width, margin, head = 11.0, 0.1, 0.65
    height = (width - 2 * margin) * sheet.shape[0] / sheet.shape[1]
    page_height = margin + height + head
    figure = Figure(figsize=(width, page_height))
    axes = figure.add_axes((margin / width, margin / page_height, 1 - 2 * margin / width, height / page_height))
    axes.imshow(sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    chosen = f"the {len(order)} largest of {len(weights)} units" if len(order) < len(weights) else f"{len(order)} units"
    headline(
        figure,
        title or "Weights of the first layer",
        f"{chosen} by falling norm, {norms[order[0]]:.3g} to {norms[order[-1]]:.3g}, row by row; "
        "gray is 0, each unit on its own scale, the same up and down",
    )
    save(path, figure)


def centered(weights: Array) -> Array:
    """½ + w / (2 max |w|) for each row of (M, D), in 0…1; a row of zeros is all ½."""
    largest = np.abs(weights).max(axis=1, keepdims=True)
    scaled: Array = 0.5 + weights / (2 * np.where(largest > 0, largest, 1))
    return scaled
