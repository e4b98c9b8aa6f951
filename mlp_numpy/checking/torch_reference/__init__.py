"""PyTorch's own version of every module, as one call of its library on tensors. PyTorch comes with an extra."""

from mlp_numpy.checking.torch_reference import layers, losses
from mlp_numpy.checking.torch_reference.twin import Tensor, TorchReference, pytorch

__all__ = ["Tensor", "TorchReference", "layers", "losses", "pytorch"]
