"""Experiment tracking: one hook of three methods, and its adapters for TensorBoard, MLflow and Weights & Biases."""

from mlp_numpy.tracking.guard import Guard, TrackerWarning
from mlp_numpy.tracking.registry import TRACKERS, make_tracker, remove_logs
from mlp_numpy.tracking.tracker import Tracker, in_order, metrics

__all__ = [
    "TRACKERS",
    "Guard",
    "Tracker",
    "TrackerWarning",
    "in_order",
    "make_tracker",
    "metrics",
    "remove_logs",
]
