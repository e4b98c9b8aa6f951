"""Class images and saliency maps: images that maximize a class's logit, and the influence of pixels on it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import ShapeError
from mlp_numpy.viz.curves import save
from mlp_numpy.viz.images import headline, page, pictures, show


def save_class_images(
    path: str | os.PathLike[str],
    images: Array,
    image_shape: tuple[int, int, int],
    names: Sequence[str],
    logits: Array,
    title: str,
    explained: str = "",
) -> None:
    """Images (n, D) that maximize one class each, five per row, with the class's name and logit (n,), as PNG."""
    shown = pictures(images, image_shape)
    _check_as_many("save_class_images", len(shown), names=names, logits=logits)
    figure, places = page(len(shown), 5, tile=2.0, caption=0.3, head=0.55 if explained else 0.32)
    for axes, picture, name, logit in zip(places, shown, names, logits, strict=True):
        show(axes, picture, f"{name}   {logit:.1f}")
    headline(figure, title, explained)
    save(path, figure)


def save_saliency(
    path: str | os.PathLike[str], images: Array, maps: Array, names: Sequence[str], title: str = ""
) -> None:
    """Images (n, D), and under each its map (n, H, W), dark where the class's logit changes most, as PNG.

    Each map has its own scale, from 0 to its 99th percentile, so that one pixel does not dominate it.
    """
    _check_as_many("save_saliency", len(images), maps=maps, names=names)
    shown = pictures(images, (images.shape[1] // maps[0].size, *maps.shape[1:]))
    n = len(shown)
    figure, places = page(2 * n, n, tile=0.97, caption=0.08, head=0.75)
    for axes, picture, name in zip(places[:n], shown, names, strict=True):
        show(axes, picture, name)
    for axes, each in zip(places[n:], maps, strict=True):
        axes.imshow(each, cmap="magma_r", vmin=0, vmax=max(np.percentile(each, 99), np.finfo(np.float64).tiny))
        axes.set_axis_off()
    explained = "dark: where a change of the pixel changes the logit most; each map on its own scale"
    headline(figure, title or "What the logit of the class hangs on", explained)
    save(path, figure)


def _check_as_many(who: str, n: int, **others: Sequence[str] | Array) -> None:
    for name, values in others.items():
        if len(values) != n:
            raise ShapeError(f"{who}: {name} must be as many as the images, {n}, got {len(values)}.")
