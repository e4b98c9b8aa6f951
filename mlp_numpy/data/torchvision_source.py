"""Classification data sets of torchvision, if torchvision is installed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import DataError, DataNotFoundError, ExtraMissingError, OptionError, unknown_name


def load(name: str, data_dir: str | os.PathLike[str], *, download: bool = True) -> Dataset:
    """The training and test split of ``torchvision.datasets.<name>``, which torchvision stores in ``data_dir``.

    Raises
    ------
    ExtraMissingError
        if torchvision is absent or cannot be imported
    OptionError
        if torchvision has no data set of this name, or one without a training and a test split
    DataNotFoundError
        if torchvision cannot open or download it
    DataError
        if its images differ in size or are not images
    """
    data_dir = as_path("torchvision_source.load", data_dir)
    if not isinstance(name, str):
        raise OptionError(f"torchvision_source.load: name must be a string, got {shown(name)}.")
    kind = _data_set_class(name)
    parts = {part: _open(kind, name, part, data_dir, download) for part in ("train", "test")}
    splits, shapes = {}, {}
    for part, examples in parts.items():
        splits[part], shapes[part] = _convert(examples, f"torchvision_source.load: {name}, {part} part")
    if shapes["train"] != shapes["test"]:
        raise DataError(
            f"torchvision_source.load: both parts of {name} must have images of one size, "
            f"got {shapes['train']} for training and {shapes['test']} for the test. Hint: choose another data set."
        )
    n_classes = 1 + int(max(split.labels.max() for split in splits.values()))
    class_names = _class_names(parts["train"], n_classes)
    source = f"torchvision.datasets.{name} in {data_dir}"
    return Dataset(name, splits["train"], splits["test"], shapes["train"], class_names, source)


def _data_set_class(name: str) -> Any:
    try:
        # imported here since it is an optional extra of several gigabytes
        from torchvision import datasets
    except Exception as error:  # with a mismatched PyTorch it raises RuntimeError, not ImportError
        raise ExtraMissingError(
            f"torchvision_source.load: torchvision must be installed for --dataset torchvision:{name}, "
            f"got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[torchvision]', with a torch that was built for it."
        ) from error
    known = [key for key, value in vars(datasets).items() if inspect.isclass(value) and not key.startswith("_")]
    if name not in known:
        raise unknown_name("torchvision data set", name, known)
    return getattr(datasets, name)


def _open(kind: Any, name: str, part: str, data_dir: Path, download: bool) -> Any:
    """One split; torchvision's classes select it by ``train=True/False`` or by ``split="train"/"test"``."""
    accepted = inspect.signature(kind).parameters
    options: dict[str, Any] = {}
    if "train" in accepted:
        options["train"] = part == "train"
    elif "split" in accepted:
        options["split"] = part
    else:
        raise OptionError(
            f"torchvision_source.load: {name} must have a training and a test part (train= or split=), "
            f"got a class with {', '.join(accepted)}. Hint: choose another data set, for example SVHN."
        )
    if "download" in accepted:
        options["download"] = download
    try:
        return kind(str(data_dir), **options)
    except Exception as error:  # a foreign class can raise any exception
        raise DataNotFoundError(
            f"torchvision_source.load: torchvision must open {name} ({part} part) in {data_dir}, "
            f"got {type(error).__name__}: {error}. Hint: check the network, the folder, and what {name} needs."
        ) from error


def _convert(examples: Any, who: str) -> tuple[Split, tuple[int, int, int]]:
    """All examples through the data set's ``[i]``, since every class stores its arrays differently."""
    n = len(examples)
    if n == 0:
        raise DataError(f"{who}: there must be at least one example, got none.")
    first = _pixels(examples[0][0], f"{who}, row 0")
    shape = (int(first.shape[0]), int(first.shape[1]), int(first.shape[2]))
    images = np.empty((n, *shape), dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    for row in range(n):
        example = examples[row]
        pixels = _pixels(example[0], f"{who}, row {row}")
        if pixels.shape != shape:
            raise DataError(
                f"{who}: images must all be {shape}, got {pixels.shape} at row {row}. "
                "Hint: choose a data set whose images have one size."
            )
        images[row] = pixels
        labels[row] = _label(example[1], f"{who}, row {row}")
    return Split(images.reshape(n, -1), labels), shape


def _pixels(image: Any, who: str) -> Array:
    """Convert a PIL image, an array (H, W[, C]) or a tensor ([C, ]H, W) to (C, H, W) uint8."""
    if hasattr(image, "getbands") and image.mode not in ("L", "RGB"):
        image = image.convert("RGB")
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[None]
    elif pixels.ndim == 3 and (hasattr(image, "getbands") or isinstance(image, np.ndarray)):
        pixels = pixels.transpose(2, 0, 1)
    if pixels.ndim != 3:
        raise DataError(f"{who}: an image must have two or three axes, got {type(image).__name__} {pixels.shape}.")
    if pixels.dtype.kind == "f" and pixels.size and 0 <= pixels.min() <= pixels.max() <= 1:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise DataError(f"{who}: pixels must be bytes, or fractions in [0, 1], got {pixels.dtype}.")
    return pixels


def _label(label: Any, who: str) -> int:
    number = np.asarray(label)
    if number.size != 1 or number.dtype.kind not in "iu" or number.item() < 0:
        raise DataError(
            f"{who}: a label must be one integer from 0 up, got {type(label).__name__} {number.shape}. "
            "Hint: choose a data set for classification."
        )
    return int(number.item())


def _class_names(examples: Any, n_classes: int) -> tuple[str, ...]:
    """The class names of the data set, or the class numbers if it has none."""
    names = getattr(examples, "classes", None)
    if isinstance(names, Sequence) and not isinstance(names, str) and len(names) >= n_classes:
        return tuple(str(name) for name in names)
    return tuple(str(label) for label in range(n_classes))
