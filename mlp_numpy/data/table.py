"""A table of the user's as a data set: a target column, and inputs encoded by their columns.

The task follows from the target, unless it is stated: strings and integers are classes, other numbers a regression.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.columns import Column, encode, fit_columns
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.data.own_data import SEED, OwnData
from mlp_numpy.data.raw_table import MOST_CATEGORIES, ColumnKind, RawTable, Wanted
from mlp_numpy.data.reading import as_path
from mlp_numpy.data.splitting import draw_test_rows
from mlp_numpy.data.table_files import NPZ, read_arrays, read_table
from mlp_numpy.data.targets import Task
from mlp_numpy.errors import DataError, OptionError

_WHO: Final = "table.load"
_PAIRS: Final = (("x_train", "y_train", "x_test", "y_test"), ("X", "y"), ("x", "y"))


class Rows(NamedTuple):
    """New examples: the encoded inputs (n, D), and the columns of the file that were not used."""

    inputs: Array
    left_out: tuple[str, ...]


def load(path: str | os.PathLike[str], options: OwnData | None = None) -> tuple[Dataset, str | None]:
    """The data set of a table file, and a warning about it or None.

    A table is CSV, Parquet or Feather with ``options.target``, or ``.npz`` with the arrays X and y, or x_train,
    y_train, x_test and y_test. The categories of a column are those of the training part.

    Raises
    ------
    DataNotFoundError
        if a file is missing
    DataError
        if a file is unreadable; for a missing value, with its line and column; for one class only, or too many
    OptionError
        for an unknown or missing column, or a task that does not suit the target
    ExtraMissingError
        for Parquet or Feather without pyarrow
    """
    path, options = as_path(_WHO, path), options or OwnData()
    dtype = np.dtype(options.dtype)
    if path.suffix.lower() == NPZ:
        return _load_arrays(path, options), None
    table = read_table(path, wanted_of(path, options))
    task, classes = task_of(table, options, len(table))
    inputs = inputs_of(path, table, options)
    parts: tuple[tuple[RawTable, Array | None], ...]
    if options.test_file:
        other = read_table(as_path(_WHO, options.test_file), wanted_as(table, options))
        parts = ((table, None), (other, None))
        columns = fit_columns(table, inputs, np.ones(len(table), bool))
    else:
        labels = targets_of(table, options.target, classes) if classes else None
        held = draw_test_rows(_WHO, len(table), options.test_fraction, SEED, labels)
        parts = ((table, ~held), (table, held))
        columns = fit_columns(table, inputs, ~held)
    splits: list[Split] = []
    unknown = 0
    for part, rows in parts:
        x, unknown = encode(part, columns, dtype, rows, strict=False)
        targets = targets_of(part, options.target, classes)
        splits.append(Split(x, targets if rows is None else targets[rows], task=task))
    names = tuple(feature for column in columns for feature in column.features)
    outputs = tuple(classes) if classes else options.target
    shape, source = (len(names), 1, 1), str(path.absolute())
    dataset = Dataset(path.name.split(".")[0], splits[0], splits[1], shape, outputs, source, names, columns)
    return dataset, warning_of(unknown)


def warning_of(unknown: int) -> str | None:
    """The warning about ``unknown`` values of the test part, or None if there are none."""
    return f"{unknown} values of the test part are in categories without training examples." if unknown else None


def wanted_of(path: Path, options: OwnData) -> Wanted:
    """What is read of the table of ``options``. Raises OptionError for targets that contradict other columns."""
    if not options.target:
        raise OptionError(f"{_WHO}: {path} must come with its target column, got none. Hint: --target NAME.")
    both = set(options.target) & {*options.ignore, *options.categorical}
    if both or len(set(options.target)) < len(options.target):
        found = ", ".join(sorted(both) or options.target)
        raise OptionError(f"{_WHO}: target must name columns once, and not be ignored or categorical, got {found}.")
    kinds: dict[str, ColumnKind] = dict.fromkeys(options.categorical, "category")
    if options.task == "regression":
        kinds |= dict.fromkeys(options.target, "number")
    return Wanted(np.dtype(options.dtype), options.target, kinds, ignore=options.ignore)


def wanted_as(table: RawTable, options: OwnData) -> Wanted:
    """What is read of a second table: the columns of the first, of the same kinds."""
    kinds: dict[str, ColumnKind] = {
        name: "category" if name in table.categories else "number" for name in table.columns
    }
    return Wanted(np.dtype(options.dtype), options.target, kinds, only=list(kinds))


def inputs_of(path: Path, table: RawTable, options: OwnData) -> list[str]:
    """The columns besides the targets. Raises DataError if there are none."""
    inputs = [name for name in table.columns if name not in options.target]
    if not inputs:
        raise DataError(f"{_WHO}: {path} must have columns besides the target, got none.")
    return inputs


def read_rows(path: str | os.PathLike[str], columns: Sequence[Column], dtype: Any = np.float32) -> Rows:
    """Read and encode new examples with the ``columns`` of a trained model; other columns are left out.

    Raises what ``load`` raises, and DataError for a missing column or a category that was not in the training data.
    """
    path = as_path("read_rows", path)
    if path.suffix.lower() == NPZ:
        x = _inputs(f"read_rows: {path}", "X", read_arrays(path).get("X"))
        if x.shape[1] != len(columns) or any(column.kind != "number" for column in columns):
            raise DataError(f"read_rows: {path} must have X of the model's {len(columns)} numbers, got {x.shape}.")
        return Rows(x, ())
    kinds = {column.name: column.kind for column in columns}
    table = read_table(path, Wanted(dtype, kinds=kinds, only=list(kinds)))
    return Rows(encode(table, columns, dtype)[0], table.left_out)


def task_of(table: RawTable, options: OwnData, n: int) -> tuple[Task, list[str]]:
    """The task, and the names of the classes in the order of their labels.

    table   all rows, or enough of them that every different target is among them
    n       the number of all rows

    Raises OptionError or DataError for targets that do not suit the task.
    """
    first, *more = options.target
    values, categories = table.columns[first], table.categories.get(first)
    if options.task == "regression":
        return "regression", []
    texts = [name for name in options.target if name in table.categories]
    if more and (options.task == "classification" or texts):
        raise OptionError(f"{_WHO}: several targets must be numbers of a regression, got {', '.join(options.target)}.")
    integers = categories is None and not np.any(values % 1)
    if more or (options.task == "auto" and categories is None and not integers):
        return "regression", []
    if categories is None:
        _check_exact(table, first, values)
    classes = sorted(categories) if categories is not None else [_name(value) for value in _distinct(first, values)]
    _check_classes(f"{_WHO}: target {first!r}", len(classes), n)
    return "classification", classes


def targets_of(table: RawTable, names: Sequence[str], classes: Sequence[str]) -> Array:
    """Labels (N,), or numbers (N, K) without ``classes``. Raises DataError for a target that is none of them."""
    if not classes:
        return np.stack([table.columns[name] for name in names], axis=1)
    (name,) = names
    values, categories = table.columns[name], table.categories.get(name)
    known = {each: label for label, each in enumerate(classes)}
    if categories is None:
        _check_exact(table, name, values)
        distinct, codes = np.unique(values, return_inverse=True)
        categories, values = [_name(value) for value in distinct], codes
    label_of = np.array([known.get(each, -1) for each in categories])
    labels: Array = label_of[values]
    if labels.min() < 0:
        row = int(labels.argmin())
        found = categories[values[row]]
        raise DataError(f"{table.place(row)}: target {name!r} must be a class of the training part, got {found!r}.")
    return labels


def _load_arrays(path: Path, options: OwnData) -> Dataset:
    arrays = read_arrays(path)
    names = next((pair for pair in _PAIRS if set(pair) <= set(arrays)), None)
    if names is None:
        raise DataError(
            f"{_WHO}: {path} must hold the arrays X and y, or x_train, y_train, x_test and y_test, "
            f"got {shown(sorted(arrays))}."
        )
    if options.target or options.categorical or options.ignore or options.test_file:
        raise OptionError(
            f"{_WHO}: {path} must come without target, categorical, ignore and test_file: y is the target."
        )
    x = [_inputs(f"{_WHO}: {path}", name, arrays[name]) for name in names[::2]]
    y = [arrays[name] for name in names[1::2]]
    task: Task = "regression" if y[0].dtype.kind == "f" else "classification"
    task = "regression" if options.task == "regression" else "classification" if options.task != "auto" else task
    for name, inputs, targets in zip(names[::2], x, y, strict=True):
        if len(targets) != len(inputs) or (task == "classification" and targets.ndim != 1):
            raise DataError(f"{_WHO}: {path} must have one target a row of {name}, got {targets.shape}.")
    outputs: Sequence[str]
    if task == "classification":
        distinct = _distinct("y", y[0])
        outputs = [_name(value) for value in distinct]
        _check_classes(f"{_WHO}: {path}, y", len(outputs), len(y[0]))
        if not np.isin(y[-1], distinct).all():
            raise DataError(f"{_WHO}: {path} must have test classes of the training part, got others.")
        y = [np.searchsorted(distinct, each).astype(np.int64) for each in y]
    else:
        y = [each.reshape(len(each), -1) for each in y]
        outputs = [f"y{k}" for k in range(y[0].shape[1])]
    if len(names) == 2:
        labels = y[0] if task == "classification" else None
        held = draw_test_rows(_WHO, len(x[0]), options.test_fraction, SEED, labels)
        x, y = [x[0][~held], x[0][held]], [y[0][~held], y[0][held]]
    splits = [Split(inputs, targets, task=task) for inputs, targets in zip(x, y, strict=True)]
    columns = tuple(Column(f"x{at}", "number") for at in range(x[0].shape[1]))
    features, shape = tuple(column.name for column in columns), (len(columns), 1, 1)
    return Dataset(path.stem, splits[0], splits[1], shape, tuple(outputs), str(path.absolute()), features, columns)


def _inputs(who: str, name: str, x: Array | None) -> Array:
    if x is None or x.ndim != 2 or not x.size or x.dtype.kind not in "fiub":
        found = "none" if x is None else f"{x.dtype} {x.shape}"
        raise DataError(
            f"{who} must have an array {name} of numbers, (N, D), got {found}. Hint: X.reshape(len(X), -1)."
        )
    if x.dtype.kind == "f":
        for start in range(0, len(x), 10_000):
            bad = np.argwhere(~np.isfinite(x[start : start + 10_000]))
            if len(bad):
                row, column = bad[0]
                raise DataError(f"{who}, {name}: row {start + row + 1}, column {column} must be finite, got NaN or ∞.")
    return x


def _distinct(name: str, values: Array) -> Array:
    if values.dtype.kind not in "fiubU":
        raise DataError(f"{_WHO}: target {name!r} must hold numbers or strings, got {values.dtype}.")
    return np.unique(values)


def _name(value: Any) -> str:
    """The class name of a target value."""
    return str(int(value)) if value.dtype.kind == "f" and value % 1 == 0 else str(value)


def _check_exact(table: RawTable, name: str, values: Array) -> None:
    """Raise DataError for a class whose number has neighbours that are read as the same float64."""
    inexact = np.flatnonzero(np.abs(values) >= 2.0**53)
    if inexact.size:
        row = int(inexact[0])
        raise DataError(
            f"{table.place(row)}: target {name!r} must be below 2⁵³ to be a class, got {values[row]:.17g}, which other "
            "integers are read as too. Hint: write a letter before the number, or --task regression."
        )


def _check_classes(who: str, n_classes: int, n: int) -> None:
    hint = "Hint: --task regression, if it is a quantity."
    if n_classes < 2:
        raise DataError(f"{who} must have two or more classes, got {n_classes}.")
    if n_classes > min(MOST_CATEGORIES, max(2, n // 2)):
        raise DataError(
            f"{who} must have at most {MOST_CATEGORIES:,} classes with two examples each on average, "
            f"got {n_classes:,} in {n:,} rows. {hint}"
        )
