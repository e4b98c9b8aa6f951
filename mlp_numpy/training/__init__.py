"""Training: the loop, its records, metrics, checkpoints and model files."""

from mlp_numpy.exchange.model_file import TrainedModel, load_model, save_model
from mlp_numpy.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from mlp_numpy.training.diagnosis import Failure, first_nonfinite
from mlp_numpy.training.evaluation import Evaluation, evaluate
from mlp_numpy.training.history import History
from mlp_numpy.training.metrics import (
    DEFAULT_METRICS,
    METRICS,
    Metric,
    accuracy,
    best_of,
    chosen_metrics,
    confusion_matrix,
    greater_is_better,
    log_loss,
    mae,
    r2,
    rmse,
)
from mlp_numpy.training.records import EvaluationRecord, Record, StepRecord
from mlp_numpy.training.run_info import RunInfo
from mlp_numpy.training.trainer import Trainer
from mlp_numpy.training.update import Update

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "Checkpoint",
    "Evaluation",
    "EvaluationRecord",
    "Failure",
    "History",
    "Metric",
    "Record",
    "RunInfo",
    "StepRecord",
    "TrainedModel",
    "Trainer",
    "Update",
    "accuracy",
    "best_of",
    "chosen_metrics",
    "confusion_matrix",
    "evaluate",
    "first_nonfinite",
    "greater_is_better",
    "load_checkpoint",
    "load_model",
    "log_loss",
    "mae",
    "r2",
    "rmse",
    "save_checkpoint",
    "save_model",
]
