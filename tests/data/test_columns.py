"""The encoding of columns: every row in its place, also past the first block, and unknown categories by name."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy.data.columns import Column, decode, encode, fit_columns
from mlp_numpy.data.raw_table import RawTable
from mlp_numpy.errors import DataError, OptionError

N = 10_000
TABLE = RawTable(
    "t",
    {"a": np.arange(N, dtype=np.float32), "k": np.arange(N, dtype=np.int32) % 3, "b": -np.arange(N, dtype=np.float32)},
    {"k": ["z", "x", "y"]},
    lines=np.arange(N) + 2,
)
COLUMNS = fit_columns(TABLE, ["b", "k", "a"], np.ones(N, bool))


def test_categories_are_sorted_and_those_of_the_training_part() -> None:
    assert [column.kind for column in COLUMNS] == ["number", "category", "number"]
    assert [name for column in COLUMNS for name in column.features] == ["b", "k=x", "k=y", "k=z", "a"]
    (column,) = fit_columns(TABLE, ["k"], np.arange(N) % 3 != 1)
    assert column.categories == ("y", "z")
    with pytest.raises(OptionError, match="t: unknown column 'c'"):
        fit_columns(TABLE, ["c"], np.ones(N, bool))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_beyond_the_first_block(dtype: type) -> None:
    rows = np.arange(N) % 2 == 1
    for chosen in (None, rows):
        out, unknown = encode(TABLE, COLUMNS, dtype, chosen)
        picked = np.arange(N)[slice(None) if chosen is None else chosen]
        assert (out.dtype, out.shape, unknown) == (dtype, (len(picked), 5), 0)
        np.testing.assert_array_equal(out[:, 0], -picked)
        np.testing.assert_array_equal(out[:, 4], picked)
        np.testing.assert_array_equal(out[:, 1:4], (picked[:, None] + 2) % 3 == [0, 1, 2])


def test_unknown_categories() -> None:
    columns = (Column("k", "category", ("x", "y")),)
    out, unknown = encode(TABLE, columns, float, strict=False)
    assert unknown == np.count_nonzero(np.arange(N) % 3 == 0)
    assert not out[::3].any()
    assert (out.sum(axis=1) == (np.arange(N) % 3 != 0)).all()
    words = r"t, line 2: column 'k' must hold a category of the training data, got 'z'\. Hint: 'x, y'\."
    with pytest.raises(DataError, match=words):
        encode(TABLE, columns, float)
    late = np.arange(N) % 3 != 0
    late[9_000] = True
    with pytest.raises(DataError, match="t, line 9002: column 'k'"):
        encode(TABLE, columns, float, late)


def test_decoding_is_the_inverse() -> None:
    columns = (Column("k", "category", ("x", "y")), Column("a", "number"))
    rows = np.array([[1, 0, 2.5], [0, 1, -1e-9], [0, 0, 3]])
    assert decode(columns, rows) == [["x", "2.5"], ["y", "-1e-09"], ["?", "3"]]
    encoded, _ = encode(TABLE, COLUMNS, float)
    for column, values in zip(COLUMNS, zip(*decode(COLUMNS, encoded[:50]), strict=True), strict=True):
        raw = TABLE.columns[column.name][:50]
        known = TABLE.categories.get(column.name)
        assert list(values) == [f"{value:.6g}" if known is None else known[value] for value in raw]


def test_json() -> None:
    for column in COLUMNS:
        assert Column.from_json(column.as_json()) == column
    for bad in (None, [], {"name": "a", "kind": "number"}, {"name": "a", "kind": "number", "categories": [], "b": 1}):
        with pytest.raises(OptionError, match="Column: expected name, kind and categories, got"):
            Column.from_json(bad)
    for categories in ("ab", ["a", 1], None):
        with pytest.raises(OptionError, match="Column: name and categories must be strings, got"):
            Column.from_json({"name": "a", "kind": "category", "categories": categories})
    assert Column.from_json({"name": "a", "kind": "category", "categories": ["x"]}).categories == ("x",)
