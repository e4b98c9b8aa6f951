"""The ranks of a run, simulated in threads: one keeps the files, all stop together, and none trains something else."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import TinyCifar, write_folder
from ranks import in_ranks
from run_helpers import full_config, numbers

from mlp_numpy.config import Config
from mlp_numpy.errors import NonFiniteError, OptionError, RanksDifferError
from mlp_numpy.experiment import Run, run, seed_configs
from mlp_numpy.experiment.ranks import Unwritten
from mlp_numpy.parallel import Communicator
from mlp_numpy.training import load_checkpoint

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return full_config(cifar_dir, tmp_path, dtype="float64", shards=2, threads=1, steps=30, checkpoint_every=10)


def trained(run: Run, stop_after: int | None = None) -> Run:
    with run:
        for record in run.records():
            if record.step == stop_after:
                run.stopped_by = signal.SIGTERM
    return run


def test_two_ranks_leave_the_files_and_the_numbers_of_one_process(config: Config) -> None:
    alone = run(config).folder
    parted = replace(config, name="parted")
    first, second = in_ranks(2, lambda rank: trained(Run(parted, ranks=rank)))
    assert isinstance(second._recorder._outputs, Unwritten)
    assert first.folder == second.folder
    assert {path.name for path in first.folder.iterdir()} == {path.name for path in alone.iterdir()}
    assert (first.history.info.ranks, first.history.info.shards) == (2, 2)
    expected, found = load_checkpoint(alone), load_checkpoint(first.folder)
    for name, array in expected.state.items():
        np.testing.assert_allclose(found.state[name], array, rtol=1e-11, atol=1e-12, err_msg=name)
    losses = [[record.loss for record in each.history.evaluations] for each in (found, expected)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert first.result.status == second.result.status == "finished"
    assert first.history.info.test == second.history.info.test


def test_a_stop_signal_to_one_rank_stops_and_saves_all_and_any_number_of_ranks_resumes(config: Config) -> None:
    whole = run(replace(config, name="whole")).folder
    stopped = in_ranks(2, lambda rank: trained(Run(config, ranks=rank), stop_after=13 if rank.rank else None))
    assert [(one.trainer.step, one.stopped_by, one.result.status) for one in stopped] == [(13, 15, "interrupted")] * 2
    folder = stopped[0].folder
    half = in_ranks(1, lambda rank: trained(Run.resumed(folder, ranks=rank), stop_after=17))
    assert "had 2 ranks with 2 shards in all, and resumes with 1 and 2" in half[0].warning
    ended = in_ranks(2, lambda rank: trained(Run.resumed(folder, ranks=rank)))
    assert "had 1 ranks" in ended[0].warning
    assert ended[0].history.info.resumed_at == [13, 17]
    expected = load_checkpoint(whole).state
    for name, array in load_checkpoint(folder).state.items():
        np.testing.assert_allclose(array, expected[name], rtol=1e-11, atol=1e-12, err_msg=name)


def test_the_same_number_of_ranks_resumes_bit_for_bit(config: Config) -> None:
    whole = in_ranks(2, lambda rank: trained(Run(replace(config, name="whole"), ranks=rank)))[0].folder
    folder = in_ranks(2, lambda rank: trained(Run(config, ranks=rank), stop_after=20))[0].folder
    in_ranks(2, lambda rank: trained(Run.resumed(folder, ranks=rank)))
    assert numbers(folder) == numbers(whole)


def raised(rank: Communicator, call: Any) -> str:
    with pytest.raises(RanksDifferError) as found:
        call(rank)
    return str(found.value)


@pytest.mark.parametrize("what", ["settings", "data"])
def test_ranks_with_other_settings_or_data_are_refused_in_all_of_them(
    what: str, config: Config, tmp_path: Path
) -> None:
    if what == "data":
        images = TinyCifar(rows=40, test_rows=30)
        images.images[7, 7] ^= 1
        write_folder(tmp_path / "data" / "cifar-10-batches-py", images.python_files())
    other: dict[str, Any] = {"settings": {"lr": 0.1}, "data": {"data_dir": str(tmp_path / "data")}}[what]

    def build(rank: Communicator) -> Run:
        return Run(replace(config, **(other if rank.rank == 1 else {})), ranks=rank)

    messages = in_ranks(2, lambda rank: raised(rank, build))
    assert messages[0] == messages[1]
    assert f"the {what} must be the same in all ranks, got others in rank 1 than in rank 0. Hint: the" in messages[0]


def test_other_weights_end_the_run_at_the_next_comparison(config: Config) -> None:
    def spoil(rank: Communicator) -> None:
        with Run(replace(config, steps=120, accumulate=1, eval_every=200), ranks=rank) as one:
            for record in one.records():
                assert record.step < 100
                if record.step == 98 and rank.rank:
                    one.parameters.values[0] += 1

    first, second = in_ranks(2, lambda rank: raised(rank, spoil))
    assert first == second
    assert "weights must be the same in all ranks after step 100, got others in rank 1 than in rank 0" in first


def test_a_divergence_is_the_same_in_all_ranks_and_leaves_its_step(config: Config) -> None:
    def diverge(rank: Communicator) -> Run:
        with pytest.raises(NonFiniteError) as found, Run(config, ranks=rank) as one:
            for record in one.records():
                if record.step == 5:
                    one.parameters.values[7] = np.nan
        assert "at step 6" in str(found.value)
        return one

    first, second = in_ranks(2, diverge)
    assert (first.folder / "capsule.npz").exists()
    np.testing.assert_array_equal(first.trainer.failure.x, second.trainer.failure.x)
    np.testing.assert_array_equal(first.trainer.failure.x, run_batch(config))


def run_batch(config: Config) -> Any:
    return Run(replace(config, name="b")).trainer.batches.at(10)[0]


def test_seeds_are_for_one_process(config: Config) -> None:
    with pytest.raises(OptionError, match=r"seed_configs: distributed must be none, got mpi\. Hint: mpirun is for"):
        seed_configs(replace(config, distributed="mpi"), [0, 1])


def test_processes_of_a_launcher_that_share_nothing_are_warned(
    monkeypatch: pytest.MonkeyPatch, cifar_dir: Path, tmp_path: Path
) -> None:
    config = full_config(cifar_dir, tmp_path)
    for text, warned in (("1", False), ("several", False), ("3", True)):
        monkeypatch.setenv("PMI_SIZE", text)
        with Run(config) as run:
            assert (run.warning or "").startswith("mpirun has started 3 processes, and each of them trains") == warned
