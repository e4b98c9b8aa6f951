"""``pack``: images or a table become a folder of ``.npy`` files, in the memory of one piece at a time."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array, stream
from mlp_numpy.atomic_io import folder_written_whole, write_json
from mlp_numpy.checks import shown
from mlp_numpy.data.columns import Column, encode
from mlp_numpy.data.image_folder import Labelled, listed
from mlp_numpy.data.images import read_image
from mlp_numpy.data.npy_file import NpyWriter
from mlp_numpy.data.npy_folder import DESCRIPTION, ArraysDescription
from mlp_numpy.data.own_data import SEED, OwnData
from mlp_numpy.data.raw_table import MOST_CATEGORIES, RawTable
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.table import inputs_of, targets_of, task_of, wanted_as, wanted_of, warning_of
from mlp_numpy.data.table_files import table_pieces
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError

_WHO: Final = "pack"
_PARTS: Final = ("train", "test")

OnProgress = Callable[[int], object]
"""Called with the number of images or rows that were read since the last call."""


class Packed(NamedTuple):
    """What was packed: the description, the number of training and test examples, and a warning or None."""

    described: ArraysDescription
    train: int
    test: int
    warning: str | None = None


def pack(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    options: OwnData | None = None,
    *,
    progress: OnProgress | None = None,
) -> Packed:
    """Convert a folder of images, or a CSV, Parquet or Feather file, to a folder of ``.npy`` files for ``npy:out``.

    images   as ``image_folder.load`` finds them, in random order; a test part is drawn by class
    tables   as ``table.load`` encodes them, in two passes and in their order; without ``options.test_file`` each row is
             a test row with the probability ``options.test_fraction``

    Draws are the same for every run. Memory is that of the names of the images, or of a megabyte of the table. The
    folder appears under its name when it is complete; after an error nothing is left.

    Raises
    ------
    DataError
        if ``out`` exists and is not empty, lies in the source, or cannot be written; for a bad image or row, which it
        names; whatever ``image_folder.load`` and ``table.load`` raise
    OptionError
        if a path is none, or the source is no folder and no table
    """
    source, out, options = as_path(_WHO, source), as_path(_WHO, out), options or OwnData()
    progress = progress or (lambda _: None)
    if not callable(progress):
        raise OptionError(f"{_WHO}: progress must be a function, got {shown(progress)}.")
    if not source.exists():
        raise DataNotFoundError(f"{_WHO}: there must be a folder or a table {source.absolute()}, found none.")
    out = Path(os.path.realpath(out))  # a link to an empty folder on another disk is that folder
    with _writing(out):
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise DataError(f"{_WHO}: {out} must be a new or empty folder, got one that exists. Hint: another name.")
        if source.is_dir() and out.is_relative_to(os.path.realpath(source)):
            raise DataError(f"{_WHO}: {out} must be outside of {source}, which is read. Hint: another place.")
        with _parents(out), folder_written_whole(out) as folder:
            packed = (_images if source.is_dir() else _table)(source, folder, options, progress)
            write_json(folder / DESCRIPTION, packed.described.as_json())
    return packed


@contextlib.contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Errors of the system are those of writing; errors of reading have been converted already."""
    try:
        yield
    except OSError as error:
        if isinstance(error, DataNotFoundError):
            raise
        raise DataError(
            f"{_WHO}: {out} must be a folder that can be written, got: {error.strerror or error}. "
            "Nothing of it is left. Hint: make room, or choose another place."
        ) from error


@contextlib.contextmanager
def _parents(out: Path) -> Iterator[None]:
    """The folders above ``out``; those that were missing are removed after an error."""
    missing = [folder for folder in out.parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # others may have used them meanwhile
            for folder in missing:
                folder.rmdir()
        raise


class _Pair:
    """The files x and y of one part."""

    def __init__(self, folder: Path, part: str, shape: tuple[int, ...], dtype: Any, targets: tuple[Any, ...]) -> None:
        self.x = NpyWriter(folder / f"x_{part}.npy", shape, dtype)
        self.y = NpyWriter(folder / f"y_{part}.npy", *targets)

    def add(self, x: Array, y: Array) -> None:
        self.x.add(x)
        self.y.add(y)

    def finish(self) -> int:
        """Complete both files; returns the number of examples."""
        self.x.finish()
        self.y.finish()
        return self.x.n_rows


@contextlib.contextmanager
def _pairs(*arguments: Any, folder: Path) -> Iterator[list[_Pair]]:
    """The files of both parts, which are closed at the end."""
    with contextlib.ExitStack() as stack:
        pairs = []
        for part in _PARTS:
            pairs.append(_Pair(folder, part, *arguments))
            stack.callback(pairs[-1].x.close)
            stack.callback(pairs[-1].y.close)
        yield pairs


def _labels(classes: int) -> tuple[tuple[int, ...], Any]:
    """Shape and smallest dtype of the label of one example."""
    return (), np.min_scalar_type(classes - 1)


def _images(source: Path, folder: Path, options: OwnData, progress: OnProgress) -> Packed:
    train, test, shape, classes = listed(source, options)
    with _pairs(shape, np.uint8, _labels(len(classes)), folder=folder) as pairs:
        for pair, images in zip(pairs, (train, test), strict=True):
            _add_images(pair, images, shape, progress)
        n_train, n_test = (pair.finish() for pair in pairs)
    return Packed(ArraysDescription(shape, classes, "classification"), n_train, n_test)


def _add_images(pair: _Pair, images: Labelled, shape: tuple[int, int, int], progress: OnProgress) -> None:
    # in random order, so that a block of rows has images of all classes
    for row in stream(SEED, "pack").permutation(len(images)):
        path, label = images[row]
        pair.add(read_image(path, shape)[np.newaxis], np.array([label]))
        progress(1)


class _Survey(NamedTuple):
    """What a first pass over a table finds.

    table        the names and kinds of its columns; of the first target all different values, or too many for classes
    categories   of a column of categories: those of the training rows
    n            the number of rows
    """

    table: RawTable
    categories: dict[str, set[str]]
    n: int


def _survey(source: Path, options: OwnData, progress: OnProgress) -> _Survey:
    first, n, distinct = options.target[:1], 0, np.empty(0)
    categories: dict[str, set[str]] = {}
    table = RawTable(str(source), {}, {})
    for piece, held in _drawn_pieces(source, options):
        for name, known in piece.categories.items():
            codes = np.unique(piece.columns[name][~held])
            categories.setdefault(name, set()).update(known[code] for code in codes)
        for name in first:
            distinct = np.unique(np.concatenate([distinct, piece.columns[name]]))
            if len(distinct) > MOST_CATEGORIES:  # one fraction among them makes a regression
                distinct = np.concatenate([distinct[distinct % 1 != 0][:1], distinct[: MOST_CATEGORIES + 1]])
        columns = {name: np.empty(0) for name in piece.columns} | dict.fromkeys(first, distinct)
        table = RawTable(piece.source, columns, piece.categories)
        n += len(piece)
        progress(len(piece))
    return _Survey(table, categories, n)


def _drawn_pieces(source: Path, options: OwnData, known: RawTable | None = None) -> Iterator[tuple[RawTable, Array]]:
    """The pieces of a table, each with the mask (n,) of its test rows; with ``known``, the columns of a first pass,
    those of the test file follow. The same draws at every call."""
    draws = stream(SEED, "test")
    for piece in table_pieces(source, wanted_of(source, options)):
        drawn = draws.random(len(piece)) < options.test_fraction
        yield piece, np.zeros(len(piece), bool) if options.test_file else drawn
    if options.test_file and known is not None:
        for piece in table_pieces(as_path(_WHO, options.test_file), wanted_as(known, options)):
            yield piece, np.ones(len(piece), bool)


def _table(source: Path, folder: Path, options: OwnData, progress: OnProgress) -> Packed:
    found = _survey(source, options, progress)
    task, classes = task_of(found.table, options, found.n)
    inputs = inputs_of(source, found.table, options)
    columns = tuple(
        Column(name, "category", tuple(sorted(found.categories[name])))
        if name in found.categories
        else Column(name, "number")
        for name in inputs
    )
    width = sum(len(column.features) for column in columns)
    targets = _labels(len(classes)) if classes else ((len(options.target),), np.float64)
    n_unknown, counts = 0, np.zeros(len(classes), np.int64)
    with _pairs((width,), options.dtype, targets, folder=folder) as pairs:
        for piece, held in _drawn_pieces(source, options, found.table):
            for pair, rows in zip(pairs, (~held, held), strict=True):
                x, unknown = encode(piece, columns, options.dtype, rows, strict=False)
                y = targets_of(piece, options.target, classes)[rows]
                pair.add(x, y)
                n_unknown += unknown
                if classes and pair is pairs[0]:
                    counts += np.bincount(y, minlength=len(classes))
            progress(len(piece))
        n_train, n_test = (pair.finish() for pair in pairs)
    hint = "Hint: more rows, or a test file of its own."
    if not (n_train and n_test):
        raise DataError(f"{_WHO}: {source} must have rows for a training and a test part, got {found.n}. {hint}")
    if classes and not counts.all():
        lost = classes[int(counts.argmin())]
        raise DataError(f"{_WHO}: {source} must have training examples of every class, got none of {lost!r}. {hint}")
    described = ArraysDescription((width, 1, 1), tuple(classes) or options.target, task, columns)
    return Packed(described, n_train, n_test, warning_of(n_unknown))
