"""The layer statistics of a run, from its history to the axes."""

from __future__ import annotations

from matplotlib.figure import Figure

from mlp_numpy.experiment.artifacts import _measures
from mlp_numpy.viz import draw_layer_stats


def test_no_dead_unit_is_a_line_at_0_and_no_empty_panel() -> None:
    norms = {"gradient": [1.0, 2.0], "update": [0.1, 0.2], "weight": [1.0, 1.0]}
    measures = _measures({"step": [1, 11], "0 LinearModule": norms, "1 ReLUModule": {"dead": [0.0, 0.0]}})
    scales = {}
    for name, layers in measures.items():
        axes = Figure().subplots()
        draw_layer_stats(axes, name, layers, [1, 11])
        assert len(axes.texts) == len(layers), f"{name}: every line has its label"
        scales[name] = axes.get_yscale()
    assert scales == {"gradient norm": "log", "update / weight": "log", "dead fraction": "linear"}
