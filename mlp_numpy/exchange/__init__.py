"""Models in and out: model files, ONNX, and weights from and for PyTorch."""

from mlp_numpy.exchange.model_file import TrainedModel, load_model, save_model
from mlp_numpy.exchange.onnx_export import export_onnx
from mlp_numpy.exchange.onnx_import import import_onnx
from mlp_numpy.exchange.pytorch_modules import to_pytorch
from mlp_numpy.exchange.pytorch_weights import load_pytorch, pytorch_state

__all__ = [
    "TrainedModel",
    "export_onnx",
    "import_onnx",
    "load_model",
    "load_pytorch",
    "pytorch_state",
    "save_model",
    "to_pytorch",
]
