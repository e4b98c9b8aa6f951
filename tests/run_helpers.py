"""A run with everything around it that has a state, and what is the same of two runs that went the same way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlp_numpy.config import Config
from mlp_numpy.exchange.archive import read_archive
from mlp_numpy.training import History, load_checkpoint


def full_config(data: Path, folder: Path, **options: Any) -> Config:
    """Settings of a run of 60 steps below ``folder``."""
    settings: dict[str, Any] = {
        "steps": 60,
        "batch": 10,
        "hidden": (8, 6),
        "batch_norm": True,
        "dropout": 0.2,
        "optimizer": "adam",
        "lr": 3e-3,
        "l2": 1e-4,
        "clip_norm": 1.0,
        "schedule": "warmup:20+cosine",
        "accumulate": 2,
        "ema": 0.9,
        "flip": True,
        "shift": 2,
        "held_out": "validation",
        "validation": 40,
        "eval_every": 10,
        "checkpoint_every": 7,
        "layer_stats_every": 5,
        "dataset": "cifar10",
        "data_dir": str(data),
        "runs_dir": str(folder / "runs"),
        "plots_dir": str(folder / "plots"),
        "name": "a",
        "download": False,
    }
    return Config(**(settings | options))


def small_config(data: Path, folder: Path, **options: Any) -> Config:
    """Settings of a run of one small hidden layer below ``folder``."""
    places = {"data_dir": str(data), "runs_dir": str(folder / "runs"), "plots_dir": str(folder / "plots")}
    return Config(**({"batch": 20, "hidden": (8,), "download": False} | places | options))


def numbers(folder: Path) -> dict[str, Any]:
    """All numbers that the run of ``folder`` left, to the last bit."""
    checkpoint, history = load_checkpoint(folder), History.read(folder / "history.json")
    model, _ = read_archive("test", folder / "model.npz", "model file")
    arrays = {name: array.tobytes() for name, array in (*checkpoint.state.items(), *model.items())}
    return arrays | {
        "records": (checkpoint.history.steps, checkpoint.history.evaluations),
        "history": (history.steps, history.evaluations, history.info.test, history.info.test_openings),
        "table": (folder / "history.csv").read_text(),
    }
