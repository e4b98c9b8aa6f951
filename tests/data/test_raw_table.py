"""The columns of a table as they grow: limits at both sides, and values that come in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.raw_table import MOST_CATEGORIES, MOST_COLUMNS, GrowingColumns, RawTable, Wanted, is_missing
from mlp_numpy.errors import DataError, OptionError

LARGEST = float(np.finfo(np.float32).max)


@pytest.mark.parametrize("text", ["", " ", "NA", "na", " N/A ", "#N/A", "<NA>", "NaN", "null", "NULL"])
def test_missing(text: str) -> None:
    assert is_missing(text)
    assert not is_missing(f"x{text}")


def numbers(*pieces: list[float], **options: Any) -> GrowingColumns:
    columns = GrowingColumns("t", Wanted(**options))
    for piece in pieces:
        assert columns.add({"a": np.array(piece, np.float64)}, {"a": "number"})
    return columns


def test_pieces_are_one_column() -> None:
    table = numbers([1.0, 2.0], [3.0], list(range(4, 50)), [50.0]).finish()
    assert table.columns["a"].tolist() == list(range(1, 51))
    assert table.columns["a"].dtype == np.float32
    assert (len(table), table.lines, table.left_out) == (50, None, ())
    assert table.place(0) == "t, row 1"
    assert RawTable("t", {}, {}, np.array([7])).place(0) == "t, line 7"
    assert numbers([1.0], precise=("a",)).finish().columns["a"].dtype == np.float64


def test_categories_get_codes_in_order_of_appearance() -> None:
    columns = GrowingColumns("t", Wanted(), ("left",))
    for piece, lines in ((["b", " a "], [2, 3]), (["a", "c", "b "], [4, 6, 7])):
        assert columns.add({"k": np.array(piece, object)}, {"k": "category"}, np.array(lines))
    table = columns.finish()
    assert table.categories == {"k": ["b", "a", "c"]}
    assert table.columns["k"].tolist() == [0, 1, 1, 2, 0]
    assert table.columns["k"].dtype == np.int32
    assert table.lines is not None
    assert table.lines.tolist() == [2, 3, 4, 6, 7]
    assert table.left_out == ("left",)


def test_what_is_missing_or_infinite_is_not_added() -> None:
    columns = GrowingColumns("t", Wanted())
    assert not columns.add({"k": np.array(["a", "NA"], object)}, {"k": "category"})
    for bad in (np.nan, np.inf, -np.inf, LARGEST * 1.01, -LARGEST * 1.01):
        columns = GrowingColumns("t", Wanted())
        assert not columns.add({"a": np.array([1.0, bad])}, {"a": "number"}), bad
    assert numbers([LARGEST, -LARGEST]).finish().columns["a"].tolist() == [LARGEST, -LARGEST]
    assert numbers([LARGEST * 10], dtype=np.float64).finish().columns["a"].tolist() == [LARGEST * 10]


def test_so_many_categories() -> None:
    texts = [f"c{i}" for i in range(MOST_CATEGORIES + 1)]
    columns = GrowingColumns("t", Wanted())
    assert columns.add({"k": np.array(texts[:-1], object)}, {"k": "category"})
    with pytest.raises(DataError, match=r"t: column 'k' must have at most 1,000 categories, got more, such as 'c1000'"):
        columns.add({"k": np.array(texts[-1:], object)}, {"k": "category"})


@pytest.mark.parametrize("sign", [1, -1])
def test_a_column_varies_by_a_thousand_steps_of_its_dtype(sign: int) -> None:
    eps = float(np.finfo(np.float32).eps)
    high = float(2**30)
    for steps, refused in ((999.0, True), (1001.0, False)):
        low = high - steps * eps * high
        columns = numbers([sign * high], [sign * low])
        if refused:
            with pytest.raises(DataError, match=r"must vary by more than 1000 steps of float32, got values from -?\d"):
                columns.finish()
        else:
            columns.finish()
        numbers([sign * high], [sign * low], precise=("a",)).finish()
    numbers([high], [high]).finish()  # a constant is no noise
    numbers([-1.0], [high], [high - 1]).finish()


def test_names() -> None:
    of = Wanted(only=("b", "c"), ignore=("c",)).of
    assert of("t", ["a", "b", "c"]) == {"b": 1}
    assert Wanted().of("t", ["a", "b"]) == {"a": 0, "b": 1}
    with pytest.raises(DataError, match=r"t must have the column 'c'\. Got \['a', 'b'\]"):
        of("t", ["a", "b"])
    for name in ("", "a\tb"):
        with pytest.raises(DataError, match="t: column 2 must have a name, got"):
            Wanted().of("t", ["a", name])
    for options in ({"ignore": ("z",)}, {"precise": ("z",)}, {"kinds": {"z": "number"}}):
        with pytest.raises(OptionError, match="t: unknown column 'z'"):
            Wanted(**options).of("t", ["a", "b"])
    names = [str(i) for i in range(MOST_COLUMNS + 1)]
    assert len(Wanted().of("t", names[:-1])) == MOST_COLUMNS
    with pytest.raises(DataError, match="t must have at most 100,000 columns, got 100,001"):
        Wanted().of("t", names)


def test_no_rows() -> None:
    with pytest.raises(DataError, match="t must have rows below the names of its columns, got none"):
        GrowingColumns("t", Wanted()).finish()
