"""Damaged files and files made to take all memory, of every kind: named errors, in time and in little memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzz_files import Format, bombs, cases, formats, put, tried

from mlp_numpy.data import idx, pickles

COUNT, SEEDS = 200, range(4)


def failures(folder: Path, files: Iterator[tuple[Format, bytes]], *, is_whole: bool = False) -> list[str]:
    found = []
    for each, content in files:
        wrong, _, _ = tried(each, put(folder / re.sub(r"\W", "-", each.name), each, content), is_whole=is_whole)
        if wrong:
            found.append(f"{each.name}: {wrong}")
    return found


def test_whole_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    whole = ((each, each.finish(each.content)) for each in formats(tmp_path / "made"))
    assert failures(tmp_path, whole, is_whole=True) == []


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.slow
def test_damaged_files_come_to_named_errors(tmp_path: Path, seed: int) -> None:
    (tmp_path / "made").mkdir()
    assert failures(tmp_path, cases(tmp_path / "made", COUNT // len(SEEDS), seed)) == []


@pytest.mark.slow
def test_small_files_take_little_memory_whatever_they_ask_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pickles._Counted, "n_left", 100_000)  # the time of a million instructions is for the script
    (tmp_path / "made").mkdir()
    assert failures(tmp_path, ((each, each.content) for each in bombs(tmp_path / "made"))) == []


def test_what_takes_too_much_would_be_noticed(tmp_path: Path) -> None:
    """The measuring itself: a reader that fails by itself, and one that fills 400 MB."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert tried(Format("raw error", b"", lambda path: 1 / 0), path)[0].startswith("ZeroDivisionError")
    assert "MB for a file of 0.0 MB" in tried(Format("memory", b"", lambda path: b"a" * 400_000_000), path)[0]
    assert "refused" in tried(Format("refused", b"", lambda path: idx.read_idx(path, 1)), path, is_whole=True)[0]
