"""A spec: the description of one module class for the audit and the tests, independent of its own code."""

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
"""(module, params, x), for a loss (module, params, x, y, **options) → out: the forward composed of elementary formulas
on the tape, in the plainest form, without stabilization or rearrangement. The elementary formulas are checked
numerically; a fused formula must have the derivative that the tape computes for its reference. ``params`` are nodes in
the order of ``module.params``, ``options`` further keyword arguments of the loss's forward."""

Tensor: TypeAlias = Any
"""A ``torch.Tensor``; the type is unavailable without the extra."""
TorchReference: TypeAlias = Callable[..., Tensor]
"""(torch, module, params, x), for a loss (torch, module, params, x, y, **options) → out, by PyTorch's own functions."""


@dataclass(frozen=True)
class Spec:
    """The spec of one module class.

    draw        (sampler, variant) → Sample: a module with a batch
    reference   its forward from elementary formulas; None for a module composed of others
    torch       PyTorch's version of it; None for a module composed of others, or missing in PyTorch
    variants    settings that are audited separately, such as the reductions of a loss
    modes       both, if training and evaluation are different formulas
    """

    name: str
    module: type[Module]
    draw: Draw
    reference: Reference | None = None
    torch: TorchReference | None = None
    variants: tuple[str, ...] = ("",)
    modes: tuple[Mode, ...] = ("train",)

    def lines(self) -> Iterator[tuple[str, Mode]]:
        """Every variant in every mode."""
        return ((variant, mode) for variant in self.variants for mode in self.modes)

    def title(self, variant: str, mode: Mode) -> str:
        """The name of a line of the audit's table."""
        parts = [self.name, *([variant] if variant else []), *([mode] if len(self.modes) > 1 else [])]
        return ", ".join(parts)

    def sample(self, seed: int, case: int, variant: str, mode: Mode) -> Sample:
        """Case number ``case`` of ``seed``; reproducible."""
        rng = np.random.default_rng([seed, case, *f"{self.name} {variant} {mode}".encode()])
        sample = self.draw(Sampler(rng, case), variant)
        sample.module.train(mode == "train")
        return sample


def functional(name: str, arguments: Callable[[Any], dict[str, Any]] | None = None) -> TorchReference:
    """A function of ``torch.nn.functional`` on x and the parameters; ``arguments`` gives its keywords for a module."""

    def in_torch(torch: Any, module: Any, params: Sequence[Tensor], x: Tensor) -> Tensor:
        keywords = {} if arguments is None else arguments(module)
        return getattr(torch.nn.functional, name)(x, *params, **keywords)

    return in_torch
