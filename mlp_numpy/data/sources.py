"""Data sets by name, such as ``cifar10``, ``torchvision:<Class>``, or the subset ``cifar10:airplane,bird``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from mlp_numpy.checks import flag, shown
from mlp_numpy.data import cifar10, cifar100, download, image_folder, mnist, npy_folder, table, torchvision_source
from mlp_numpy.data.dataset import Dataset
from mlp_numpy.data.folder import check_folder, foreign_things
from mlp_numpy.data.own_data import FOLDER, NPY, TABLE, OwnData
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.subset import only_classes
from mlp_numpy.data.synthetic import ellipse, shapes
from mlp_numpy.errors import DataNotFoundError, OptionError, unknown_name

NAMES = (
    *("auto", "cifar10", "cifar100", "cifar100-coarse", "ellipse", "few-shapes", "mnist", "shapes"),
    *("folder:<path>", "npy:<folder>", "table:<file>", "torchvision:<Class>"),
)
_TORCHVISION = "torchvision:"
_FEW = (400, 100)


@dataclass(frozen=True)
class Loaded:
    """A data set, with a warning for the user, if any; the library itself prints nothing."""

    dataset: Dataset
    warning: str | None = None


def load_dataset(
    name: str,
    data_dir: str | os.PathLike[str],
    *,
    download: bool = True,
    progress: bool = False,
    seed: int = 0,
    keep: bool = True,
    own: OwnData | None = None,
) -> Loaded:
    """Load a data set by its name.

    cifar10               from ``data_dir``, else downloaded into it
    cifar100              the same, with its 100 classes
    cifar100-coarse       the same, with the 20 superclasses
    ellipse               points of the plane in two classes, generated from ``seed``
    mnist                 from ``data_dir``, else downloaded into it
    shapes                generated from ``seed`` (or cached), in the dimensions of CIFAR-10
    few-shapes            400 + 100 of the same kind, generated quickly: for smoke tests, too few to learn from
    auto                  cifar10; if it is neither on disk nor downloadable, shapes with a warning
    folder:<path>         images of your own; see ``image_folder.load``
    npy:<folder>          arrays of your own, mapped into memory; see ``npy_folder.load``
    table:<file>          a table of your own; see ``table.load``
    torchvision:<Class>   any classification data set of torchvision
    <one of these>:<class>,<class>,…   a subset of its classes, such as cifar10:airplane,bird (not of ``auto``)

    Nothing is written to a folder with other contents than data sets; without ``download`` and ``keep`` (for generated
    data), nothing is written at all. ``own`` has the settings of ``folder``, ``npy`` and ``table``.

    Raises
    ------
    OptionError
        if the name or a class is unknown, or ``data_dir`` is not a path
    DataNotFoundError
        if the data set is neither on disk nor downloadable (never for ``auto``)
    DataError
        if the files on disk are damaged, of another data set or unreadable, for ``auto`` too; if ``data_dir`` has other
        contents and the data set would have to be written there
    ExtraMissingError
        if torchvision is asked for and absent
    """
    data_dir = as_path("load_dataset", data_dir)
    if not isinstance(name, str):
        raise OptionError(f"load_dataset: name must be a string, got {shown(name)}.")
    for option, value in (("download", download), ("progress", progress), ("keep", keep)):
        flag("load_dataset", option, value)
    if name.startswith(FOLDER):
        return Loaded(image_folder.load(name.removeprefix(FOLDER), own))
    if name.startswith(NPY):
        return Loaded(npy_folder.load(name.removeprefix(NPY), own))
    if name.startswith(TABLE):
        return Loaded(*table.load(name.removeprefix(TABLE), own))
    whole, classes = _parted(name)
    if classes:
        if whole == "auto":
            raise OptionError(f"load_dataset: classes must be those of one data set, got {name!r}. Hint: cifar10:…")
        loaded = load_dataset(whole, data_dir, download=download, progress=progress, seed=seed, keep=keep)
        return Loaded(only_classes(loaded.dataset, classes), loaded.warning)
    if name.startswith(_TORCHVISION):
        may_download = download and not foreign_things(data_dir)
        return Loaded(torchvision_source.load(name.removeprefix(_TORCHVISION), data_dir, download=may_download))
    if name == "shapes":
        return Loaded(shapes.load(data_dir, seed, keep=keep))
    if name == "few-shapes":
        return Loaded(shapes.generate(*_FEW, seed))
    if name == "cifar10":
        return Loaded(_cifar10(data_dir, may_download=download, progress=progress))
    if name in ("cifar100", "cifar100-coarse"):
        _fetch_cifar(cifar100, data_dir, may_download=download, progress=progress)
        return Loaded(cifar100.load(data_dir, coarse=name != "cifar100"))
    if name == "ellipse":
        return Loaded(ellipse.generate(seed=seed))
    if name == "mnist":
        return Loaded(_mnist(data_dir, may_download=download, progress=progress))
    if name == "auto":
        return _auto(data_dir, may_download=download, progress=progress, seed=seed, keep=keep)
    raise unknown_name("data set", name, NAMES)


def _parted(name: str) -> tuple[str, list[str]]:
    """Split a name into data set and classes, if any."""
    prefix = _TORCHVISION if name.startswith(_TORCHVISION) else ""
    whole, colon, classes = name.removeprefix(prefix).partition(":")
    return prefix + whole, [each.strip() for each in classes.split(",")] if colon else []


def _auto(data_dir: Path, *, may_download: bool, progress: bool, seed: int, keep: bool) -> Loaded:
    try:
        return Loaded(_cifar10(data_dir, may_download=may_download, progress=progress))
    except DataNotFoundError as error:
        warning = (
            "THIS IS NOT CIFAR-10.\n"
            'CIFAR-10 is neither on disk nor downloadable, so the synthetic data set "shapes" is used instead.\n'
            "Accuracies on them say nothing about CIFAR-10 and cannot be compared with any published figure.\n"
            f"Why: {error}\n"
            f"To get CIFAR-10: put {cifar10.HOME}{cifar10.PYTHON_ARCHIVE} into {data_dir.absolute()}, as it is, "
            "and start again.\n"
            "To be stopped instead of warned: --dataset cifar10. To choose the figures and see no warning: "
            "--dataset shapes."
        )
    if keep:
        check_folder(data_dir, "CIFAR-10")
    return Loaded(shapes.load(data_dir, seed, keep=keep), warning)


def _cifar10(data_dir: Path, *, may_download: bool, progress: bool) -> Dataset:
    _fetch_cifar(cifar10, data_dir, may_download=may_download, progress=progress)
    return cifar10.load(data_dir)


def _fetch_cifar(source: ModuleType, data_dir: Path, *, may_download: bool, progress: bool) -> None:
    """Download the archive of ``source``, cifar10 or cifar100, if no version of it exists."""
    if source.find(data_dir) is not None:
        return
    title, other = ("CIFAR-10", cifar100) if source is cifar10 else ("CIFAR-100", cifar10)
    archive = data_dir / source.PYTHON_ARCHIVE
    if not may_download:
        there = other.find(data_dir)
        raise DataNotFoundError(
            f"sources.load_dataset: {data_dir} must hold {title} when downloading is switched off, found "
            f"{'none' if there is None else there.name}. "
            f"Hint: put {source.HOME}{source.PYTHON_ARCHIVE} at {archive.absolute()}, as it is, or allow the "
            "download, or train on generated figures with --dataset shapes."
        )
    check_folder(data_dir, title)
    mirrors = download.CIFAR10_MIRRORS if source is cifar10 else download.CIFAR100_MIRRORS
    otherwise = ", or train on generated figures with --dataset shapes"
    name = archive.name
    size = source.SIZES[name]
    download.fetch(mirrors, archive, source.SHA256[name], size=size, progress=progress, otherwise=otherwise)


def _mnist(data_dir: Path, *, may_download: bool, progress: bool) -> Dataset:
    missing = set(mnist.SHA256) - set(mnist.find(data_dir))
    if may_download and missing:
        check_folder(data_dir, "MNIST")
        for name in sorted(missing):
            urls = [folder + name for folder in download.MNIST_MIRRORS]
            path, size = data_dir / mnist.FOLDER / name, mnist.SIZES[name]
            download.fetch(urls, path, mnist.SHA256[name], size=size, progress=progress)
    return mnist.load(data_dir)
