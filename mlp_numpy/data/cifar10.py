"""CIFAR-10 from disk: the python or the binary version, unpacked in a folder or in the archive it came in.

60,000 photographs of 32 × 32 points in three colors and ten classes: Alex Krizhevsky, Learning Multiple Layers of
Features from Tiny Images, 2009, https://www.cs.toronto.edu/~kriz/cifar.html. An archive is checked against its known
SHA-256 and read where it lies; nothing is unpacked, so nothing is ever half unpacked.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.cifar10_files import (
    BATCH_ROWS,
    IMAGE_SHAPE,
    N_FEATURES,
    Batch,
    read_binary_batch,
    read_binary_names,
    read_python_batch,
    read_python_names,
    wrong,
)
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.errors import DataError, DataNotFoundError

HOME = "https://www.cs.toronto.edu/~kriz/"
PYTHON_ARCHIVE = "cifar-10-python.tar.gz"
BINARY_ARCHIVE = "cifar-10-binary.tar.gz"
SHA256 = {
    PYTHON_ARCHIVE: "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    BINARY_ARCHIVE: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
}


@dataclass(frozen=True)
class _Version:
    """One of the two official versions: the names of its files and how to read them."""

    folder: str
    archive: str
    train: tuple[str, ...]
    test: str
    meta: str
    read_batch: Callable[[bytes, str], Batch]
    read_names: Callable[[bytes, str], list[str]]

    @property
    def files(self) -> tuple[str, ...]:
        return (self.meta, *self.train, self.test)


def find(data_dir: str | Path) -> Path | None:
    """The folder or archive of CIFAR-10 in ``data_dir``, a folder before its archive; None where there is none.

    Raises
    ------
    DataError
        if one may be there but cannot be looked at
    """
    found = _find(Path(data_dir))
    return found[1] if found else None


def load(data_dir: str | Path) -> Dataset:
    """CIFAR-10 as it lies in ``data_dir``: a folder as the archives or torchvision leave it, or an archive.

    Raises
    ------
    DataNotFoundError
        if there is none
    DataError
        if a file of it is missing, unreadable, truncated, damaged or foreign
    """
    found = _find(Path(data_dir))
    if found is None:
        names = ", ".join(name for version in _VERSIONS for name in (version.folder, version.archive))
        raise DataNotFoundError(
            f"cifar10.load: {Path(data_dir)} must hold one of {names}, found none. "
            f"Hint: put {HOME}{PYTHON_ARCHIVE} there, as it is."
        )
    version, path = found
    if path.name == version.folder:
        return _assemble(version, path, _folder_files(version, path))
    _check_digest(path)
    return _assemble(version, path, _archive_files(version, path))


def _find(data_dir: Path) -> tuple[_Version, Path] | None:
    for version in _VERSIONS:
        for path in (data_dir / version.folder, data_dir / version.archive):
            try:
                path.stat()
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise _unreadable(path, error) from error
            return version, path
    return None


# -------------------------------------------------------------------------------------------------- folder and archive


def _folder_files(version: _Version, folder: Path) -> Iterator[tuple[str, bytes]]:
    for name in version.files:
        path = folder / name
        try:
            yield name, path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(path, error) from error


def _archive_files(version: _Version, archive: Path) -> Iterator[tuple[str, bytes]]:
    """The files in the order in which they lie in the archive: to jump in it is to unpack it again from the start."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                folder, _, name = member.name.removeprefix("./").rpartition("/")
                if member.isreg() and folder == version.folder and name in version.files:
                    content = tar.extractfile(member)
                    if content is not None:
                        yield name, content.read()
    except (tarfile.TarError, EOFError, zlib.error, OSError, ValueError) as error:
        raise DataError(
            f"cifar10.load: {archive} must be a whole .tar.gz archive, got {type(error).__name__}: {error}. "
            "Hint: delete it so that it is downloaded again."
        ) from error


def _check_digest(archive: Path) -> None:
    try:
        with archive.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(archive, error) from error
    if digest != SHA256[archive.name]:
        raise DataError(
            f"cifar10.load: {archive} is damaged or foreign: its SHA-256 must be {SHA256[archive.name]}, got {digest} "
            f"over {archive.stat().st_size:,} bytes. Hint: delete it so that it is downloaded again."
        )


def _assemble(version: _Version, path: Path, files: Iterator[tuple[str, bytes]]) -> Dataset:
    """One data set from files that come in any order."""
    # Room for the full batches; memory that is never written to is never taken, so small batches stay small.
    images = np.empty((len(version.train), BATCH_ROWS, N_FEATURES), dtype=np.uint8)
    labels: dict[str, Array] = {}
    test: Split | None = None
    names: list[str] = []
    for name, content in files:
        who = f"cifar10.load: {path / name}"
        if name == version.meta:
            names = version.read_names(content, who)
            continue
        pixels, labels[name] = version.read_batch(content, who)
        if name == version.test:
            test = Split(np.ascontiguousarray(pixels), labels[name])
        else:
            images[version.train.index(name), : len(pixels)] = pixels
        del content, pixels  # 60 MB that would lie beside the next batch's
    missing = [name for name in version.files if name not in labels and not (name == version.meta and names)]
    if missing or test is None:
        raise DataError(
            f"cifar10.load: {path} must hold {', '.join(version.files)}; missing: {', '.join(missing)}. "
            "Hint: it is incomplete; delete it so that it is downloaded again, or unpack the official archive anew."
        )
    rows = {name: len(labels[name]) for name in (*version.train, version.test)}
    _check_rows(path, rows)
    if all(rows[name] == BATCH_ROWS for name in version.train):
        train_images = images.reshape(-1, N_FEATURES)
    else:
        train_images = np.concatenate([images[i, : rows[name]] for i, name in enumerate(version.train)])
    train = Split(train_images, np.concatenate([labels[name] for name in version.train]))
    return Dataset("CIFAR-10", train, test, IMAGE_SHAPE, tuple(names), str(path))


def _check_rows(path: Path, rows: dict[str, int]) -> None:
    """Official batches are alike: one that is shorter than a full one beside it was cut off between two images."""
    if max(rows.values()) < BATCH_ROWS:
        return
    for name, n in rows.items():
        if n != BATCH_ROWS:
            raise wrong(f"cifar10.load: {path / name}", f"{BATCH_ROWS:,} images like the other batches", f"{n:,}")


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cifar10.load: {path} must be readable, got: {error.strerror or error}. "
        "Hint: check its owner and permissions, or choose another folder with --data-dir."
    )


_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
_VERSIONS = (
    _Version(
        folder="cifar-10-batches-py",
        archive=PYTHON_ARCHIVE,
        train=_TRAIN,
        test="test_batch",
        meta="batches.meta",
        read_batch=read_python_batch,
        read_names=read_python_names,
    ),
    _Version(
        folder="cifar-10-batches-bin",
        archive=BINARY_ARCHIVE,
        train=tuple(f"{name}.bin" for name in _TRAIN),
        test="test_batch.bin",
        meta="batches.meta.txt",
        read_batch=read_binary_batch,
        read_names=read_binary_names,
    ),
)
