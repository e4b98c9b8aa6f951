"""A split whose arrays stay in files: each batch reads its rows, and nothing as long as the data is kept in memory."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import allocatable, choice, shown
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.npy_file import NpyFile
from mlp_numpy.data.runs import Runs
from mlp_numpy.data.targets import TASKS, TargetScaling, Task, checked_targets, checked_weights
from mlp_numpy.errors import DataError, OptionError

_BLOCK: Final = 1 << 23
"""Bytes of inputs that a pass over the data reads at a time."""
_ROWS: Final = 1 << 16
"""Targets that a pass reads at a time."""


class MappedSplit(Split):
    """The examples of one split in ``.npy`` files, of which a batch reads its rows alone.

    files     x (N, …), real numbers, flattened to (N, D); y (N,) or (N, K), targets of ``task`` as in ``Split``; and,
              if there are any, weights (N,) ≥ 0

    ``selected`` and ``rows`` give splits of some of the rows, ``rescaled`` one with standardized targets.

    All targets and weights are checked at construction, in one pass. Inputs are checked as they are read: a value that
    is NaN, infinite, or too large for the dtype of the training raises DataError with its file and row.

    ``inputs``, ``targets`` and ``weights`` are whole arrays, as those of every Split: views of the file where the
    examples follow one another there in the stored dtype, else copies in memory.

    Raises DataError, naming the file, if the files do not match; LabelError or OptionError for targets or weights that
    no Split takes.
    """

    def __init__(
        self,
        files: Sequence[NpyFile],
        task: Task = "classification",
    ) -> None:
        choice("MappedSplit", "task", task, TASKS)
        good = isinstance(files, list | tuple) and len(files) in (2, 3)
        if not good or not all(isinstance(file, NpyFile) for file in files):
            raise OptionError(
                f"MappedSplit: files must be two or three NpyFiles, x, y and weights, got {shown(files)}."
            )
        x = files[0]
        self._adopt(tuple(files), task, Runs.span(0, len(x)), None)
        for file in self.files[1:]:
            if len(file) != len(x):
                raise DataError(
                    f"MappedSplit: {file.path} must have a row for each of the {len(x):,} rows of {x.path.name}, "
                    f"got {len(file):,}."
                )
        weighted = [len(files) == 2 or bool(np.any(outcomes[-1])) for outcomes in self._pass()]
        if not any(weighted):
            raise OptionError(f"MappedSplit: the weights of {self.files[-1].path} must not all be 0.")

    def _adopt(self, files: tuple[NpyFile, ...], task: Task, runs: Runs, scaling: TargetScaling | None) -> None:
        object.__setattr__(self, "task", task)  # the fields of Split are frozen
        self.files, self.runs, self.scaling = files, runs, scaling
        self._x = files[0].array.reshape(len(files[0]), -1)

    def _like(self, runs: Runs, scaling: TargetScaling | None) -> MappedSplit:
        """Other rows of the same files, which have been checked."""
        other = MappedSplit.__new__(MappedSplit)
        other._adopt(self.files, self.task, runs, scaling)
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.files, self.task, self.runs, self.scaling)

    def __repr__(self) -> str:
        return f"MappedSplit({len(self):,} examples of {self.files[0].path}, task={self.task!r})"

    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __len__(self) -> int:
        return len(self.runs)

    @property
    def inputs(self) -> Array:
        """The inputs (N, D) of all examples."""
        kind = np.dtype(np.float32) if self._x.dtype.str[1:] == "f2" else self._x.dtype.newbyteorder("=")
        return self._read(self._x, 0, len(self)).astype(kind, copy=False)

    @property
    def targets(self) -> Array:
        """The targets of all examples."""
        return self._outcomes(0, len(self))[0]

    @property
    def weights(self) -> Array | None:
        """The weights of all examples, if there are any."""
        return self._outcomes(0, len(self))[1] if len(self.files) == 3 else None

    @property
    def n_features(self) -> int:
        """The number of values in one example, D."""
        return int(self._x.shape[1])

    def rows(self, rows: slice | Array) -> MappedSplit:
        """The examples of these rows, a slice, indices or a mask, in the same files: nothing is copied.

        Raises OptionError or DTypeError for anything else, DataError for no rows.
        """
        if isinstance(rows, slice) and rows.step in (None, 1):
            start, stop, _ = rows.indices(len(self))
            runs = self.runs.part(start, stop)
        else:
            rows = np.arange(len(self))[rows] if isinstance(rows, slice) else self._checked_rows(rows)
            at = np.flatnonzero(rows) if rows.dtype.kind == "b" else np.where(rows < 0, rows + len(self), rows)
            runs = Runs.of_rows(self.runs.of(at))
        if not len(runs):
            raise DataError("MappedSplit.rows: there must be at least one example, got none.")
        return self.selected(runs)

    def selected(self, runs: Runs) -> MappedSplit:
        """The examples that are these rows of the files, which must be some of its own."""
        return self._like(runs, self.scaling)

    def without(self, rows: Array) -> MappedSplit:
        """The examples but those of ``rows`` (n,), indices in ascending order."""
        return self._like(self.runs.without(self._checked_rows(rows)), self.scaling)

    def located(self, rows: Array) -> tuple[Array, Array]:
        """The inputs (…, D) of the file, and the row numbers in it of ``rows`` (n,), valid indices."""
        return self._x, self.runs.of(rows)

    def check_read(self, x: Array, rows: Array) -> None:
        """Raise DataError, naming file and row, if ``x`` (n, D), the inputs of ``rows`` as floats, is not finite."""
        if self._x.dtype.kind != "f" or all_finite(x):
            return
        bad = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
        row = int(self.runs.of(rows[bad : bad + 1])[0])
        raise DataError(
            f"MappedSplit: {self.files[0].path} must hold numbers that are finite in {x.dtype}, got NaN, an infinity "
            f"or a larger one in row {row}."
        )

    def outcomes(self, rows: Array) -> tuple[Array, ...]:
        """The targets and, if there are any, the weights of ``rows`` (n,), valid indices."""
        at = self.runs.of(rows)
        return self._converted(*(file.array.take(at, axis=0) for file in self.files[1:]))

    def input_blocks(self, dtype: Any = np.float64) -> Iterator[Array]:
        """The inputs in stored order, as arrays (n, D) of 8 MB or one row each, checked to be finite in ``dtype``.

        Raises DataError, naming file and row, for a value that is not.
        """
        size = max(1, _BLOCK // max(1, self._x[:1].nbytes))
        for start in range(0, len(self), size):
            block = self._read(self._x, start, min(start + size, len(self)))
            with self.reading():
                read = block.astype(dtype) if block.itemsize > np.dtype(dtype).itemsize else block
            self.check_read(read, np.arange(start, start + len(block)))
            yield block

    def target_blocks(self) -> Iterator[Array]:
        """The targets in stored order, as arrays of at most 65,536 rows."""
        for outcomes in self._pass():
            yield outcomes[0]

    def rescaled(self, scaling: TargetScaling) -> MappedSplit:
        """The split with targets that are standardized as they are read."""
        return self._like(self.runs, scaling)

    def all_finite(self) -> bool:
        """True: every input is checked when it is read."""
        return True

    def digest(self, before: int = 0) -> int:
        """The CRC-32, after data with the CRC-32 ``before``, of the files and of the rows that are used; of a large
        file, of pieces of it. See ``NpyFile.digest``."""
        for file in self.files:
            before = file.digest(before)
        return self.runs.digest(before)

    @property
    def nbytes(self) -> int:
        """The bytes of memory: those of the row numbers."""
        return self.runs.nbytes

    @property
    def mapped_bytes(self) -> int:
        """The bytes of its rows in the files."""
        return sum(file.array[:1].nbytes for file in self.files) * len(self)

    def shares_inputs(self, other: Split) -> bool:
        """True if both are rows of the same file."""
        return isinstance(other, MappedSplit) and other.files[0] is self.files[0]

    def reading(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which inputs are read: one that overflows is found by ``check_read``."""
        return np.errstate(over="ignore")

    def will_need(self, rows: slice) -> None:
        """Tell the system that these rows are read soon, so that it reads them in one go."""
        for run in self.runs.part(rows.start, rows.stop).slices():
            self.files[0].will_need(run)

    def _read(self, array: Array, start: int, stop: int) -> Array:
        """The rows of ``array`` at the positions start … stop − 1: a view if they follow one another."""
        runs = self.runs.part(start, stop)
        if runs.whole is not None:
            return array[runs.whole]
        allocatable("MappedSplit", (len(runs), *array.shape[1:]), array.dtype)
        return array[runs.of(np.arange(len(runs)))]

    def _outcomes(self, start: int, stop: int) -> tuple[Array, ...]:
        return self._converted(*(self._read(file.array, start, stop) for file in self.files[1:]), first=start)

    def _pass(self) -> Iterator[tuple[Array, ...]]:
        """The targets and, if there are any, the weights, of a block of examples at a time."""
        for start in range(0, len(self), _ROWS):
            yield self._outcomes(start, min(start + _ROWS, len(self)))

    def _converted(self, targets: Array, weights: Array | None = None, *, first: int = 0) -> tuple[Array, ...]:
        """Targets and weights as ``Split`` stores them; ``first`` is the position of the first one."""
        found = checked_targets(f"MappedSplit: {self.files[1].path}", self.task, targets, len(targets), first)
        found = found if self.scaling is None else self.scaling.scale(found)
        if weights is None:
            return (found,)
        return found, checked_weights(f"MappedSplit: {self.files[2].path}", weights, len(targets), first)


def _restored(files: tuple[NpyFile, ...], task: Task, runs: Runs, scaling: TargetScaling | None) -> MappedSplit:
    split = MappedSplit.__new__(MappedSplit)
    split._adopt(files, task, runs, scaling)
    return split
