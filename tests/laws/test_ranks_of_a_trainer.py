"""Ranks of a Trainer: N processes train as one does, and the same bits in each of them and at every repetition."""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ranks
from hosts import two_hosts
from ranks import MPIRUN, NETS, ended, in_ranks, mpirun, needs_mpirun, outcome, trainer_of

from mlp_numpy import Module
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import default_shards
from mlp_numpy.parallel import Communicator

FEW = 30


class OwnModule(Module):
    """A module from outside of the library."""


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
@pytest.mark.parametrize("size", [1, 2, 4])
def test_200_steps_in_processes_are_those_of_threads_and_of_one_process(size: int, tmp_path: Path) -> None:
    done = mpirun(size, ranks.__file__, str(tmp_path / "found.npz"))
    assert done.returncode == 0, done.stderr
    assert "overlaps: True" not in done.stdout
    assert_as_one_process(tmp_path, size)


@needs_mpirun
@pytest.mark.slow
def test_200_steps_on_two_hosts_are_those_of_one_process(tmp_path: Path) -> None:
    if "HYDRA" not in subprocess.run([str(MPIRUN), "--version"], capture_output=True, text=True, check=True).stdout:
        pytest.skip("needs MPICH's mpirun, which other programs than ssh can launch for")
    results = tmp_path / "results"
    results.mkdir()
    with two_hosts() as hosts:
        launch = hosts.mpirun(str(MPIRUN), tmp_path)
        done = ended([*launch, "-n", "2", sys.executable, ranks.__file__, str(results / "found.npz")])
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("overlaps: True") == 2
        values = sum(array.value.size for net in NETS.values() for _, array in net().named_parameters())
        assert hosts.sent(2) > ranks.STEPS * 8 * values, "half of a sum comes and half of it goes"
    assert_as_one_process(results, 2)


def assert_as_one_process(folder: Path, size: int) -> None:
    with np.load(folder / "found.0.npz") as file:
        found = {key: file[key] for key in file.files}
    assert len(list(folder.iterdir())) == size
    for rank in range(size):
        with np.load(folder / f"found.{rank}.npz") as file:
            assert file["same"]
    for name in NETS:
        mine = {key.removeprefix(f"{name}: "): value for key, value in found.items() if key.startswith(f"{name}: ")}
        assert_close(mine, in_one_process(name))
        # losses of the same bits for so long are those of the same weights
        simulated = in_ranks(size, lambda rank, name=name: outcome(trainer_of(name, rank, shards=size), FEW))
        assert bits({"": simulated[0]["steps"]}) == bits({"": mine["steps"][:FEW]})


def test_a_batch_or_shards_that_ranks_cannot_share_are_refused() -> None:
    def refused(rank: Communicator, **options: Any) -> str:
        with pytest.raises(OptionError) as found:
            trainer_of("mlp", rank, **options)
        return str(found.value)

    assert set(in_ranks(3, refused)) == {
        "Trainer: the batch must be a multiple of the 3 ranks that share it, got 20 examples. Hint: a batch of 18."
    }
    assert set(in_ranks(4, lambda rank: refused(rank, shards=6))) == {
        "Trainer: shards must be a multiple of the 4 ranks that share the batch, got 6. "
        "Hint: shards 4, or 0 for one per rank."
    }


def test_ranks_have_a_shard_each_by_default_if_rows_are_known_to_be_independent() -> None:
    assert in_ranks(4, lambda rank: trainer_of("mlp", rank, shards=None).shards) == [4] * 4
    with pytest.raises(OptionError, match=r"default_shards: a batch that 2 ranks share must be computed row by row"):
        default_shards(OwnModule(), 20, 2)
