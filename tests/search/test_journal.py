"""The journal of a search: what it keeps, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from search_helpers import BASE

from mlp_numpy.errors import DataError, RunFolderError
from mlp_numpy.search import Journal, Search, Space


def test_the_journal_keeps_what_ended_and_drops_what_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"hidden": (1, 2)}).add({"a": 1})
    whole = path.read_bytes()
    for torn in (b'{"b": 2', b'{"b": 2}', b"\0\0\0\n"):
        path.write_bytes(whole + torn)
        journal = Journal(path, {"hidden": (1, 2)})
        assert journal.entries == [{"a": 1}]
        assert path.read_bytes() == whole
    journal.add({"b": 3})
    assert Journal(path, {"hidden": [1, 2]}).entries == [{"a": 1}, {"b": 3}]
    path.write_bytes(whole + b"half\n" + whole)
    with pytest.raises(DataError, match="line 3 is damaged"):
        Journal(path, {"hidden": (1, 2)})


def test_a_journal_tells_how_it_is_another_searchs(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path, {"hidden": (3,)})
    Journal(path, {"hidden": (1, 2), "steps": 6}).add({"a": 1})  # no trial had ended with the others
    # a setting that is newer than the journal, and has no effect
    Journal(path, {"hidden": (1, 2), "steps": 6, "momentum": 0.0})
    differs = r"hidden \[1\], found \[1, 2\]; momentum 0.5, found none, which means 0.0; steps varied, found 6\."
    with pytest.raises(RunFolderError, match=differs + " Hint: another folder"):
        Journal(path, {"hidden": (1,), "momentum": 0.5})
    for line in ("{}", '{"format": 2, "base": {}}', '{"format": 1, "base": 3}'):
        path.write_text(line + "\n")
        with pytest.raises(DataError, match="must begin with format 1 and a base, line 1 has others"):
            Journal(path, {})


TRIAL = {"point": {"lr": 0.1}, "status": "finished", "seconds": 1.0, "last": None}
BEST = {"step": 1, "loss": 0.5, "accuracy": 0.5}


@pytest.mark.parametrize(
    ("entry", "kind", "problem"),
    [
        ({}, DataError, "must hold a trial of a search, got KeyError"),
        (TRIAL, DataError, "KeyError.'best'"),
        (TRIAL | {"best": {"x": 1}}, DataError, "KeyError.'step'"),
        (TRIAL | {"best": [1]}, DataError, "TypeError"),
        (TRIAL | {"best": BEST, "seconds": "abc"}, DataError, "'abc'"),
        (TRIAL | {"best": BEST | {"accuracy": 7.0}}, DataError, "accuracy 7.0"),
        (TRIAL | {"best": BEST | {"accuracy": None}}, DataError, "TypeError"),
        (TRIAL | {"best": BEST, "point": {"seed": 1}}, RunFolderError, "search, of lr, found a trial of seed"),
    ],
)
def test_a_line_that_is_no_trial_of_the_search_is_refused(
    tmp_path: Path, entry: dict[str, Any], kind: type[Exception], problem: str
) -> None:
    search = Search(Space(BASE, {"lr": [0.1]}), tmp_path)
    next(search.run())
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps(entry) + "\n")
    with pytest.raises(kind, match=problem) as caught:
        next(Search(search.space, tmp_path).run())
    assert str(tmp_path / "journal.jsonl") in str(caught.value)
    assert "line 3" in str(caught.value)
