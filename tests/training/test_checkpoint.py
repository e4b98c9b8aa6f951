"""Checkpoints: what comes back, which one is used, and that no damage goes unnoticed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlp_numpy.errors import DataError, DataNotFoundError
from mlp_numpy.exchange.archive import read_archive, write_archive
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord, load_checkpoint, save_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS


def history(steps: int = 2) -> History:
    found = History(RunInfo(status="running", seconds=1.5), part="validation")
    found.add(EvaluationRecord(0, 1 / 3, 0.1))
    for step in range(1, steps + 1):
        found.add(StepRecord(step, 1 / (step + 2), 0.7, 0.1, {"0 Linear": {"mean": 0.1 + step}} if step % 2 else None))
    return found


def save(folder: Path, value: float, steps: int = 2) -> None:
    save_checkpoint(folder, {"w": np.array([value, math.pi])}, history(steps), {"data": "abc"})


def test_everything_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    save(tmp_path, math.nan)
    found = load_checkpoint(tmp_path)
    assert found.state["w"].tobytes() == np.array([math.nan, math.pi]).tobytes()
    assert found.history == history()
    assert found.about == {"data": "abc"} | {"format": 1}
    assert found.path == tmp_path / NAME


@pytest.mark.slow
def test_every_truncation_and_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / NAME
    write_archive(path, {"w": np.array([1.5, -2.5], np.float32)}, {"a": 1})
    content = path.read_bytes()
    assert 500 < len(content) < 1000
    unnoticed = []

    def check(spoiled: bytes, how: str) -> None:
        path.write_bytes(spoiled)
        try:
            read_archive("test", path, "checkpoint")
        except DataError:
            return
        unnoticed.append(how)

    for length in range(len(content)):
        check(content[:length], f"first {length} bytes")
    for position in range(len(content)):
        for bit in range(8):
            spoiled = bytearray(content)
            spoiled[position] ^= 1 << bit
            check(bytes(spoiled), f"bit {bit} of byte {position}")
    check(content + b"\0", "one byte more")
    assert unnoticed == []
    path.write_bytes(content)
    np.testing.assert_array_equal(read_archive("test", path, "checkpoint")[0]["w"], [1.5, -2.5])


def test_a_damaged_one_gives_way_to_the_one_before(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="is missing, expected a checkpoint"):
        load_checkpoint(tmp_path)
    save(tmp_path, 1.0)
    save(tmp_path, 2.0)
    assert load_checkpoint(tmp_path).state["w"][0] == 2.0
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[:-1])
    found = load_checkpoint(tmp_path)
    assert (found.state["w"][0], found.path.name) == (1.0, PREVIOUS)
    (tmp_path / NAME).unlink()
    assert load_checkpoint(tmp_path).path.name == PREVIOUS
    (tmp_path / PREVIOUS).write_bytes(b"")
    with pytest.raises(DataError, match="checkpoint.previous.npz must be a checkpoint .* whole and undamaged"):
        load_checkpoint(tmp_path)


def test_a_full_disk_leaves_the_last_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1.0)
    save(tmp_path, 2.0)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    real = np.lib.format.write_array

    def full(file: Any, array: Any, *rest: Any, **options: Any) -> None:
        if array.size > 2:
            raise OSError(28, "No space left on device")
        real(file, array, *rest, **options)

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space left"):
        save(tmp_path, 3.0)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda about, _: about.update(format=2), "of format 1, got 2. Hint: resume the run with the version"),
        (lambda about, _: about.pop("history"), "must hold the history of a run, got KeyError: 'history'"),
        (lambda about, _: about.update(watched=3), "must hold the history of a run, got TypeError"),
        (lambda _, arrays: arrays.pop("history/steps"), "must hold the history of a run, got UnknownNameError"),
        (lambda _, arrays: arrays.update({"history/steps": np.zeros(3)}), "must hold the history of a run"),
    ],
)
def test_one_of_another_making_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    save(tmp_path, 1.0)
    arrays, about = read_archive("test", tmp_path / NAME, "checkpoint")
    change(about, arrays)
    write_archive(tmp_path / NAME, arrays, about)
    with pytest.raises(DataError, match=words):
        load_checkpoint(tmp_path)
