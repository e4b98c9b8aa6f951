"""``mpirun -n N train``: real processes that are stopped, killed, refused and out of room."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_helpers import TinyCifar, write_folder
from ranks import mpirun_words, needs_mpirun, same_library
from run_helpers import full_config, numbers

from mlp_numpy.cli import main
from mlp_numpy.config import Config, write_config
from mlp_numpy.training import History, load_checkpoint
from mlp_numpy.training.checkpoint import NAME

PROGRAM = """
import os, resource, signal, sys
from pathlib import Path
from mlp_numpy.cli import main
from mlp_numpy.parallel import mpi_ranks
rank, (folder, limit, *words) = mpi_ranks().rank, sys.argv[1:]
Path(folder, f"process.{rank}").write_text(str(os.getpid()))
if rank == 0 and int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
sys.exit(main(["train", *words]))
"""


class Training:
    """A training in several ranks, and their processes."""

    def __init__(self, folder: Path, size: int, words: list[str], limit: int = 0) -> None:
        self.folder, self.size = folder, size
        for path in folder.glob("process.*"):
            path.unlink()
        command = mpirun_words(size, "-c", PROGRAM, str(folder), str(limit), *words)
        how: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, env=same_library(), **how)

    def signal(self, rank: int, name: str) -> None:
        """Send a signal to one rank."""
        number = (self.folder / f"process.{rank}").read_text()
        subprocess.run(["kill", f"-{name}", number], check=True)

    def end(self) -> tuple[int, str, str]:
        """Wait for all ranks; their status, and what they have printed."""
        out, errors = self.process.communicate(timeout=200)
        return self.process.returncode, out, errors

    def saves(self, checkpoint: Path, times: int) -> None:
        """Wait until it has replaced its checkpoint that often."""
        for _ in range(times):
            before = identity(checkpoint)
            while identity(checkpoint) in (before, None):
                assert self.process.poll() is None, self.end()
                time.sleep(1e-3)


def identity(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def words_of(config: Config, path: Path) -> list[str]:
    write_config(path, config)
    places = ["--runs-dir", config.runs_dir, "--plots-dir", config.plots_dir, "--name", config.name]
    return ["--config", str(path), *places]


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return full_config(cifar_dir, tmp_path, dtype="float64", distributed="mpi", layer_stats_every=0)


@needs_mpirun
@pytest.mark.slow
def test_a_run_whose_ranks_are_killed_ends_as_an_undisturbed_one(config: Config, tmp_path: Path) -> None:
    rng, words = np.random.default_rng(1), words_of(config, tmp_path / "a.yaml")
    other = Config(**(vars(config) | {"name": "whole"}))
    assert Training(tmp_path, 2, words_of(other, tmp_path / "whole.yaml")).end()[0] == 0
    folder = Path(config.runs_dir, config.name)
    for _ in range(2):
        training = Training(tmp_path, 2, words)
        training.saves(folder / NAME, int(rng.integers(2, 4)))
        training.signal(int(rng.integers(2)), "KILL")
        assert training.end()[0] != 0
        assert load_checkpoint(folder).state["step"] < config.steps
        words = ["--resume", str(folder)]
    status, out, errors = Training(tmp_path, 2, words).end()
    assert (status, errors) == (0, "")
    assert out.count("finished after step 60") == 1
    assert numbers(folder) == numbers(Path(config.runs_dir, "whole"))
    assert len(load_checkpoint(folder).history.info.resumed_at) == 2


@needs_mpirun
@pytest.mark.slow
def test_sigterm_to_any_rank_saves_and_one_process_resumes(config: Config, tmp_path: Path) -> None:
    endless = Config(**(vars(config) | {"steps": 100_000, "schedule": "constant"}))
    training = Training(tmp_path, 2, words_of(endless, tmp_path / "a.yaml"))
    folder = Path(config.runs_dir, config.name)
    training.saves(folder / NAME, 2)
    training.signal(1, "TERM")
    status, out, _ = training.end()
    assert status == 128 + 15
    assert out.count("interrupted") == 1
    history = History.read(folder / "history.json")
    assert (history.info.status, history.info.ranks) == ("interrupted", 2)
    step = int(load_checkpoint(folder).state["step"])
    assert history.steps[-1].step == step
    alone = Config(**(vars(endless) | {"name": "alone", "distributed": "none", "steps": step}))
    assert main(["train", *words_of(alone, tmp_path / "alone.yaml")]) == 0
    expected = load_checkpoint(Path(config.runs_dir, "alone")).state
    for name, array in load_checkpoint(folder).state.items():
        if not name.startswith(("model/", "update/")):  # counters of evaluations, which the end of a run adds to
            continue
        np.testing.assert_allclose(array, expected[name], rtol=1e-9, atol=1e-11, err_msg=name)


@needs_mpirun
@pytest.mark.slow
def test_a_full_disk_of_the_first_rank_ends_all_with_its_reason(config: Config, tmp_path: Path) -> None:
    status, _, errors = Training(tmp_path, 2, words_of(config, tmp_path / "a.yaml"), limit=50_000).end()
    assert status == 1
    assert errors.count("error: rank 0: run: the checkpoint could not be saved in") == 1
    assert "File too large. The last good checkpoint is intact" in errors
    assert not list(Path(config.runs_dir, config.name).glob("*.npz"))


@needs_mpirun
@pytest.mark.slow
def test_ranks_with_other_data_are_refused_and_the_first_one_says_so(
    config: Config, cifar_dir: Path, tmp_path: Path
) -> None:
    images = TinyCifar(rows=40, test_rows=30)
    images.images[7, 7] ^= 1
    write_folder(tmp_path / "data" / "cifar-10-batches-py", images.python_files())
    command = mpirun_words(1, "-m", "mlp_numpy", "train", *words_of(config, tmp_path / "a.yaml"))
    own = [*command[command.index("-n") :], "--data-dir", str(tmp_path / "data")]
    how: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 200, "env": same_library()}
    done = subprocess.run([*command, "--data-dir", str(cifar_dir), ":", *own], check=False, **how)
    assert done.returncode == 1
    assert done.stderr.count("the data must be the same in all ranks, got others in rank 1 than in rank 0") == 1
    assert not Path(config.runs_dir).exists()


def test_without_mpi4py_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cifar_dir: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    words = ["--dataset", "cifar10", "--data-dir", str(cifar_dir), "--runs-dir", str(tmp_path / "runs")]
    assert main(["train", "--distributed", "mpi", *words]) == 1
    error = capsys.readouterr().err
    assert "error: distributed mpi: mpi4py and an MPI library must be installed, got ModuleNotFoundError" in error
    assert "Hint: pip install 'mlp_numpy[mpi]'" in error
