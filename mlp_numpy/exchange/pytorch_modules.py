"""Networks as modules of PyTorch: the counterpart of every module, with the same weights under the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from mlp_numpy.checks import instance
from mlp_numpy.errors import ExtraMissingError, OptionError
from mlp_numpy.exchange.pytorch_weights import pytorch_state
from mlp_numpy.models import Network
from mlp_numpy.modules import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    Dropout,
    ELUModule,
    FlattenModule,
    GELUModule,
    GroupNorm,
    HardswishModule,
    HardtanhModule,
    IdentityModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    LossModule,
    MaxPool2dModule,
    MishModule,
    Module,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    Residual,
    RMSNorm,
    SELUModule,
    Sequential,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    TapeModule,
    UnflattenModule,
)


def to_pytorch(model: Module) -> Any:
    """A torch.nn.Sequential of the same layers with the same weights, names, mode and dtype; a Residual is one with a
    shortcut. It takes rows where a Network also takes images.

    Raises ExtraMissingError without PyTorch, OptionError for a module without a counterpart in ``IN_PYTORCH``.
    """
    instance("to_pytorch", "model", model, Module)
    try:
        # an optional extra of several hundred megabytes
        import torch
    except Exception as error:
        raise ExtraMissingError(
            f"to_pytorch: PyTorch must be installed, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[parity]'. pytorch_state needs no PyTorch."
        ) from error
    network = _in_torch(torch, model, _ranks(model))
    state = {name: torch.from_numpy(np.array(array, order="C")) for name, array in pytorch_state(model).items()}
    dtypes = {array.dtype for array in state.values() if array.is_floating_point()}
    for dtype in dtypes:
        network.to(dtype)
    network.load_state_dict(state)
    return network.train(model.training)


def _ranks(model: Module) -> dict[int, int]:
    """The number of dimensions of the input of each batch norm, by its id, from the nearest layer that has a fixed one;
    0 if there is none."""
    leaves = [leaf for _, leaf in model.leaves()]
    found = {}
    for position, leaf in enumerate(leaves):
        if isinstance(leaf, BatchNorm):
            before = [_RANK_AFTER[type(other)] for other in leaves[:position] if type(other) in _RANK_AFTER]
            behind = [_RANK_BEFORE[type(other)] for other in leaves[position:] if type(other) in _RANK_BEFORE]
            found[id(leaf)] = [*before[-1:], *behind[:1], 0][0]
    return found


_RANK_BEFORE: Final[dict[type[Module], int]] = {
    **dict.fromkeys((Conv2dModule, MaxPool2dModule, AvgPool2dModule, AdaptiveAvgPool2dModule, FlattenModule), 4),
    **dict.fromkeys((LinearModule, UnflattenModule, SoftMaxModule, LogSoftMaxModule), 2),
}
"""The number of dimensions that a layer usually takes."""
_RANK_AFTER: Final = _RANK_BEFORE | {FlattenModule: 2, UnflattenModule: 4}
"""The number of dimensions that it returns."""


def _in_torch(torch: Any, module: Module, ranks: Mapping[int, int]) -> Any:
    if isinstance(module, Sequential) and type(module).forward in _SEQUENCES:
        children = [_in_torch(torch, child, ranks) for child in module]
        return (_residual(torch) if isinstance(module, Residual) else torch.nn.Sequential)(*children)
    if type(module) is BatchNorm:
        kinds = {2: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}
        kind = kinds.get(ranks[id(module)]) or _any_batch_norm(torch)
        return kind(
            *(module.n_features, module.eps, module.momentum),
            affine=module.affine,
            track_running_stats=module.running,
        )
    if type(module) in IN_PYTORCH:
        return IN_PYTORCH[type(module)](torch.nn, module)
    reason = next((why for base, why in _WITHOUT.items() if isinstance(module, base)), "a module of your own")
    raise OptionError(
        f"to_pytorch: every module must have a counterpart in PyTorch, got {module!r}, {reason}. "
        "Hint: pytorch_state gives the weights of any network."
    )


_SEQUENCES: Final = (Sequential.forward, Residual.forward, Network.forward)
"""The forwards of sequences without code of their own."""


# The classes below are made of a torch that is known at run time alone; so their bases have no types.


def _any_batch_norm(torch: Any) -> Any:
    class AnyBatchNorm(torch.nn.modules.batchnorm._BatchNorm):  # type: ignore[misc]
        """BatchNorm1d and BatchNorm2d: a batch norm of rows or of images."""

        def _check_input_dim(self, x: Any) -> None:
            pass

    return AnyBatchNorm


def _residual(torch: Any) -> Any:
    class ResidualSequential(torch.nn.Sequential):  # type: ignore[misc]
        """x + f(x)."""

        def forward(self, x: Any) -> Any:
            return x + super().forward(x)

    return ResidualSequential


def _scaled_relu(nn: Any, module: ReLUModule) -> Any:
    if module.scale == 1:
        return nn.ReLU()

    class ScaledReLU(nn.ReLU):  # type: ignore[misc]
        """c max(0, x)."""

        def forward(self, x: Any) -> Any:
            return module.scale * super().forward(x)

    return ScaledReLU()


def _conv(nn: Any, module: Conv2dModule) -> Any:
    over = module.windows
    return nn.Conv2d(
        *(module.in_channels, module.out_channels, over.kernel, over.stride),
        padding="same" if over.surplus != (0, 0) else over.padding,
        dilation=over.dilation,
        groups=module.groups,
        bias=module.bias,
    )


def _max_pool(nn: Any, module: MaxPool2dModule) -> Any:
    over = module.windows
    return nn.MaxPool2d(over.kernel, over.stride, over.padding, over.dilation, ceil_mode=over.ceil)


def _avg_pool(nn: Any, module: AvgPool2dModule) -> Any:
    over = module.windows
    return nn.AvgPool2d(over.kernel, over.stride, over.padding, over.ceil, module.count_include_pad)


IN_PYTORCH: Final[dict[type[Module], Callable[[Any, Any], Any]]] = {
    LinearModule: lambda nn, module: nn.Linear(module.in_features, module.out_features, bias=module.bias),
    Conv2dModule: _conv,
    MaxPool2dModule: _max_pool,
    AvgPool2dModule: _avg_pool,
    AdaptiveAvgPool2dModule: lambda nn, module: nn.AdaptiveAvgPool2d(module.output_size),
    LayerNorm: lambda nn, module: nn.LayerNorm(
        module.n_features, module.eps, elementwise_affine=module.elementwise_affine, bias=module.bias
    ),
    GroupNorm: lambda nn, module: nn.GroupNorm(module.n_groups, module.n_features, module.eps, affine=module.affine),
    RMSNorm: lambda nn, module: nn.RMSNorm(module.n_features, module.eps, elementwise_affine=module.elementwise_affine),
    Dropout: lambda nn, module: nn.Dropout(module.p),
    FlattenModule: lambda nn, module: nn.Flatten(),
    UnflattenModule: lambda nn, module: nn.Unflatten(1, module.shape),
    IdentityModule: lambda nn, module: nn.Identity(),
    ReLUModule: _scaled_relu,
    LeakyReLUModule: lambda nn, module: nn.LeakyReLU(module.neg_slope),
    PReLUModule: lambda nn, module: nn.PReLU(module.params["slope"].size),
    ELUModule: lambda nn, module: nn.ELU(module.alpha),
    SELUModule: lambda nn, module: nn.SELU(),
    SiLUModule: lambda nn, module: nn.SiLU(),
    MishModule: lambda nn, module: nn.Mish(),
    HardtanhModule: lambda nn, module: nn.Hardtanh(module.min_val, module.max_val),
    ReLU6Module: lambda nn, module: nn.ReLU6(),
    HardswishModule: lambda nn, module: nn.Hardswish(),
    SoftplusModule: lambda nn, module: nn.Softplus(module.beta, threshold=float("inf")),
    GELUModule: lambda nn, module: nn.GELU(module.approximate),
    SigmoidModule: lambda nn, module: nn.Sigmoid(),
    TanhModule: lambda nn, module: nn.Tanh(),
    LogSigmoidModule: lambda nn, module: nn.LogSigmoid(),
    SoftMaxModule: lambda nn, module: nn.Softmax(dim=module.axis),
    LogSoftMaxModule: lambda nn, module: nn.LogSoftmax(dim=module.axis),
}
"""The counterpart in ``torch.nn`` of each class, besides BatchNorm and the sequences."""

_WITHOUT: Final[dict[type[Module], str]] = {
    TapeModule: "a tape",
    LossModule: "a loss",
}
