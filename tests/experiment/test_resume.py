"""Runs that are killed, stopped, refused and resumed: at the end they are what the undisturbed run is."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import threadpoolctl
from run_helpers import full_config, numbers

from mlp_numpy.cli import main
from mlp_numpy.config import Config, write_config
from mlp_numpy.errors import DataError, DataNotFoundError, RunFolderError
from mlp_numpy.experiment import Run, artifacts, finished, load_run, run
from mlp_numpy.experiment.recorder import WINNER
from mlp_numpy.training import EvaluationRecord, load_checkpoint, save_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Products as small as these gain nothing by threads."""
    with threadpoolctl.threadpool_limits(1):
        yield


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return full_config(cifar_dir, tmp_path)


@pytest.fixture(scope="module")
def undisturbed(one_thread: None, cifar_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing happened to."""
    return run(full_config(cifar_dir, tmp_path_factory.mktemp("undisturbed"))).folder


def stopped(config: Config, step: int) -> Path:
    """The folder of a run that was broken off after ``step``."""
    with Run(config) as under_way:
        for record in under_way.records():
            if record.step == step:
                break
    return under_way.folder


def resume(folder: Path) -> Run:
    with Run.resumed(folder) as under_way:
        for _ in under_way.records():
            pass
    return under_way


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond ``size`` bytes, as on a disk that is full."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


SIGNALS = {
    "killed": ([signal.SIGKILL], -9),
    "terminated": ([signal.SIGTERM], 143),
    "interrupted": ([signal.SIGINT], 130),
    "interrupted-twice": ([signal.SIGINT, signal.SIGINT], 130),
}


@pytest.mark.slow
def test_real_processes_with_real_signals_go_on_as_if_nothing_had_happened(cifar_dir: Path, tmp_path: Path) -> None:
    config = full_config(cifar_dir, tmp_path, steps=150)
    settings = tmp_path / "settings.yaml"
    write_config(settings, config)

    def broken_off(name: str) -> tuple[int, str]:
        words = [sys.executable, "-m", "mlp_numpy", "train", "--config", str(settings), "--name", name]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        one_thread = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
        with subprocess.Popen(words, **pipes, text=True, env=one_thread) as process:
            for line in process.stdout:
                if line.startswith("step     20"):
                    break
            for number in SIGNALS[name][0]:
                process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        # matplotlib's own words where it finds the list of fonts of an installation that has gone
        said = [line for line in errors.splitlines() if not line.startswith("findfont:")]
        return process.returncode, "\n".join(said)

    with ThreadPoolExecutor() as pool:
        found = dict(zip(SIGNALS, pool.map(broken_off, SIGNALS), strict=True))
    assert found == {name: (status, "") for name, (_, status) in SIGNALS.items()}
    expected = numbers(run(config).folder)
    for name in SIGNALS:
        folder = tmp_path / "runs" / name
        steps = int(load_checkpoint(folder).state["step"])
        assert 14 <= steps < 150
        assert main(["train", "--resume", str(folder)]) == 0
        assert numbers(folder) == expected, name


@pytest.mark.parametrize("step", [0, 13, 20, 60])
@pytest.mark.slow
def test_a_run_that_was_broken_off_goes_on_bit_by_bit(config: Config, undisturbed: Path, step: int) -> None:
    folder = stopped(config, step)
    again = resume(folder)
    assert again.history.info.resumed_at == [step]
    assert again.result.status == "finished"
    assert numbers(folder) == numbers(undisturbed)


def test_a_disk_that_is_full_in_the_middle_costs_nothing_but_time(config: Config, undisturbed: Path) -> None:
    under_way = Run(config)
    folder = Path(config.runs_dir) / "a"
    records = under_way.records()
    while next(records).step < 14:
        continue
    good = load_checkpoint(folder)
    with (
        largest_file((folder / NAME).stat().st_size - 1),
        pytest.raises(
            RunFolderError, match=r"of 7 files could not be saved: .*checkpoint.npz: File too large.*continue"
        ),
    ):
        list(records)
    left = load_checkpoint(folder)
    assert (left.path.name, left.state["step"]) == (NAME, 14)
    assert {name: array.tobytes() for name, array in left.state.items()} == {
        name: array.tobytes() for name, array in good.state.items()
    }
    assert not list(folder.glob(".*.part"))
    resume(folder)
    assert numbers(folder) == numbers(undisturbed)


def test_results_that_could_not_be_saved_at_the_end_are_saved_by_a_resume(
    config: Config, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, trained: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(artifacts, "save_model", full)
        with pytest.raises(RunFolderError, match="1 of .* files could not be saved: .*model.npz: No space left"):
            run(config)
    folder = Path(config.runs_dir) / "a"
    assert finished(folder) is None
    again = resume(folder)
    assert again.history.info.test_openings == [WINNER]
    assert finished(folder) is not None
    assert numbers(folder) == numbers(undisturbed)


def test_a_kill_between_the_last_checkpoint_and_the_results_opens_the_test_set_no_second_time(
    config: Config, undisturbed: Path
) -> None:
    folder = run(config).folder
    for name in ("history.json", "history.csv", "model.npz"):
        (folder / name).unlink()
    resume(folder)
    assert numbers(folder) == numbers(undisturbed)


def test_a_folder_that_may_not_be_written_is_named(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stopped(config, 13)
    (folder / NAME).unlink()
    before = snapshot(folder)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mlp_numpy.atomic_io.tempfile.mkstemp", refuse)
    with pytest.raises(RunFolderError, match="the checkpoint could not be saved in .*: Permission denied.*--resume"):
        resume(folder)
    assert snapshot(folder) == before


def test_a_folder_that_is_removed_under_way_is_named(config: Config) -> None:
    with (
        pytest.raises(RunFolderError, match="was deleted while its run was training"),
        Run(config) as one,
    ):
        for record in one.records():
            if record.step == 10:
                shutil.rmtree(one.folder, ignore_errors=True)


def test_one_run_at_a_time(config: Config, undisturbed: Path) -> None:
    folder = stopped(config, 13)
    first, second, third = (Run.resumed(folder) for _ in range(3))
    records = first.records()
    next(records)
    with pytest.raises(RunFolderError, match="is in use by another run"):
        next(second.records())
    list(records)
    assert numbers(folder) == numbers(undisturbed)
    before = snapshot(folder)
    with pytest.raises(RunFolderError, match="another process has continued .* since it was read. Hint: --resume"):
        next(third.records())
    assert snapshot(folder) == before


def test_half_files_are_cleared_away(config: Config) -> None:
    folder = stopped(config, 13)
    (folder / ".checkpoint.npz.x1.part").write_bytes(b"half")
    resume(folder)
    assert not list(folder.glob(".*.part"))


def test_a_damaged_checkpoint_gives_way_and_never_takes_the_place_of_the_good_one(
    config: Config, undisturbed: Path
) -> None:
    folder = stopped(config, 23)
    (folder / NAME).write_bytes((folder / NAME).read_bytes()[:-7])
    again = Run.resumed(folder)
    assert f"{NAME} is damaged; resuming from the previous checkpoint" in again.warning
    assert again.trainer.step == 21
    records = again.records()
    next(records)
    good = (folder / PREVIOUS).read_bytes()
    assert load_checkpoint(folder).path.name == NAME
    (folder / NAME).unlink()
    assert load_checkpoint(folder).state["step"] == 21
    assert (folder / PREVIOUS).read_bytes() == good
    list(records)
    assert numbers(folder) == numbers(undisturbed)


def test_without_a_whole_checkpoint_nothing_is_made_up(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stopped(config, 13)
    for name in (NAME, PREVIOUS):
        (folder / name).write_bytes((folder / name).read_bytes()[1:])
    before = snapshot(folder)
    assert main(["train", "--resume", str(folder)]) == 1
    assert f"{NAME} must be a checkpoint that a run saved, whole and undamaged" in capsys.readouterr().err
    assert snapshot(folder) == before


def test_one_that_was_killed_before_its_first_checkpoint_begins_again(config: Config, undisturbed: Path) -> None:
    folder = Path(config.runs_dir) / "a"
    folder.mkdir(parents=True)
    with pytest.raises(DataNotFoundError, match="with config.yaml in it, found a folder without it"):
        Run.resumed(folder)
    write_config(folder / "config.yaml", config)
    with pytest.raises(DataNotFoundError, match="found no model.npz.*train --resume .* resumes"):
        load_run(folder)
    resume(folder)
    assert numbers(folder) == numbers(undisturbed)


def test_other_settings_are_another_run(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stopped(config, 13)
    before = snapshot(folder)
    assert main(["train", "--resume", str(folder), "--lr", "0.1"]) == 1
    assert "a run resumes with its own settings, got --lr with it" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["train", "--resume"])
    assert "--resume" in capsys.readouterr().err
    assert snapshot(folder) == before
    write_config(folder / "config.yaml", replace(config, lr=0.1, hidden=(8, 7)))
    with pytest.raises(DataError, match="has changed since the run began: hidden, lr"):
        Run.resumed(folder)


def test_a_finished_run_has_nothing_left_to_do(undisturbed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = snapshot(undisturbed)
    assert main(["train", "--resume", str(undisturbed)]) == 0
    out = capsys.readouterr().out
    assert "finished after step 60" in out
    assert out.endswith("already complete, nothing to do\n")
    assert snapshot(undisturbed) == before


def test_another_blas_is_told(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stopped(config, 13)
    monkeypatch.setattr("mlp_numpy.experiment.resume.machine_fingerprint", lambda: {"blas": ["another"]})
    again = resume(folder)
    assert "The results will not be identical to the last bit." in again.warning
    assert again.result.status == "finished"


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_shards_go_on_bit_by_bit_on_another_number_of_threads(config: Config, before: int, after: int) -> None:
    config = replace(config, shards=2)
    whole = run(replace(config, name="whole", threads=after))
    folder = stopped(replace(config, threads=before), 13)
    resumed = Run.resumed(folder, threads=after)
    assert (resumed.trainer.shards, resumed.trainer.workers.threads, resumed.warning) == (2, after, None)
    list(resumed.records())
    assert resumed.history.info.shards == 2
    assert numbers(folder) == numbers(whole.folder)


def test_a_run_of_a_version_without_shards_goes_on_with_one(config: Config) -> None:
    # so wide that a new run would have two
    folder = stopped(replace(config, hidden=(700,), batch=50), 2)
    known = load_checkpoint(folder)
    assert known.history.info.shards == 2
    known.history.info.shards = known.history.info.threads = None
    save_checkpoint(folder, known.state, known.history, known.about)
    assert Run.resumed(folder).trainer.shards == 1


def test_another_data_set_is_noticed(config: Config, cifar_dir: Path, tmp_path: Path) -> None:
    data = shutil.copytree(cifar_dir, tmp_path / "data")
    folder = stopped(replace(config, data_dir=str(data)), 13)
    path = next(data.rglob("data_batch_3"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="the data set .* differs from the one that .* began with"):
        Run.resumed(folder)


def test_a_checkpoint_of_another_net_is_refused(config: Config, tmp_path: Path) -> None:
    folder = stopped(config, 13)
    other = stopped(replace(config, hidden=(3, 2), ema=0.0, name="b"), 13)
    found = load_checkpoint(other)
    found.history.info.config = asdict(config)
    artifacts.save_checkpoint(folder, found.state, found.history, found.about)
    with pytest.raises(DataError, match="must hold the state of this run, got"):
        Run.resumed(folder)


def test_a_terminal_that_closes_does_not_stop_what_was_told_to_ignore_it(config: Config) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Run(replace(config, steps=22)) as one:
            for record in one.records():
                if record.step == 3 and not isinstance(record, EvaluationRecord):
                    os.kill(os.getpid(), signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (one.stopped_by, one.result.status) == (None, "finished")


def test_a_request_that_comes_when_all_is_done_stops_nothing(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    real = artifacts.save_model

    def late(path: Path, trained: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        real(path, trained)

    monkeypatch.setattr(artifacts, "save_model", late)
    settings = Path(config.runs_dir).parent / "settings.yaml"
    write_config(settings, replace(config, steps=25))
    assert main(["train", "--config", str(settings)]) == 0
    assert finished(Path(config.runs_dir) / "a") is not None


def test_a_folder_for_pictures_that_is_not_there_is_made(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = stopped(replace(config, plots_dir="pictures"), 13)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(folder).picture.exists()
