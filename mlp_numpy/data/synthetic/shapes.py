"""The synthetic stand-in for CIFAR-10: ten shapes in its dimensions and dtype, for machines without CIFAR-10.

Each image shows one shape on a two-color background. Position, size, rotation, both colors, their contrast and noise
vary, so that single pixels carry little information: as on CIFAR-10, a convolutional network is far more accurate than
a fully connected one. Accuracies on shapes do not carry over to CIFAR-10.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import written_whole
from mlp_numpy.checks import LARGEST, allocatable, whole_number
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.folder import alone_in, foreign_things
from mlp_numpy.data.reading import as_path, check_regular
from mlp_numpy.data.synthetic.sdf import OUTLINES
from mlp_numpy.errors import OptionError

N_TRAIN, N_TEST = 50_000, 10_000
SIZE = 32
VERSION = 1
"""Part of the cache file's name; to be increased whenever the same seed would generate different images."""

_CHUNK = 500
_DIGEST_BYTES = hashlib.sha256().digest_size


def generate(n_train: int = N_TRAIN, n_test: int = N_TEST, seed: int = 0) -> Dataset:
    """Generate the data set: images (n, 3·32·32) uint8 and labels (n,) int64, deterministic in the arguments.

    Raises
    ------
    OptionError
        if a size is below 1 or the seed is negative
    """
    for name, value, least in (("n_train", n_train, 1), ("n_test", n_test, 1), ("seed", seed, 0)):
        if whole_number("shapes.generate", name, value, least=-LARGEST) < least:
            raise OptionError(f"shapes.generate: {name} must be at least {least}, got {value}.")
    for name, size in (("n_train", n_train), ("n_test", n_test)):
        allocatable(f"shapes.generate: {name}", (size, 3 * SIZE * SIZE), np.uint8)
    return _dataset(_draw_split(n_train, (seed, 0)), _draw_split(n_test, (seed, 1)), f"generated, seed {seed}")


def _dataset(train: Split, test: Split, source: str) -> Dataset:
    names = tuple(outline.__name__ for outline in OUTLINES)
    return Dataset("shapes", train, test, (3, SIZE, SIZE), names, source)


def load(data_dir: str | os.PathLike[str], seed: int = 0, *, keep: bool = True) -> Dataset:
    """The full data set, generated once and cached in ``data_dir``; regenerated if the cache is missing or damaged.

    keep   whether a file may be written

    A folder that cannot be written, or has other contents than data sets, is not an error: the data set is generated
    and its ``source`` says that it was not cached.

    Raises
    ------
    OptionError
        if the seed is negative
    """
    whole_number("shapes.load", "seed", seed, 0)
    path = as_path("shapes.load", data_dir) / f"shapes-v{VERSION}-seed{seed}.npy"
    kept = _read(path)
    if kept is not None:
        return _dataset(*kept, f"generated, seed {seed}, kept in {path}")
    drawn = generate(N_TRAIN, N_TEST, seed)
    if not keep:
        return drawn
    foreign = foreign_things(path.parent)
    if foreign:
        there = f"{foreign[0]!r} and other things are there" if len(foreign) > 1 else f"{foreign[0]!r} is there"
        return _dataset(drawn.train, drawn.test, f"{drawn.source} (not kept in {path}: {there})")
    try:
        _write(path, drawn)
    except OSError as error:
        return _dataset(drawn.train, drawn.test, f"{drawn.source} (not kept in {path}: {error.strerror or error})")
    return _dataset(drawn.train, drawn.test, f"generated, seed {seed}, kept in {path}")


# ------------------------------------------------------------------------------------------------------------ keeping
# The file consists of four arrays in NumPy's format: training images and labels, test images and labels. It ends with
# the SHA-256 of all bytes before.


def _write(path: Path, dataset: Dataset) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with alone_in(path.parent):
        for litter in path.parent.glob(f".{path.name}.*.part"):  # from a killed process: a live one holds the lock
            litter.unlink(missing_ok=True)
        _write_whole(path, dataset)


def _write_whole(path: Path, dataset: Dataset) -> None:
    with written_whole(path) as file:
        for split in (dataset.train, dataset.test):
            np.save(file, split.images)
            np.save(file, split.labels)
        file.flush()
        file.seek(0)
        sha256 = hashlib.sha256()
        while piece := file.read(1 << 20):
            sha256.update(piece)
        file.write(sha256.digest())


def _read(path: Path) -> tuple[Split, Split] | None:
    """The cached data set, or None if it is missing or damaged."""
    check_regular("shapes.load", path)
    try:
        with path.open("rb") as file:
            if not _is_whole(file):
                return None
            file.seek(0)
            arrays = [np.lib.format.read_array(file, allow_pickle=False) for _ in range(4)]
        train, test = Split(arrays[0], arrays[1]), Split(arrays[2], arrays[3])
        if _dataset(train, test, "kept").train.images.dtype != np.uint8:
            return None
    except Exception:  # a foreign file with a valid digest may contain anything
        return None
    return train, test


def _is_whole(file: BinaryIO) -> bool:
    """True if the file ends with the SHA-256 of all bytes before."""
    remaining = file.seek(0, os.SEEK_END) - _DIGEST_BYTES
    file.seek(0)
    sha256 = hashlib.sha256()
    while remaining > 0 and (piece := file.read(min(remaining, 1 << 20))):
        sha256.update(piece)
        remaining -= len(piece)
    return file.read() == sha256.digest()


# ------------------------------------------------------------------------------------------------------------ drawing


def _draw_split(n: int, stream: tuple[int, int]) -> Split:
    """Generate ``n`` examples, chunk by chunk; each chunk has its own random stream of (seed, part)."""
    images = np.empty((n, 3 * SIZE * SIZE), dtype=np.uint8)
    labels = np.empty(n, dtype=np.int64)
    for index, start in enumerate(range(0, n, _CHUNK)):
        rows = slice(start, min(start + _CHUNK, n))
        _draw_chunk(images[rows], labels[rows], np.random.default_rng([*stream, index]))
    return Split(images, labels)


def _draw_chunk(images: Array, labels: Array, rng: np.random.Generator) -> None:
    """Fill ``images`` (n, 3·32·32) uint8 and ``labels`` (n,).

    image = background + coverage · (color − background) + noise, with the coverage of a pixel in [0, 1] from the signed
    distance of its center to the shape's edge.
    """
    n = len(labels)
    labels[:] = rng.integers(len(OUTLINES), size=n)

    def uniform(low: float, high: float, *shape: int) -> Array:
        return rng.uniform(low, high, (n, *shape)).astype(np.float32)

    # the pixel grid in the coordinates of the shape: translated, rotated, and in units of its radius
    radius = uniform(6, 12, 1, 1)
    turn = uniform(-0.8, 0.8, 1, 1)
    middle = np.arange(SIZE, dtype=np.float32) - np.float32((SIZE - 1) / 2)
    x = (middle - uniform(-6.5, 6.5, 1, 1)) / radius
    y = (uniform(-6.5, 6.5, 1, 1) - middle[:, None]) / radius
    cosine, sine = np.cos(turn), np.sin(turn)
    u, v = x * cosine + y * sine, y * cosine - x * sine

    coverage = np.empty((n, 1, SIZE, SIZE), dtype=np.float32)
    for label, outline in enumerate(OUTLINES):
        rows = np.flatnonzero(labels == label)
        coverage[rows, 0] = 0.5 - outline(u[rows], v[rows]) * radius[rows]
    np.clip(coverage, 0, 1, out=coverage)

    # background: a gradient between two colors; the shape is clearly lighter or darker
    slope = uniform(0, 2 * np.pi, 1, 1, 1)
    ramp = 0.5 + (middle * np.cos(slope) + middle[:, None] * np.sin(slope)) * np.float32(0.7 / SIZE)
    light = uniform(70, 185, 1, 1, 1)
    first = light + uniform(-45, 45, 3, 1, 1)
    second = light + uniform(-45, 45, 3, 1, 1)
    # two shapes of three are lighter than their background: with equal numbers the mean image is uninformative, and a
    # small network learns nothing for many epochs
    sign = np.where(rng.random((n, 1, 1, 1)) < 0.66, np.float32(1), np.float32(-1))
    color = light + sign * uniform(50, 120, 1, 1, 1) + uniform(-40, 40, 3, 1, 1)

    picture = first + ramp * (second - first)
    picture += coverage * (color - picture)
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    noise *= uniform(8, 32, 1, 1, 1)
    picture += noise
    np.clip(picture, 0, 255, out=picture)
    images[:] = picture.reshape(n, -1)
