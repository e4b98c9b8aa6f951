"""Layers and activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from mlp_numpy.checking.torch_reference.twin import Tensor, TorchReference


def functional(name: str, arguments: Callable[[Any], dict[str, Any]] | None = None) -> TorchReference:
    """A function of ``torch.nn.functional`` on x and the parameters; ``arguments`` reads its keywords off a module."""

    def twin(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
        keywords = {} if arguments is None else arguments(module)
        return getattr(torch.nn.functional, name)(x, *params, **keywords)

    return twin


def relu(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """c max(0, x)"""
    return module.scale * torch.nn.functional.relu(x)


def identity(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """x"""
    return torch.nn.Identity()(x) * 1


def batch_norm(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """γ (x − μ) / √(σ² + ε) + β"""
    if module.training or not module.running:
        # torch.nn.functional refuses a single value a channel; the function below it does not.
        return torch.native_batch_norm(x, *params, None, None, True, module.momentum, module.eps)[0]
    mean, variance = (torch.tensor(module.buffers[f"running_{name}"]) for name in ("mean", "variance"))
    return torch.nn.functional.batch_norm(x, mean, variance, *params, eps=module.eps)


def layer_norm(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """The same over the features of each row"""
    return torch.nn.functional.layer_norm(x, (module.n_features,), *params, module.eps)


def dropout(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """m ⊙ x / (1 − p); its masks are not PyTorch's, so that this is a product with our own"""
    if not module.training:
        return x + 0.0
    return x * torch.tensor(module.mask(int(module.buffers["step"]) - 1, tuple(x.shape))) / (1 - module.p)


def flatten(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Images to rows"""
    return x.flatten(1)


def unflatten(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """Rows to images"""
    return x.unflatten(1, module.shape)


def conv(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
    """b + Σ W ⊙ window"""
    weight, *bias = params
    over = module.windows
    return torch.nn.functional.conv2d(x, weight, *(bias or [None]), over.stride, over.padding)


def pool(name: str) -> TorchReference:
    """The pool of this name in ``torch.nn.functional``."""

    def twin(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
        over = module.windows
        return getattr(torch.nn.functional, name)(x, over.kernel, over.stride, over.padding)

    return twin
