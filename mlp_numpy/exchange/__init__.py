"""Models in and out: model files, ONNX, and weights from and for PyTorch."""

from mlp_numpy.exchange.model_file import TrainedModel, load_model, save_model

__all__ = ["TrainedModel", "load_model", "save_model"]
