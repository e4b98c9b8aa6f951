"""Figures: functions that draw on given axes, and functions that save a whole figure. No display is needed."""

from mlp_numpy.viz.class_bars import draw_class_bars, save_class_bars
from mlp_numpy.viz.class_images import save_class_images, save_saliency
from mlp_numpy.viz.costs import draw_growth, draw_states
from mlp_numpy.viz.curves import (
    TEST,
    TRAIN,
    draw_accuracy,
    draw_confusion,
    draw_loss,
    draw_metric,
    moving_average,
    save,
    save_confusion,
    save_curves,
)
from mlp_numpy.viz.first_layer import save_first_layer
from mlp_numpy.viz.functions import draw_function, save_functions
from mlp_numpy.viz.graph import draw_graph, save_graph
from mlp_numpy.viz.heat_map import draw_heat_map, save_heat_map
from mlp_numpy.viz.layer_stats import draw_layer_stats, save_layer_stats
from mlp_numpy.viz.mean_std_band import draw_mean_std, save_mean_std
from mlp_numpy.viz.misclassified import most_confident_mistakes, save_misclassified
from mlp_numpy.viz.parallel_coordinates import draw_parallel, save_parallel
from mlp_numpy.viz.parity import draw_differences, save_parity

__all__ = [
    "TEST",
    "TRAIN",
    "draw_accuracy",
    "draw_class_bars",
    "draw_confusion",
    "draw_differences",
    "draw_function",
    "draw_graph",
    "draw_growth",
    "draw_heat_map",
    "draw_layer_stats",
    "draw_loss",
    "draw_mean_std",
    "draw_metric",
    "draw_parallel",
    "draw_states",
    "most_confident_mistakes",
    "moving_average",
    "save",
    "save_class_bars",
    "save_class_images",
    "save_confusion",
    "save_curves",
    "save_first_layer",
    "save_functions",
    "save_graph",
    "save_heat_map",
    "save_layer_stats",
    "save_mean_std",
    "save_misclassified",
    "save_parallel",
    "save_parity",
    "save_saliency",
]
