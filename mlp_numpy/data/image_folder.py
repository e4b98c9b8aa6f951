"""A folder of images as a data set: one sub-folder per class, or train/ and test/ with one per class each."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from PIL import Image

from mlp_numpy.arrays import Array
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.images import IMAGE_FORMATS, header_shape, read_image
from mlp_numpy.data.own_data import SEED, OwnData
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.splitting import draw_test_rows
from mlp_numpy.errors import DataError, DataNotFoundError, unreadable

_PARTS: Final = ("train", "test")
_WHO: Final = "image_folder.load"
_JUNK: Final = ("thumbs.db", "desktop.ini")

Labelled = list[tuple[Path, int]]
"""Image files, each with the index of its class."""


def load(folder: str | os.PathLike[str], options: OwnData | None = None) -> Dataset:
    """The images of ``folder``, decoded one by one into one array of bytes for each part.

        folder/cat/1.jpg  folder/dog/2.png                     a test part is drawn, stratified by class
        folder/train/cat/1.jpg  folder/test/cat/2.jpg          as it is; both parts have the same classes

    Every image becomes gray (C = 1) if all images of the folder are, else RGB (C = 3), and upright; see ``read_image``.
    Classes are ordered by name. Hidden files, and those of file managers, are not looked at.

    options   ``image_size`` that every image is scaled to (by default their size, if it is one), and ``test_fraction``

    Raises
    ------
    DataNotFoundError
        if the folder does not exist
    DataError
        if a class has no image, there is only one class, or something else than images lies in the folder of a class;
        if an image is unreadable, or they differ in size and no ``image_size`` is given
    OptionError
        if ``folder`` is not a path
    """
    folder = as_path(_WHO, folder)
    train, test, shape, classes = listed(folder, options or OwnData())
    return Dataset(folder.name, _read(train, shape), _read(test, shape), shape, classes, str(folder.absolute()))


class Listed(NamedTuple):
    """The image files of both parts, the common shape (C, H, W), and the names of the classes."""

    train: Labelled
    test: Labelled
    shape: tuple[int, int, int]
    classes: tuple[str, ...]


def listed(folder: Path, options: OwnData) -> Listed:
    """The images of ``folder`` by part and class; of each, the header is read. Raises as ``load`` does."""
    found = _entries(folder)
    names = {each.name for each in found}
    if set(_PARTS) <= names:
        others = names - set(_PARTS)
        if others:
            raise DataError(
                f"{_WHO}: {folder} must hold train and test alone, or one folder per class, got {min(others)} as well."
            )
        train, classes = _labelled(folder / "train")
        test, test_classes = _labelled(folder / "test")
        if classes != test_classes:
            different = min(set(classes) ^ set(test_classes))
            raise DataError(f"{_WHO}: train and test must have the same classes, got {different} in one of them.")
    else:
        images, classes = _labelled(folder)
        labels = np.array([label for _, label in images])
        chosen = draw_test_rows(_WHO, len(images), options.test_fraction, SEED, labels)
        train = [each for each, held in zip(images, chosen, strict=True) if not held]
        test = [each for each, held in zip(images, chosen, strict=True) if held]
    shape = _shape([path for path, _ in (*train, *test)], options.image_size)
    return Listed(train, test, shape, classes)


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder, by name.

    Raises DataNotFoundError if it does not exist, DataError if it holds something else, or no image.
    """
    suffixes = _suffixes()
    found = _entries(folder)
    for each in found:
        if each.is_dir():
            raise DataError(
                f"{_WHO}: {folder} must hold images, got a folder {each.name} in it. "
                "Hint: one folder per class, without folders in it."
            )
        if each.suffix.lower() not in suffixes:
            raise DataError(
                f"{_WHO}: {folder} must hold images, got {each.name}. "
                f"Hint: move it; images are files such as .png and .jpg ({', '.join(IMAGE_FORMATS)})."
            )
    if not found:
        raise DataError(f"{_WHO}: {folder} must hold at least one image, got none.")
    return found


def _labelled(folder: Path) -> tuple[Labelled, tuple[str, ...]]:
    classes = []
    for each in _entries(folder):
        if not each.is_dir():
            raise DataError(
                f"{_WHO}: {folder} must hold one folder per class, got the file {each.name}. "
                "Hint: put it into the folder of its class."
            )
        classes.append(each)
    if len(classes) < 2:
        found = f"one, {classes[0].name}" if classes else "none"
        raise DataError(f"{_WHO}: {folder} must hold a folder for each of two or more classes, got {found}.")
    images = [(path, label) for label, each in enumerate(classes) for path in images_in(each)]
    return images, tuple(each.name for each in classes)


def _entries(folder: Path) -> list[Path]:
    """The visible entries of a folder, by name."""
    try:
        found = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{_WHO}: there must be a folder {folder.absolute()}, found none.") from error
    except OSError as error:
        raise unreadable(_WHO, folder, error) from error
    return [each for each in found if not each.name.startswith(".") and each.name.lower() not in _JUNK]


def _suffixes() -> set[str]:
    return {suffix for suffix, kind in Image.registered_extensions().items() if kind in IMAGE_FORMATS}


def _shape(paths: Sequence[Path], size: tuple[int, ...]) -> tuple[int, int, int]:
    """The common shape (C, H, W), from the headers of the images."""
    first, channels = header_shape(paths[0]), 1
    for path in paths:
        found = header_shape(path)
        channels = max(channels, found[0])
        if not size and found[1:] != first[1:]:
            raise DataError(
                f"{_WHO}: images must have one size, got {first[1]} × {first[2]} (height × width) in {paths[0]} and "
                f"{found[1]} × {found[2]} in {path}. Hint: --image-size {first[1]} {first[2]} scales all of them."
            )
    height, width = (size[0], size[-1]) if size else first[1:]
    return channels, height, width


def _read(images: Labelled, shape: tuple[int, int, int]) -> Split:
    try:
        pixels: Array = np.empty((len(images), math.prod(shape)), np.uint8)
    except (MemoryError, ValueError) as error:
        raise DataError(
            f"{_WHO}: {len(images):,} images of {shape} must fit into memory, they do not. "
            "Hint: a smaller --image-size."
        ) from error
    for row, (path, _) in enumerate(images):
        pixels[row] = read_image(path, shape)
    return Split(pixels, np.array([label for _, label in images]))
