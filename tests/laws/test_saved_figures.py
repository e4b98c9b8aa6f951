"""Figures that compare settings, trials and layers are saved as pages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from viz_helpers import pixels

from mlp_numpy import ReLUModule
from mlp_numpy.viz import save_class_bars, save_functions, save_heat_map, save_layer_stats, save_mean_std, save_parallel

TABLE = np.array([[0.5, 0.25, np.nan], [0.75, 0.1, 0.3]])
TRIALS = [
    {"lr": 1e-4, "wd": 0, "act": "relu", "acc": 0.3},
    {"lr": 1e-2, "wd": 4, "act": "tanh", "acc": 0.5},
    {"lr": 1e-3, "wd": 1, "act": "relu", "acc": 0.4},
]


@pytest.mark.slow
def test_saved_pictures_are_pages(tmp_path: Path) -> None:
    curves = {"ReLU": ([1, 2], np.array([[0.5, 0.6], [0.4, 0.7]]))}
    save_mean_std(tmp_path / "bands.png", curves, "title", limits=(0, 1))
    save_class_bars(tmp_path / "bars.png", {"SGD": np.array([0.2, 0.4])}, ["cat", "dog"], "title")
    save_heat_map(tmp_path / "map.png", TABLE, ["1e-2", "1e-3"], ["a", "b", "c"], "title")
    save_parallel(tmp_path / "parallel.png", TRIALS, ["lr", "act"], "acc", "title", log=["lr"])
    save_functions(tmp_path / "functions.png", {"ReLU": ReLUModule()})
    layers = {"0": [0.5, 0.25], "2": [0.5, 0.75]}
    save_layer_stats(
        tmp_path / "watch.png", {"gradient norm": layers, "dead fraction": layers}, "title", steps=[10, 20]
    )
    for name in ("bands", "bars", "map", "parallel", "functions", "watch"):
        pixels(tmp_path / f"{name}.png")
