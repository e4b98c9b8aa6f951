"""Row numbers as runs of consecutive ones, so that a part of a long file is described by a few numbers."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Self

import numpy as np

from mlp_numpy.arrays import Array


class Runs:
    """Row numbers in a fixed order: ``rows.of(positions)`` is what ``row_numbers[positions]`` would be.

        rows of run r     starts[r], starts[r] + 1, …        (lengths[r] of them)

    A slice of a file is one run, the rest of a file without k rows at most k + 1; memory is two numbers a run.
    """

    def __init__(self, starts: Array, lengths: Array) -> None:
        self.starts = starts.astype(np.int64)
        self.ends = np.cumsum(lengths, dtype=np.int64)

    @classmethod
    def span(cls, start: int, stop: int) -> Self:
        """The rows start … stop − 1."""
        return cls(np.array([start]), np.array([stop - start]))

    @classmethod
    def of_rows(cls, rows: Array) -> Self:
        """Row numbers (n,), in any order."""
        rows = rows.astype(np.int64, copy=False)
        borders = np.flatnonzero(np.diff(rows) != 1) + 1
        at = np.concatenate([[0], borders, [len(rows)]]) if len(rows) else np.zeros(1, np.int64)
        return cls(rows[at[:-1]], np.diff(at))

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def nbytes(self) -> int:
        """The bytes of memory."""
        return self.starts.nbytes + self.ends.nbytes

    @property
    def whole(self) -> slice | None:
        """The slice of the file that these rows are, or None if there are several runs."""
        return slice(int(self.starts[0]), int(self.starts[0]) + len(self)) if len(self.starts) == 1 else None

    def of(self, positions: Array) -> Array:
        """The row numbers at ``positions`` (n,), integers in [0, len), which is not checked."""
        if len(self.starts) == 1:
            return np.asarray(positions + self.starts[0])
        run = np.searchsorted(self.ends, positions, side="right")
        before = np.concatenate([[0], self.ends[:-1]])
        rows: Array = self.starts[run] + (positions - before[run])
        return rows

    def slices(self) -> Iterator[slice]:
        """The rows of each run."""
        lengths = np.diff(self.ends, prepend=0)
        return map(slice, self.starts.tolist(), (self.starts + lengths).tolist())

    def digest(self, before: int) -> int:
        """The CRC-32 of the row numbers after data with the CRC-32 ``before``."""
        return zlib.crc32(self.ends.data, zlib.crc32(self.starts.data, before))

    def part(self, start: int, stop: int) -> Runs:
        """The rows at the positions start … stop − 1."""
        if stop <= start:
            return Runs(np.empty(0, np.int64), np.empty(0, np.int64))
        first, last = (int(np.searchsorted(self.ends, at, side="right")) for at in (start, stop - 1))
        before = np.concatenate([[0], self.ends[:-1]])
        starts = self.starts[first : last + 1] + np.maximum(start - before[first : last + 1], 0)
        return Runs(starts, np.diff(np.minimum(self.ends[first : last + 1], stop), prepend=start))

    def without(self, positions: Array) -> Runs:
        """All rows but those at ``positions`` (n,), which are in ascending order."""
        gone = Runs.of_rows(positions)
        begins = gone.of(np.concatenate([[0], gone.ends[:-1]])) if len(gone) else np.empty(0, np.int64)
        ends = begins + np.diff(gone.ends, prepend=0)
        edges = zip([0, *ends.tolist()], [*begins.tolist(), len(self)], strict=True)
        parts = [self.part(start, stop) for start, stop in edges if stop > start]
        return Runs(
            np.concatenate([np.empty(0, np.int64), *(part.starts for part in parts)]),
            np.concatenate([np.empty(0, np.int64), *(np.diff(part.ends, prepend=0) for part in parts)]),
        )
