"""The table of specs, one per module class. Adding a spec here makes a new module audited and tested."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.specs.activations import ACTIVATIONS
from mlp_numpy.checking.specs.images import IMAGES
from mlp_numpy.checking.specs.layers import LAYERS
from mlp_numpy.checking.specs.losses import LOSSES
from mlp_numpy.checking.specs.nets import NETS
from mlp_numpy.checking.specs.normalization import NORMALIZATION
from mlp_numpy.checking.specs.pools import POOLS
from mlp_numpy.checking.specs.rectifiers import RECTIFIERS
from mlp_numpy.checking.specs.spec import Spec, Tensor
from mlp_numpy.errors import OptionError
from mlp_numpy.modules import Module, Residual

SPECS: Final[tuple[Spec, ...]] = (*LAYERS, *NORMALIZATION, *RECTIFIERS, *ACTIVATIONS, *IMAGES, *POOLS, *LOSSES, *NETS)

_SPEC_OF: Final = {spec.module: spec for spec in SPECS}


def reference_forward(
    module: Module, params: dict[str, TensorNode], x: TensorNode, y: Any = None, **options: Any
) -> TensorNode:
    """A module's forward on nodes, from elementary formulas; ``params`` named as in ``module.named_parameters()``.

    Raises OptionError for a module that has no reference.
    """

    def apply(layer: Module, prefix: str, x: Any) -> Any:
        reference = _spec_of(layer).reference
        if reference is None:
            raise OptionError(f"audit: {layer!r} must have a reference in its spec, found none.")
        own = [params[f"{prefix}{name}"] for name in layer.params]
        return reference(layer, own, x, *([] if y is None else [y]), **options)

    out: TensorNode = _through(module, "", x, apply)
    return out


def in_torch(
    torch: Any, module: Module, params: dict[str, Tensor], x: Tensor, y: Tensor | None = None, **options: Any
) -> Tensor:
    """PyTorch's version of a module applied to tensors; ``params`` named as in ``module.named_parameters()``.

    Raises OptionError for a module that PyTorch does not have.
    """

    def apply(layer: Module, prefix: str, x: Any) -> Any:
        version = _spec_of(layer).torch
        if version is None:
            raise OptionError(f"audit: {layer!r} must have PyTorch's version in its spec, found none.")
        own = [params[f"{prefix}{name}"] for name in layer.params]
        return version(torch, layer, own, x, *([] if y is None else [y]), **options)

    return _through(module, "", x, apply)


def has_torch(module: Module) -> bool:
    """True if PyTorch has every layer of the module."""
    return all(_spec_of(layer).torch is not None for _, layer in module.leaves())


def wrong_shapes(module: Module) -> list[tuple[int, ...]]:
    """Shapes of x that a module must refuse: those of its spec, or of the first module that it is made of."""
    first = next(iter(module.children().values()), None)
    return _spec_of(module).wrong_shapes(module) or (wrong_shapes(first) if first else [])


def rows_interact(module: Module) -> bool:
    """Whether what a module makes of a row depends on the batch around it, in one of its layers."""
    return any(_spec_of(layer).rows_interact(layer) for _, layer in module.leaves())


def _through(module: Module, prefix: str, x: Any, apply: Callable[[Module, str, Any], Any]) -> Any:
    """Apply the layers of a module in order, each by ``apply(layer, prefix of its parameters' names, x)``."""
    if not module.children():
        return apply(module, prefix, x)
    out = x
    for name, child in module.children().items():
        out = _through(child, f"{prefix}{name}.", out, apply)
    return x + out if isinstance(module, Residual) else out


def _spec_of(layer: Module) -> Spec:
    if type(layer) not in _SPEC_OF:
        raise OptionError(f"audit: {type(layer).__name__} must have a spec in checking.specs, found none.")
    return _SPEC_OF[type(layer)]
