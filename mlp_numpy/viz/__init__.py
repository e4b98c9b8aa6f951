"""Pictures: functions that draw on given axes, and some that make a whole figure and save it. No display is needed."""

from mlp_numpy.viz.curves import (
    TEST,
    TRAIN,
    draw_accuracy,
    draw_confusion,
    draw_loss,
    running_mean,
    save,
    save_confusion,
    save_curves,
)
from mlp_numpy.viz.graph import draw_graph, save_graph
from mlp_numpy.viz.parity import draw_differences, save_parity

__all__ = [
    "TEST",
    "TRAIN",
    "draw_accuracy",
    "draw_confusion",
    "draw_differences",
    "draw_graph",
    "draw_loss",
    "running_mean",
    "save",
    "save_confusion",
    "save_curves",
    "save_graph",
    "save_parity",
]
