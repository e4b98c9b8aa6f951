"""The crash test: a training that is killed repeatedly must end with the same results.

A short training with every stateful component runs twice in separate processes: once uninterrupted, once killed with
SIGKILL at random and at chosen moments, and resumed each time. At the end all results must agree bit for bit.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checking.crash.process import FORKS, LOOK_SECONDS, KillableTraining
from mlp_numpy.checking.crash.report import CrashReport, Kill
from mlp_numpy.config import Config, write_config
from mlp_numpy.errors import MlpNumpyError, OptionError
from mlp_numpy.exchange.archive import read_archive
from mlp_numpy.experiment.run import Run
from mlp_numpy.training import History, load_checkpoint
from mlp_numpy.training.checkpoint import NAME, PREVIOUS

_NAME: Final = "crash-test"
_N_TRAIN, _N_TEST, _PER_FILE = 200, 40, 40
_COMMAND_EVERY: Final = 4
"""Every this many kills the run is resumed by the command line, else in a fork."""


def crash_test(n_kills: int = 20, seed: int = 0, steps: int | None = None, shards: int = 1) -> Iterator[CrashReport]:
    """Kill a training ``n_kills`` times; yields the same, growing report after every kill and at the end.

    steps    steps of the training; by default enough for the kills to hit all parts of it
    shards   parts of each batch that are computed side by side; every other resume has another number of threads

    Raises OptionError for invalid numbers, RunFolderError if a training fails other than by a kill.
    """
    if n_kills < 1 or seed < 0 or (steps is not None and steps < 1) or shards < 1:
        raise OptionError(
            f"crash_test: kills, steps and shards must be ≥ 1 and seed ≥ 0, got {n_kills}, {steps}, {shards}, {seed}."
        )
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="crash-test-") as name:
        folder = Path(name)
        _write_data(folder / "data", np.random.default_rng(0))
        config = _config(folder, steps or 100 + 12 * n_kills, seed, shards)
        report = CrashReport(seed, config.steps)
        FORKS.set_forkserver_preload([Run.__module__])
        undisturbed, run = folder / "undisturbed", folder / "killed" / "runs" / _NAME
        begin = _begin(folder / "killed", config)
        KillableTraining(folder, undisturbed, _begin(undisturbed, config)).end(kill=False)
        words: list[str] | None = begin
        written = False
        for number in range(n_kills):
            aim = _aim(number, n_kills, rng)
            training = KillableTraining(folder, run, words)
            _wait(training, run, aim, rng)
            training.end(kill=True)
            report.kills.append(_look(aim, run, written))
            written = written or report.kills[-1].step is not None
            words = begin
            if (run / "config.yaml").exists():
                words = ["--resume", str(run), "--threads", "1"] if number % _COMMAND_EVERY == 0 else None
            yield report
        KillableTraining(folder, run, words or ["--resume", str(run)]).end(kill=False)
        report.differences += _differences(undisturbed / "runs" / _NAME, run, report)
        report.seconds = time.perf_counter() - began
        yield report


def _config(folder: Path, steps: int, seed: int, shards: int) -> Config:
    """Settings with which every stateful component is used."""
    return Config(
        steps=steps,
        seed=seed,
        batch=20,
        hidden=(12, 8),
        batch_norm=True,
        dropout=0.2,
        optimizer="adam",
        lr=3e-3,
        weight_decay=1e-4,
        l2=1e-4,
        clip_norm=1.0,
        schedule="warmup:20+cosine",
        accumulate=2,
        ema=0.9,
        flip=True,
        shift=2,
        cutout=4,
        held_out="validation",
        validation=40,
        split="stratified",
        eval_every=10,
        checkpoint_every=4,
        layer_stats_every=5,
        dataset="cifar10",
        data_dir=str(folder / "data"),
        download=False,
        name=_NAME,
        shards=shards,
    )


def _write_data(folder: Path, rng: np.random.Generator) -> None:
    """A data set of a few random images in the layout of CIFAR-10's binary version."""
    home = folder / "cifar-10-batches-bin"
    home.mkdir(parents=True)
    for name in (*(f"data_batch_{i + 1}" for i in range(_N_TRAIN // _PER_FILE)), "test_batch"):
        records = rng.integers(256, size=(_PER_FILE, 1 + 3072), dtype=np.uint8)
        records[:, 0] = rng.permutation(_PER_FILE) % 10
        # each class is brighter than the previous one, so that the task is learnable
        records[:, 1:] = records[:, 1:] // 2 + 12 * records[:, :1]
        (home / f"{name}.bin").write_bytes(records.tobytes())
    (home / "batches.meta.txt").write_text("\n".join(f"class{i}" for i in range(10)) + "\n")


def _begin(folder: Path, config: Config) -> list[str]:
    folder.mkdir(exist_ok=True)
    write_config(folder / "settings.yaml", config)
    places = ["--runs-dir", str(folder / "runs"), "--plots-dir", str(folder / "plots")]
    return ["--config", str(folder / "settings.yaml"), *places, "--overwrite"]


def _aim(number: int, n_kills: int, rng: np.random.Generator) -> str:
    """The aim of a kill: the last tenth of the kills hit the end, the others a random other phase."""
    if n_kills - number <= n_kills // 10:
        return "ending"
    return str(rng.choice(["starting", "training", "writing", "renaming"], p=[0.1, 0.3, 0.3, 0.3]))


def _look(aim: str, run: Path, written: bool) -> Kill:
    """Inspect the run's folder after a kill."""
    half = any(run.glob(".*.part"))
    try:
        found = load_checkpoint(run)
    except MlpNumpyError as error:
        return Kill(aim, None, False, half, str(error) if written else None)
    return Kill(aim, int(found.state["step"]), found.path.name == PREVIOUS, half, None)


def _wait(training: KillableTraining, run: Path, aim: str, rng: np.random.Generator) -> None:
    """Wait for the moment of a kill, or for the end of the training."""
    if aim == "starting":
        training.lives(float(rng.uniform(0, 1.0)))
        return
    while not training.trains and training.lives(LOOK_SECONDS):
        continue
    # a few checkpoints later, so that the run progresses
    checkpoint = run / NAME
    for _ in range(0 if aim == "ending" else int(rng.integers(1, 4))):
        _changed(training, checkpoint)
    if aim == "training":
        training.lives(float(rng.uniform(0, 0.02)))
    elif aim == "renaming":
        _changed(training, checkpoint)
    else:
        names = (".checkpoint.npz.",) if aim == "writing" else (".model.npz.", ".history.json.", ".crash-test.png.")
        name = str(rng.choice(names))
        folder = run if "png" not in name else run.parent.parent / "plots"
        while training.status is None and not any(path.name.startswith(name) for path in folder.iterdir()):
            continue


def _changed(training: KillableTraining, checkpoint: Path) -> None:
    """Wait until the checkpoint is replaced."""
    before = now = _identity(checkpoint)
    while training.status is None and now in (before, None):
        now = _identity(checkpoint)


def _identity(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None


def _differences(undisturbed: Path, killed: Path, report: CrashReport) -> list[str]:
    one, other = _results(undisturbed), _results(killed)
    report.compared = len(one)
    return sorted(name for name in one.keys() | other.keys() if not _same(one.get(name), other.get(name)))


def _results(run: Path) -> dict[str, Any]:
    """All results of a run, by name."""
    checkpoint, history = load_checkpoint(run), History.read(run / "history.json")
    arrays, about = read_archive("crash_test", run / "model.npz", "model file")
    return {
        **{f"checkpoint: {name}": array for name, array in checkpoint.state.items()},
        **{f"model.npz: {name}": array for name, array in arrays.items()},
        "model.npz: about": about,
        "checkpoint: steps": checkpoint.history.steps,
        "checkpoint: evaluations": checkpoint.history.evaluations,
        "history.json: steps": history.steps,
        "history.json: evaluations": history.evaluations,
        "history.json: test": history.info.test,
        "history.json: test_openings": history.info.test_openings,
        "history.csv": (run / "history.csv").read_bytes(),
    }


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return _bits(one) == _bits(other)
    return bool(one == other)


def _bits(array: Array) -> tuple[str, tuple[int, ...], bytes]:
    return array.dtype.str, array.shape, array.tobytes()
