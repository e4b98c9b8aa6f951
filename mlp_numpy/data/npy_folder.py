"""A folder of ``.npy`` files as a data set that may be larger than the memory: they are mapped, not read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.checks import choice, shown, sizes
from mlp_numpy.data.columns import Column
from mlp_numpy.data.dataset import Dataset
from mlp_numpy.data.json_files import list_of, object_of, read_json, text_of, understood
from mlp_numpy.data.mapped import MappedSplit
from mlp_numpy.data.npy_file import NpyFile
from mlp_numpy.data.own_data import SEED, OwnData
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.splitting import draw_test_blocks
from mlp_numpy.data.targets import TASKS, Task
from mlp_numpy.errors import DataError, DataNotFoundError, LabelError, OptionError, unreadable

DESCRIPTION: Final = "dataset.json"
FORMAT: Final = 1
MOST_CLASSES: Final = 100_000
"""The most classes of labels without names; more are rather quantities."""

_WHO: Final = "npy_folder.load"
_WHOLE: Final = ("x.npy", "y.npy", "w.npy")
_PARTS: Final = tuple(tuple(f"{name}_{part}.npy" for name in "xyw") for part in ("train", "test"))


@dataclass(frozen=True)
class ArraysDescription:
    """What ``dataset.json`` says of the arrays beside it; ``pack`` writes one.

    image_shape   (C, H, W) of an example; (D, 1, 1) for the rows of a table
    outputs       the names of the classes, or of the columns of the targets
    columns       the columns that the inputs encode; empty for images
    """

    image_shape: tuple[int, int, int]
    outputs: tuple[str, ...]
    task: Task
    columns: tuple[Column, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "format": FORMAT,
            "task": self.task,
            "image_shape": list(self.image_shape),
            "outputs": list(self.outputs),
            "columns": [column.as_json() for column in self.columns],
        }

    @classmethod
    def from_json(cls, content: Any) -> ArraysDescription:
        """The description in a parsed JSON object; raises an exception of any kind for anything else."""
        found = object_of("content", content)
        if found.get("format") != FORMAT:
            raise ValueError(f"format {shown(found.get('format'))}, where this version reads {FORMAT}")
        channels, height, width = sizes("ArraysDescription", "image_shape", found["image_shape"])
        outputs = tuple(text_of("outputs", name) for name in list_of("outputs", found["outputs"]))
        columns = tuple(Column.from_json(each) for each in list_of("columns", found["columns"]))
        task: Any = choice("ArraysDescription", "task", found["task"], TASKS)
        return cls((channels, height, width), outputs, task, columns)


def load(folder: str | os.PathLike[str], options: OwnData | None = None) -> Dataset:
    """The data set of the arrays in ``folder``, in C order, mapped into memory.

        folder/x_train.npy  y_train.npy  x_test.npy  y_test.npy     both parts
        folder/x.npy  y.npy                                         a test part is drawn, by blocks of ⌈N / 10,000⌉ rows

    x is (N, C, H, W), (N, H, W) or (N, D), of integers or floats; y is (N,) integers of a classification, (N, K) bytes
    of 0 and 1 of a multilabel task, or (N,) or (N, K) floats of a regression. w.npy (w_train.npy, w_test.npy) are
    weights (N,), if there are any. ``dataset.json``, which ``pack`` writes, names classes and columns.

    options   ``test_fraction``, and ``task`` where y alone does not tell

    Every target is read once, and checked; of the inputs only the rows of a batch, see ``MappedSplit``.

    Raises
    ------
    DataNotFoundError
        if the folder, or an array that belongs to another one, does not exist
    DataError
        if a file is no whole ``.npy`` file of numbers in C order, or files do not match
    LabelError, OptionError
        for targets or weights that no Split takes
    """
    folder, options = as_path(_WHO, folder), options or OwnData()
    parts = [_opened(folder, names) for names in _found(folder)]
    described = _described(folder, parts, options)
    splits = [MappedSplit(part, described.task) for part in parts]
    if len(splits) == 1:
        runs = draw_test_blocks(_WHO, len(splits[0]), options.test_fraction, SEED)
        splits = [splits[0].selected(of_part) for of_part in runs]
    train, test = splits
    if described.task == "classification":
        n_classes = _check_labels((train, test), len(described.outputs))
        outputs = described.outputs or tuple(map(str, range(n_classes)))
        described = replace(described, outputs=outputs)
    names = tuple(feature for column in described.columns for feature in column.features)
    who = (described.outputs, str(folder.absolute()), names, described.columns)
    return Dataset(folder.absolute().name, train, test, described.image_shape, *who)


def _found(folder: Path) -> list[Sequence[str]]:
    """The file names of the parts: those of train and test, or of the whole."""
    try:
        names = {each.name for each in folder.iterdir()}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{_WHO}: there must be a folder {folder.absolute()}, found none.") from error
    except OSError as error:
        raise unreadable(_WHO, folder, error) from error
    both = [name for part in _PARTS for name in part if name in names]
    whole = [name for name in _WHOLE if name in names]
    if bool(both) == bool(whole):
        raise DataNotFoundError(
            f"{_WHO}: {folder} must hold x.npy and y.npy, or x_train.npy, y_train.npy, x_test.npy and y_test.npy, "
            f"got {', '.join(sorted({*both, *whole})) or 'none of them'}. "
            "Hint: python -m mlp_numpy pack makes such a folder of images or a table."
        )
    wanted = [_WHOLE] if whole else list(_PARTS)
    for name in (name for part in wanted for name in part[:2]):
        if name not in names:
            raise DataNotFoundError(f"{_WHO}: {folder} must hold {name} besides {(both or whole)[0]}, found none.")
    return [[name for name in part if name in names] for part in wanted]


def _opened(folder: Path, names: Sequence[str]) -> list[NpyFile]:
    return [NpyFile(folder / name) for name in names]


def _described(folder: Path, parts: Sequence[Sequence[NpyFile]], options: OwnData) -> ArraysDescription:
    """The description of ``dataset.json``, or of the arrays alone; raises DataError if they contradict it."""
    x, y = parts[0][:2]
    found = _of_arrays(x, y, options)
    if (folder / DESCRIPTION).exists():
        content = read_json(_WHO, folder / DESCRIPTION, "the description that pack wrote")
        with understood(_WHO, f"{folder / DESCRIPTION} must describe the arrays"):
            known = ArraysDescription.from_json(content)
        size, wanted = x.array[0].size, known.image_shape[0] * known.image_shape[1] * known.image_shape[2]
        if size != wanted:
            raise DataError(f"{_WHO}: {x.path} must have {wanted} numbers a row, by {DESCRIPTION}, got {size}.")
        n_features = sum(len(column.features) for column in known.columns)
        if known.columns and n_features != size:
            raise DataError(
                f"{_WHO}: the columns of {folder / DESCRIPTION} must be {size} numbers a row, got {n_features}."
            )
        n_targets = y.array[0].size
        if known.task != "classification" and len(known.outputs) != n_targets:
            raise DataError(
                f"{_WHO}: {folder / DESCRIPTION} must name the {n_targets} targets of {y.path.name}, got "
                f"{len(known.outputs)} names."
            )
        if options.task not in ("auto", known.task):
            raise OptionError(f"{_WHO}: {folder} holds a {known.task}, got task {options.task}.")
        found = known
    for other in parts[1:]:
        for mine, its in zip(parts[0], other, strict=False):
            if mine.array.shape[1:] != its.array.shape[1:]:
                raise DataError(
                    f"{_WHO}: {its.path} must have rows of {mine.array.shape[1:]}, as {mine.path.name} has, "
                    f"got {its.array.shape[1:]}."
                )
    return found


def _of_arrays(x: NpyFile, y: NpyFile, options: OwnData) -> ArraysDescription:
    shape = x.array.shape[1:]
    if len(shape) not in (1, 2, 3) or (len(shape) == 3 and shape[0] not in (1, 3) and shape[2] in (1, 3)):
        raise DataError(
            f"{_WHO}: {x.path} must be (N, C, H, W), (N, H, W) or (N, D), got {x.array.shape}. "
            "Hint: x.transpose(0, 3, 1, 2) moves the channels to the front."
        )
    image_shape = (shape[0], 1, 1) if len(shape) == 1 else (1, *shape) if len(shape) == 2 else shape
    columns = tuple(Column(f"x{at}", "number") for at in range(shape[0])) if len(shape) == 1 else ()
    task = _task(y, options)
    outputs = () if task == "classification" else tuple(f"y{k}" for k in range(y.array[0].size))
    return ArraysDescription(image_shape, outputs, task, columns)


def _task(y: NpyFile, options: OwnData) -> Task:
    if y.array.ndim > 2:
        raise LabelError(f"{_WHO}: {y.path} must be (N,) or (N, K), got {y.array.shape}.")
    floats, sets = y.array.dtype.kind == "f", y.array.ndim == 2 and y.array.dtype in (np.uint8, np.bool_)
    if options.task == "regression" or (options.task == "auto" and (floats or (y.array.ndim == 2 and not sets))):
        return "regression"
    return "multilabel" if sets and options.task == "auto" else "classification"


def _check_labels(splits: Sequence[MappedSplit], n_named: int) -> int:
    """The number of classes. Raises LabelError, naming file and row, for a label that is none; DataError for a class
    of the test part without training examples."""
    counts = np.zeros((2, 0), np.int64)
    for part, split in enumerate(splits):
        before = 0
        for labels in split.target_blocks():
            most = (n_named or MOST_CLASSES) - 1
            bad = np.flatnonzero((labels < 0) | (labels > most))
            if bad.size:
                (row,) = split.runs.of(before + bad[:1])
                hint = "" if n_named else " Hint: --task regression, if it is a quantity."
                raise LabelError(
                    f"{_WHO}: {split.files[1].path} must hold labels from 0 to {most}, got {labels[bad[0]]} in row "
                    f"{row}.{hint}"
                )
            found = np.bincount(labels)
            counts = np.pad(counts, ((0, 0), (0, max(0, len(found) - counts.shape[1]))))
            counts[part, : len(found)] += found
            before += len(labels)
    lost = np.flatnonzero((counts[1] > 0) & (counts[0] == 0))
    if lost.size:
        raise DataError(
            f"{_WHO}: {splits[0].files[1].path} must have training examples of every class, got none of {lost[0]}. "
            "Hint: a part of its own, x_test.npy and y_test.npy, or a smaller test fraction."
        )
    if max(n_named, counts.shape[1]) < 2:
        raise DataError(f"{_WHO}: {splits[0].files[1].path} must have two or more classes, got {counts.shape[1]}.")
    return n_named or counts.shape[1]
