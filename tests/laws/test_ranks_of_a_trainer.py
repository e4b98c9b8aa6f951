"""Ranks of a Trainer: N processes train as one does, and the same bits in each of them and at every repetition."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ranks
from ranks import NETS, in_ranks, mpirun, needs_mpirun, outcome, trainer_of

FEW = 30


def assert_close(found: dict[str, Any], expected: dict[str, Any]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


def bits(found: dict[str, Any]) -> dict[str, bytes]:
    return {name: np.asarray(array).tobytes() for name, array in found.items()}


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("name", NETS)
def test_simulated_ranks_train_as_one_process_does(name: str, size: int) -> None:
    expected = outcome(trainer_of(name), FEW)
    found = in_ranks(size, lambda rank: outcome(trainer_of(name, rank), FEW))
    assert_close(found[0], expected)
    for other in found[1:]:
        assert bits(other) == bits(found[0])


@functools.cache
def in_one_process(name: str) -> dict[str, Any]:
    return outcome(trainer_of(name, shards=1))


@needs_mpirun
@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
def test_200_steps_in_processes_are_those_of_threads_and_of_one_process(size: int, tmp_path: Path) -> None:
    done = mpirun(size, ranks.__file__, str(tmp_path / "found.npz"))
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "found.0.npz") as file:
        found = {key: file[key] for key in file.files}
    assert len(list(tmp_path.iterdir())) == size
    for rank in range(size):
        with np.load(tmp_path / f"found.{rank}.npz") as file:
            assert file["same"]
    for name in NETS:
        mine = {key.removeprefix(f"{name}: "): value for key, value in found.items() if key.startswith(f"{name}: ")}
        assert_close(mine, in_one_process(name))
        # losses of the same bits for so long are those of the same weights
        simulated = in_ranks(size, lambda rank, name=name: outcome(trainer_of(name, rank, shards=size), FEW))
        assert bits({"": simulated[0]["steps"]}) == bits({"": mine["steps"][:FEW]})
