"""What a training is expected to take: near what it takes, and telling changes nothing."""

from __future__ import annotations

import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_helpers import small_config

from mlp_numpy.cli.formatting import outlook
from mlp_numpy.config import Config
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.experiment import Run, estimate, run
from mlp_numpy.experiment.estimate import LIBRARIES

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture
def config(cifar_dir: Path, tmp_path: Path) -> Config:
    return small_config(cifar_dir, tmp_path, steps=60, eval_every=25, lr=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"batch_norm": True, "dropout": 0.3, "optimizer": "adam", "ema": 0.9, "flip": True, "layer_stats_every": 1},
        {"accumulate": 2, "momentum": 0.9, "schedule": "plateau:0.5:1", "held_out": "validation", "validation": 40},
    ],
    ids=["plain", "with all that draws or remembers", "with all that adds up"],
)
@pytest.mark.slow
def test_telling_changes_nothing(config: Config, settings: dict[str, object]) -> None:
    one = replace(config, **settings)
    told = Run(one)
    assert (estimate(told.parts, one.steps).seconds or 0) > 0
    records = []
    for record in told.records():
        records.append(record)
        if record.step == 55:
            assert estimate(told.parts, one.steps + 60).seconds is not None
    other = run(one)
    assert records == sorted([*other.history.steps, *other.history.evaluations], key=lambda each: each.step)
    for name, array in other.trained.model.state().items():
        np.testing.assert_array_equal(told.model.state()[name], array)


def test_steps_that_fail_leave_nothing_behind(config: Config) -> None:
    ill = Run(replace(config, lr=1e30, init="kaiming", accumulate=2))
    start = ill.trainer.state()
    assert estimate(ill.parts, 60).seconds is None
    for name, array in ill.trainer.state().items():
        np.testing.assert_array_equal(array, start[name])
    assert ill.trainer.failure is None
    with pytest.raises(NonFiniteError) as told:
        list(ill.records())
    with pytest.raises(NonFiniteError) as untold:
        run(replace(config, lr=1e30, init="kaiming", accumulate=2))
    assert str(told.value) == str(untold.value)


def test_a_run_of_a_few_steps_is_not_timed(config: Config) -> None:
    under_way = Run(replace(config, steps=10))
    assert estimate(under_way.parts, 10).seconds is None
    assert estimate(under_way.parts, 10).memory > LIBRARIES


@pytest.mark.parametrize(
    "settings",
    [
        {"dataset": "ellipse", "hidden": (700, 700), "optimizer": "adam", "batch": 100},
        {"dataset": "ellipse", "hidden": (200, 200, 200), "batch": 2500, "batch_norm": True},
        {"model": "small-conv-net", "hidden": (100,), "batch": 40},
    ],
    ids=["parameters", "activations", "convolutions"],
)
@pytest.mark.slow
def test_memory_of_arrays_is_within_half_as_much_again(config: Config, settings: dict[str, object]) -> None:
    tracemalloc.start()
    try:
        under_way = Run(replace(config, steps=2, eval_every=2, checkpoint_every=1, preprocessing="raw", **settings))
        expected = estimate(under_way.parts, 2).memory - LIBRARIES
        tracemalloc.reset_peak()
        for _ in under_way.records():
            pass
        measured = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert measured / 1.5 < expected < 1.5 * measured


@pytest.mark.slow
def test_memory_of_the_whole_program(config: Config, tmp_path: Path) -> None:
    words = f"['train', '--data-dir', {config.data_dir!r}, '--steps', '20', '--no-download', '--hidden', '800', '400']"
    script = (
        f"from pathlib import Path; from mlp_numpy.cli import main; main({words})\n"
        # the peak since the program began: ru_maxrss would count in the process that started it
        "lines = Path('/proc/self/status').read_text().splitlines()\n"
        "print(next(int(line.split()[1]) * 1024 for line in lines if line.startswith('VmHWM')))"
    )
    command = [sys.executable, "-c", script.replace("'20'", "'20', '--batch', '100'")]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout.splitlines()
    (line,) = [line for line in out if line.startswith("expect")]
    expected, measured = float(line.split()[1].replace(",", "")) * 1e6, float(out[-1])
    assert measured / 1.5 < expected < 1.5 * measured


def test_as_text() -> None:
    assert outlook(298_400_000, None) == "298 MB of memory"
    assert outlook(298_400_000, 0.2) == "about 1 s, 298 MB of memory"
    assert outlook(1_298_400_000, 89) == "about 89 s, 1,298 MB of memory"
    assert outlook(0, 91) == "about 1.5 min, 0 MB of memory"
    assert outlook(0, 7200) == "about 2.0 h, 0 MB of memory"
