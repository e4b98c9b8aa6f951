"""Strict JSON: what a file may hold, each value of a kind, and errors that name the file."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlp_numpy.data import json_files
from mlp_numpy.data.json_files import (
    count_of,
    list_of,
    number_of,
    object_of,
    parsed_json,
    read_json,
    text_of,
    understood,
)
from mlp_numpy.errors import DataError, DataNotFoundError, OptionError


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("NaN", "NaN, which JSON has not"),
        ("[-Infinity]", "-Infinity, which JSON has not"),
        ('{"a": 1e400}', "1e400, a number too large"),
        ('{"a": 1, "a": 2}', "one name twice in an object"),
        ("{", "Expecting property name"),
    ],
)
def test_what_is_no_json(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parsed_json(text)
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=f"W: {path} must be a thing, got .*{words}"):
        read_json("W", path, "a thing")


def test_what_is_json(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"é": [1, 2.5, null, true, "x"]}', encoding="utf-8")
    wanted = {"é": [1, 2.5, None, True, "x"]}
    assert read_json("W", path, "a thing") == parsed_json(path.read_text(encoding="utf-8")) == wanted
    path.write_bytes(b'"\xff"')
    with pytest.raises(DataError, match="must be a thing, got UnicodeDecodeError"):
        read_json("W", path, "a thing")
    with pytest.raises(DataNotFoundError, match=f"W: there must be a thing at {tmp_path / 'none'}, found none."):
        read_json("W", tmp_path / "none", "a thing")
    with pytest.raises(DataNotFoundError, match="there must be a thing"):
        read_json("W", path / "below a file", "a thing")
    with pytest.raises(DataError, match="must be readable|Is a directory"):
        read_json("W", tmp_path, "a thing")


def test_lists_and_objects_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_files, "_MOST_LISTS", 3)
    assert parsed_json('[[], {"a": 1}]') == [[], {"a": 1}]
    with pytest.raises(ValueError, match="more than 3 lists and objects"):
        parsed_json("[[], {}, {}]")


VALUES: dict[str, Any] = {
    "null": None,
    "true": True,
    "3": 3,
    "-1": -1,
    "0": 0,
    "most": 2**63 - 1,
    "more": 2**63,
    "1.5": 1.5,
    "text": "a",
    "surrogate": "\ud800",
    "list": [],
    "object": {},
    "10**400": 10**400,
}
TAKEN: dict[Callable[[str, Any], Any], set[str]] = {
    text_of: {"text"},
    number_of: {"null", "3", "-1", "0", "most", "more", "1.5"},
    count_of: {"3", "0", "most"},
    object_of: {"object"},
    list_of: {"list"},
}


@pytest.mark.parametrize("check", TAKEN, ids=lambda check: check.__name__)
def test_values_of_a_kind(check: Callable[[str, Any], Any]) -> None:
    for name, value in VALUES.items():
        if name not in TAKEN[check]:
            with pytest.raises((TypeError, ValueError), match=r"^it "):
                check("it", value)
        elif check is number_of:
            found = number_of("it", value)
            assert type(found) is float
            assert math.isnan(found) if value is None else found == float(value)
        else:
            assert check("it", value) is value


def test_errors_become_one_that_names_the_content() -> None:
    for error, words in (
        (KeyError("a"), r"W: it must be so, got KeyError\('a'\)\."),
        (OptionError("its own words."), "W: it must be so, got .*its own words"),
        (ValueError("x" * 300), r"W: it must be so, got ValueError\('x{185}\.\.\.\."),
        (ValueError("a\n b"), r"got ValueError\('a\\n b'\)\."),
    ):
        with pytest.raises(DataError, match=words), understood("W", "it must be so"):
            raise error
    with understood("W", "it must be so"):
        pass
    short = ValueError("x" * 186)  # 200 letters with its name
    with pytest.raises(DataError, match=r"got ValueError\('x{186}'\)\."), understood("W", "it must be so"):
        raise short
