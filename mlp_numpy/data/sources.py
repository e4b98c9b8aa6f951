"""Data sets by name, such as ``cifar10``, ``torchvision:<Class>``, or ``cifar10:airplane,bird``, two classes of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mlp_numpy.data import cifar10, download, mnist, shapes, synthetic, torchvision_source
from mlp_numpy.data.dataset import Dataset
from mlp_numpy.data.subset import only_classes
from mlp_numpy.errors import DataNotFoundError, OptionError, unknown_name

NAMES = ("auto", "cifar10", "ellipse", "few-shapes", "mnist", "shapes", "torchvision:<Class>")
_TORCHVISION = "torchvision:"
_FEW = (400, 100)


@dataclass(frozen=True)
class Loaded:
    """A data set, and what the person who asked for it must be told, if anything; the library itself prints nothing."""

    dataset: Dataset
    warning: str | None = None


def load_dataset(
    name: str, data_dir: str | Path, *, download: bool = True, progress: bool = False, seed: int = 0
) -> Loaded:
    """Load a data set by its name.

    cifar10               from ``data_dir``, else downloaded into it
    ellipse               points of the plane in two classes, drawn; ``seed`` chooses the drawing
    mnist                 from ``data_dir``, else downloaded into it
    shapes                drawn (or kept from an earlier time) in the sizes of CIFAR-10; ``seed`` chooses the drawing
    few-shapes            400 + 100 of the kind, drawn in a moment: for trying out, nothing is learned from them
    auto                  cifar10; where it is neither on disk nor to be had, shapes with a warning
    torchvision:<Class>   any classification data set of torchvision
    <one of these>:<class>,<class>,…   these classes of it alone, such as cifar10:airplane,bird (not of ``auto``)

    Raises
    ------
    OptionError
        if the name is unknown, or a class is
    DataNotFoundError
        if the data set is neither on disk nor to be had (never for ``auto``)
    DataError
        if what is on disk is damaged, foreign or unreadable, for ``auto`` too: it may not hide that
    ExtraMissingError
        if torchvision is asked for and absent
    """
    whole, classes = _parted(name)
    if classes:
        if whole == "auto":
            raise OptionError(f"load_dataset: classes must be those of one data set, got {name!r}. Hint: cifar10:…")
        loaded = load_dataset(whole, data_dir, download=download, progress=progress, seed=seed)
        return Loaded(only_classes(loaded.dataset, classes), loaded.warning)
    if name.startswith(_TORCHVISION):
        return Loaded(torchvision_source.load(name.removeprefix(_TORCHVISION), data_dir, download=download))
    if name == "shapes":
        return Loaded(shapes.load(data_dir, seed))
    if name == "few-shapes":
        return Loaded(shapes.generate(*_FEW, seed))
    if name == "cifar10":
        return Loaded(_cifar10(Path(data_dir), may_download=download, progress=progress))
    if name == "ellipse":
        return Loaded(synthetic.generate(seed=seed))
    if name == "mnist":
        return Loaded(_mnist(Path(data_dir), may_download=download, progress=progress))
    if name == "auto":
        return _auto(Path(data_dir), may_download=download, progress=progress, seed=seed)
    raise unknown_name("data set", name, NAMES)


def _parted(name: str) -> tuple[str, list[str]]:
    """The data set that a name means, and the classes that are asked of it, if any."""
    prefix = _TORCHVISION if name.startswith(_TORCHVISION) else ""
    whole, colon, classes = name.removeprefix(prefix).partition(":")
    return prefix + whole, [each.strip() for each in classes.split(",")] if colon else []


def _auto(data_dir: Path, *, may_download: bool, progress: bool, seed: int) -> Loaded:
    try:
        return Loaded(_cifar10(data_dir, may_download=may_download, progress=progress))
    except DataNotFoundError as error:
        warning = (
            "THIS IS NOT CIFAR-10.\n"
            'CIFAR-10 is neither on disk nor to be had, so generated figures ("shapes") take its place.\n'
            "Accuracies on them say nothing about CIFAR-10 and cannot be compared with any published figure.\n"
            f"Why: {error}\n"
            f"To get CIFAR-10: put {cifar10.HOME}{cifar10.PYTHON_ARCHIVE} into {data_dir.absolute()}, as it is, "
            "and start again.\n"
            "To be stopped instead of warned: --dataset cifar10. To choose the figures and see no warning: "
            "--dataset shapes."
        )
    return Loaded(shapes.load(data_dir, seed), warning)


def _cifar10(data_dir: Path, *, may_download: bool, progress: bool) -> Dataset:
    if cifar10.find(data_dir) is None:
        archive = data_dir / cifar10.PYTHON_ARCHIVE
        if not may_download:
            raise DataNotFoundError(
                f"sources.load_dataset: {data_dir} must hold CIFAR-10 when downloading is switched off, found none. "
                f"Hint: put {cifar10.HOME}{cifar10.PYTHON_ARCHIVE} at {archive.absolute()}, as it is, or allow the "
                "download, or train on generated figures with --dataset shapes."
            )
        digest = cifar10.SHA256[cifar10.PYTHON_ARCHIVE]
        otherwise = ", or train on generated figures with --dataset shapes"
        download.fetch(download.CIFAR10_MIRRORS, archive, digest, progress=progress, otherwise=otherwise)
    return cifar10.load(data_dir)


def _mnist(data_dir: Path, *, may_download: bool, progress: bool) -> Dataset:
    missing = set(mnist.SHA256) - set(mnist.find(data_dir))
    if may_download:
        for name in sorted(missing):
            urls = [folder + name for folder in download.MNIST_MIRRORS]
            download.fetch(urls, data_dir / mnist.FOLDER / name, mnist.SHA256[name], progress=progress)
    return mnist.load(data_dir)
