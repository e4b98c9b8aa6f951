"""CSV files: the kinds of columns, where pieces and quotes meet, and the line of each error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data import csv_file
from mlp_numpy.data.csv_file import read_csv
from mlp_numpy.data.raw_table import RawTable, Wanted
from mlp_numpy.errors import DataError


def read(folder: Path, text: str, **options: Any) -> RawTable:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return read_csv(path, Wanted(**options))


def refusal(folder: Path, text: str, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(folder, text, **options)
    return str(caught.value).replace(str(folder / "t.csv"), "FILE")


def test_a_column_is_a_number_if_half_of_its_first_values_are(tmp_path: Path) -> None:
    found = refusal(tmp_path, "a\n1\nx\n2\ny\n")
    assert found == "read_csv: FILE, line 3: column 'a' must be a number, got 'x'. Hint: --categorical a makes " + (
        "categories of it."
    )
    assert read(tmp_path, "a\n1\nx\ny\n").categories == {"a": ["1", "x", "y"]}
    # missing values are neither
    assert "line 3: column 'a' must have a value, got 'NA'" in refusal(tmp_path, "a\n1\nNA\nNA\n")
    # the sample is the first 1,000 rows
    texts, numbers = "x\n" * 501, "1\n" * 499
    assert read(tmp_path, f"a\n{texts}{numbers}{numbers}").categories == {"a": ["x", "1"]}
    texts, numbers = "x\n" * 500, "1\n" * 500
    assert "line 2: column 'a' must be a number" in refusal(tmp_path, f"a\n{texts}{numbers}{texts}")


def test_kinds_that_are_known(tmp_path: Path) -> None:
    assert read(tmp_path, "a\n1\n2\n", kinds={"a": "category"}).categories == {"a": ["1", "2"]}
    # of what is known to be a number no hint says how to make categories of it
    assert refusal(tmp_path, "a\nx\n", kinds={"a": "number"}) == (
        "read_csv: FILE, line 2: column 'a' must be a number, got 'x'."
    )


def test_missing_values(tmp_path: Path) -> None:
    words = "read_csv: FILE, line 3: column 'a' must have a value, got '', a missing one. "
    assert refusal(tmp_path, "a,b\n1,2\n,3\n") == f"{words}Hint: fill it in, delete the row, or --ignore a."
    # a target cannot be left out
    assert refusal(tmp_path, "a,b\n1,2\n,3\n", precise=("a",)) == f"{words}Hint: fill it in, delete the row."
    assert read(tmp_path, "a,b\n1,2\n,3\n", ignore=("a",)).columns["b"].tolist() == [2, 3]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    found = read(tmp_path, f"a{delimiter}b\n1{delimiter}x y\n".replace("x y", "x"))
    assert list(found.columns) == ["a", "b"]
    assert found.categories == {"b": ["x"]}


def test_the_line_of_a_row_is_its_last(tmp_path: Path) -> None:
    found = read(tmp_path, '\n"a\nx",b\n1,"p\nq"\n\n2,r\n')
    assert list(found.columns) == ["a x", "b"]
    assert found.lines is not None
    assert found.lines.tolist() == [5, 7]
    assert found.categories == {"b": ["p\nq", "r"]}
    assert "FILE, line 7: a row must have 2 columns, got 1." in refusal(tmp_path, '\n"a\nx",b\n1,"p\nq"\n\n2\n')
    assert "FILE, line 7: column 'a x' must be a number, got 'y'" in refusal(tmp_path, '\n"a\nx",b\n1,"p\nq"\n\ny,r\n')


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 11, 64])
@pytest.mark.parametrize("end", ["\n", ""])
def test_pieces_of_any_length_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece: int, end: str
) -> None:
    text = f'a,b\n1,x\n22,"y\nz"\n\n333,"w, v"\n4,u{end}'
    whole = read(tmp_path, text)
    monkeypatch.setattr(csv_file, "_PIECE", piece)
    found = read(tmp_path, text, kinds={"a": "number", "b": "category"})
    assert found.columns["a"].tolist() == [1, 22, 333, 4] == whole.columns["a"].tolist()
    assert found.categories == whole.categories == {"b": ["x", "y\nz", "w, v", "u"]}
    assert found.lines is not None
    assert found.lines.tolist() == [2, 4, 6, 7]
    assert whole.lines is not None
    assert whole.lines.tolist() == [2, 4, 6, 7]


def test_the_longest_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "_LONGEST", 20)
    monkeypatch.setattr(csv_file, "_PIECE", 4)
    assert read(tmp_path, f"a,b\n1,{'x' * 16}\n").categories == {"b": ["x" * 16]}
    words = "a row must have at most 20 letters, and every quote must be closed."
    assert refusal(tmp_path, f"a,b\n1,{'x' * 40}\n") == f"read_csv: FILE, line 2: {words}"
    assert refusal(tmp_path, f'a,b\n1,y\n1,"{"x" * 40}\n') == f"read_csv: FILE, line 3: {words}"
    assert refusal(tmp_path, 'a,b\n1,y\n\n2,"x') == f"read_csv: FILE, line 4: {words}"
    assert refusal(tmp_path, f'"a{"x" * 40}\n",b\n1,2\n') == "read_csv: FILE, line 1: a quote must be closed."


def test_numbers(tmp_path: Path) -> None:
    found = read(tmp_path, "a,b\n 1 ,-2.5e3\n0,.5\n", dtype=np.float64)
    assert {name: column.tolist() for name, column in found.columns.items()} == {"a": [1, 0], "b": [-2500, 0.5]}
    largest = float(np.finfo(np.float32).max)
    assert read(tmp_path, f"a\n{largest!r}\n{-largest!r}\n").columns["a"].tolist() == [largest, -largest]
    for text in ("1e39", "-1e39", "inf", "-inf"):
        found_error = refusal(tmp_path, f"a\n1\n{text}\n")
        assert found_error == f"read_csv: FILE, line 3: column 'a' must be a finite number, got '{text}'."
    assert read(tmp_path, "a\n1\n1e39\n", precise=("a",)).columns["a"].tolist() == [1, 1e39]


def test_a_header_of_numbers(tmp_path: Path) -> None:
    assert refusal(tmp_path, "1,2\n3,4\n") == (
        "read_csv: FILE must begin with the names of its columns, got the numbers ['1', '2']. "
        "Hint: add a line such as age,height,price."
    )
    assert list(read(tmp_path, "1,b\n3,4\n").columns) == ["1", "b"]
