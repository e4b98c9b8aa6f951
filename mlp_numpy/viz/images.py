"""Images in the layout of a data set, on axes and in mosaics."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError


def pictures(images: Array, image_shape: tuple[int, int, int]) -> Array:
    """Rows (n, D) → (n, H, W, 3), or (n, H, W) of one channel. Raises ShapeError unless C is 1 or 3 and D = C·H·W."""
    channels = image_shape[0]
    if channels not in (1, 3):
        raise ShapeError(f"pictures: image_shape must be (1, H, W) or (3, H, W), got {tuple(image_shape)}.")
    if images.ndim != 2 or len(images) == 0 or images.shape[1] != math.prod(image_shape):
        raise ShapeError(f"pictures: images must be (n, {math.prod(image_shape)}), n ≥ 1, got {images.shape}.")
    shown = images.reshape(-1, *image_shape).transpose(0, 2, 3, 1)
    return shown[..., 0] if channels == 1 else shown


def show(axes: Axes, picture: Array, title: str = "") -> None:
    """One image with values in 0…255 and a title, without interpolation and frame."""
    axes.imshow(np.rint(np.clip(picture, 0, 255)).astype(np.uint8), cmap="gray", vmin=0, vmax=255)
    axes.set_title(title, fontsize=10, pad=4)
    axes.set_axis_off()


def mosaic(shown: Array, n_columns: int) -> Array:
    """A mosaic of images (n, H, W, …), separated by a white pixel."""
    n, height, width, *channels = shown.shape
    n_rows = -(-n // n_columns)
    sheet = np.full((n_rows * (height + 1) - 1, n_columns * (width + 1) - 1, *channels), 1.0)
    for place, picture in enumerate(shown):
        row, column = divmod(place, n_columns)
        top, left = row * (height + 1), column * (width + 1)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def page(n: int, n_columns: int, *, tile: float, caption: float, head: float) -> tuple[Figure, Sequence[Axes]]:
    """A figure with axes for ``n`` square images; all sizes in inches.

    tile      the side of an image
    caption   the room above each, for its title
    head      the room above all, for the title of the page
    """
    n_columns = min(n, n_columns)
    n_rows = -(-n // n_columns)
    air = 0.12
    width, height = n_columns * (tile + air) + air, n_rows * (tile + caption) + air + head
    figure = Figure(figsize=(width, height))
    places = []
    for place in range(n):
        row, column = divmod(place, n_columns)
        left, bottom = air + column * (tile + air), height - head - (row + 1) * (tile + caption)
        places.append(figure.add_axes((left / width, bottom / height, tile / width, tile / height)))
    return figure, places


def headline(figure: Figure, title: str, explained: str = "") -> None:
    """The title of a page, and a caption in small letters below it."""
    height = figure.get_size_inches()[1]
    figure.text(0.5, 1 - 0.1 / height, title, ha="center", va="top", fontsize=12)
    figure.text(0.5, 1 - 0.36 / height, explained, ha="center", va="top", fontsize=9, color="0.35")
