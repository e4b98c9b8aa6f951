"""A spec: one kind of module with all that is known of it besides its own code, for the audit and the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from mlp_numpy.autodiff import TensorNode
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.modules import Module

Mode: TypeAlias = Literal["train", "eval"]
Draw: TypeAlias = Callable[[Sampler, str], Sample]
"""(sampler, variant) → a module with a batch."""

Params: TypeAlias = Sequence[TensorNode]
Reference: TypeAlias = Callable[..., TensorNode]
"""(module, params, x), for a loss (module, params, x, y, **options) → out: the forward from elementary formulas on the
tape, as plain as it can be, nothing stabilized, nothing rearranged. The elementary formulas are checked numerically; a
fused one must have the derivative that the tape finds for its reference. ``params`` are nodes in the order of
``module.params``, ``options`` further keywords of the loss's forward."""

Tensor: TypeAlias = Any
"""A ``torch.Tensor``; the type is not known without the extra."""
TorchReference: TypeAlias = Callable[..., Tensor]
"""(torch, module, params, x), for a loss (torch, module, params, x, y, **options) → out, by PyTorch's own functions."""

Shapes: TypeAlias = list[tuple[int, ...]]


def _none(module: Module) -> Shapes:
    return []


def _never(module: Module) -> bool:
    return False


@dataclass(frozen=True)
class Spec:
    """One kind of module.

    draw        a module of it with a batch: (sampler, variant) → Sample
    reference   its forward from elementary formulas; None for one made of other modules, which have theirs
    torch       PyTorch's version of it; None for one made of other modules, or unknown to PyTorch
    variants    settings that are audited each by itself, such as the reductions of a loss
    modes       both, where training and evaluation are different formulas
    wrong_shapes    module → shapes of x that it must refuse; none where every batch of at least one row will do, and
                    for one made of other modules that refuses what the first of them does
    rows_interact   module → whether what it makes of a row depends on the batch around it, or on its place there
    """

    name: str
    module: type[Module]
    draw: Draw
    reference: Reference | None = None
    torch: TorchReference | None = None
    variants: tuple[str, ...] = ("",)
    modes: tuple[Mode, ...] = ("train",)
    wrong_shapes: Callable[[Any], Shapes] = _none
    rows_interact: Callable[[Any], bool] = _never

    def lines(self) -> Iterator[tuple[str, Mode]]:
        """Every variant in every mode."""
        return ((variant, mode) for variant in self.variants for mode in self.modes)

    def title(self, variant: str, mode: Mode) -> str:
        """The name of a line of the audit's table."""
        parts = [self.name, *([variant] if variant else []), *([mode] if len(self.modes) > 1 else [])]
        return ", ".join(parts)

    def sample(self, seed: int, case: int, variant: str, mode: Mode, n_rows: int | None = None) -> Sample:
        """Case number ``case`` below ``seed``: always the same one; with so many rows where ``n_rows`` is given."""
        rng = np.random.default_rng([seed, case, *f"{self.name} {variant} {mode}".encode()])
        sample = self.draw(Sampler(rng, case, n_rows), variant)
        sample.module.train(mode == "train")
        return sample


def functional(name: str, arguments: Callable[[Any], dict[str, Any]] | None = None) -> TorchReference:
    """A function of ``torch.nn.functional`` on x and the parameters; ``arguments`` reads its keywords off a module."""

    def in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
        keywords = {} if arguments is None else arguments(module)
        return getattr(torch.nn.functional, name)(x, *params, **keywords)

    return in_torch


def no_rows_of(n: int) -> Shapes:
    """Shapes of what is no batch (N, n)."""
    return [(n,), (2, n + 1), (2, 0), (2, 3, n + 1)]
