"""Training: the loop, what it records, how well the model does, and the file it is kept in."""

from mlp_numpy.training.history import History
from mlp_numpy.training.metrics import accuracy, confusion_matrix, evaluate
from mlp_numpy.training.model_file import TrainedModel, load_model, save_model
from mlp_numpy.training.trainer import EvaluationRecord, Optimizer, Record, StepRecord, Trainer

__all__ = [
    "EvaluationRecord",
    "History",
    "Optimizer",
    "Record",
    "StepRecord",
    "TrainedModel",
    "Trainer",
    "accuracy",
    "confusion_matrix",
    "evaluate",
    "load_model",
    "save_model",
]
