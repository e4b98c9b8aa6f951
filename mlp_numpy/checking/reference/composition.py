"""What a composition is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from mlp_numpy.autodiff import TensorNode

Composition: TypeAlias = Callable[..., TensorNode]
"""(module, params, x), for a loss (module, params, x, y, **options) → out: ``params`` are nodes in the order of
``module.params``, ``options`` further keywords of the loss's forward."""

Params: TypeAlias = Sequence[TensorNode]
