"""A row of the audit's table: one kind of module, how to draw it, and what it must equal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from mlp_numpy.checking.reference import Composition
from mlp_numpy.checking.sampler import Sample, Sampler
from mlp_numpy.checking.torch_reference import TorchReference
from mlp_numpy.modules import Module

Mode: TypeAlias = Literal["train", "eval"]
Draw: TypeAlias = Callable[[Sampler, str], Sample]
"""(draws, variant) → a module with a batch."""


@dataclass(frozen=True)
class Spec:
    """A kind of module under audit.

    draw          a module of it with a batch: (draws, variant) → Sample
    composition   its forward from elementary formulas; None for one made of other modules, which have theirs
    twin          PyTorch's version of it; None for one made of other modules, or unknown to PyTorch
    variants      settings that are audited each by itself, such as the reductions of a loss
    modes         both, where training and evaluation are different formulas
    """

    name: str
    module: type[Module]
    draw: Draw
    composition: Composition | None = None
    twin: TorchReference | None = None
    variants: tuple[str, ...] = ("",)
    modes: tuple[Mode, ...] = ("train",)

    def lines(self) -> Iterator[tuple[str, Mode]]:
        """Every variant in every mode."""
        return ((variant, mode) for variant in self.variants for mode in self.modes)

    def title(self, variant: str, mode: Mode) -> str:
        """What a line of the table is called."""
        parts = [self.name, *([variant] if variant else []), *([mode] if len(self.modes) > 1 else [])]
        return ", ".join(parts)

    def sample(self, seed: int, case: int, variant: str, mode: Mode) -> Sample:
        """Case number ``case`` below ``seed``: always the same one."""
        rng = np.random.default_rng([seed, case, *f"{self.name} {variant} {mode}".encode()])
        sample = self.draw(Sampler(rng, case), variant)
        sample.module.train(mode == "train")
        return sample
