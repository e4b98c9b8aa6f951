"""Trains the same nets here and in PyTorch, and measures how far they drift apart.

Both start from the same weights and see the same batches, in float64, with plain SGD. Only the order of summation
differs, about 1e-16 per step; a formula that differs from PyTorch's shows within a step or two.

    |Δloss|    of each batch
    |Δw|       the largest over all parameters, after each update
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from threadpoolctl import threadpool_limits

from mlp_numpy.arrays import Array, stream
from mlp_numpy.checking import in_torch
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.models import MLP
from mlp_numpy.modules import (
    BatchNorm,
    Conv2dModule,
    FlattenModule,
    LinearModule,
    LossModule,
    MaxPool2dModule,
    ReLUModule,
    Sequential,
    Sharded,
    SoftMaxCrossEntropyModule,
    UnflattenModule,
    kaiming,
)
from mlp_numpy.optim import SGD, FlatParameters

_CLASSES: Final = 10


@dataclass(frozen=True)
class ParityNet:
    """A net to train on both sides.

    make      generator → the net up to its scores
    shape     shape of one input
    lr        learning rate
    bound     upper bound of |Δloss| and |Δw|
    """

    name: str
    make: Callable[[np.random.Generator], Sequential]
    shape: tuple[int, ...]
    lr: float = 0.05
    bound: float = 1e-12


def _mlp(*sizes: int) -> Callable[[np.random.Generator], Sequential]:
    n_inputs, *hidden = sizes
    return lambda rng: MLP(n_inputs, hidden, _CLASSES, init=kaiming(0.02), rng=rng).logits


def _mlp_with_batch_norm(rng: np.random.Generator) -> Sequential:
    return MLP(192, [64, 48], _CLASSES, batch_norm=True, init=kaiming(0.02), rng=rng).logits


def _cnn(rng: np.random.Generator) -> Sequential:
    return Sequential(
        UnflattenModule(3, 8, 8),
        Conv2dModule(3, 8, 3, padding=1, bias=False, rng=rng),
        BatchNorm(8),
        ReLUModule(),
        MaxPool2dModule(3, stride=2, padding=1),
        Conv2dModule(8, 16, 3, rng=rng),
        ReLUModule(),
        FlattenModule(),
        LinearModule(64, _CLASSES, init=kaiming(), rng=rng),
    )


PARITY_NETS: Final = (
    ParityNet("logistic regression 192-10", _mlp(192), (192,)),
    ParityNet("MLP 768-100-10", _mlp(768, 100), (768,), 0.02),
    ParityNet("deep MLP 192-64-56-48-40-32-10", _mlp(192, 64, 56, 48, 40, 32), (192,)),
    ParityNet("MLP with batch norm 192-64-48-10", _mlp_with_batch_norm, (192,), bound=1e-10),
    ParityNet("CNN 8-16 with batch norm, 3 x 8 x 8", _cnn, (192,), bound=1e-10),
)


@dataclass
class Parity:
    """The result for one net: both differences by step, and the loss of the last batch."""

    name: str
    bound: float
    loss_differences: list[float] = field(default_factory=list)
    weight_differences: list[float] = field(default_factory=list)
    last_loss: float = np.nan

    @property
    def holds(self) -> bool:
        """True if every difference stayed below the bound."""
        return all(difference <= self.bound for difference in [*self.loss_differences, *self.weight_differences])

    def as_json(self) -> dict[str, Any]:
        """The differences in JSON types."""
        return {
            "net": self.name,
            "bound": self.bound,
            "holds": self.holds,
            "loss differences": self.loss_differences,
            "weight differences": self.weight_differences,
            "last loss": self.last_loss,
        }


def train_side_by_side(
    torch: Any, net: ParityNet, steps: int = 1000, batch: int = 32, seed: int = 0, shards: int = 1
) -> Iterator[tuple[int, Parity]]:
    """Train ``net`` on both sides, here in ``shards``; yields each step number with the results so far, always the same
    object.

    Raises OptionError for less than one step or example, NonFiniteError if the loss is not finite.
    """
    if steps < 1 or batch < 1 or seed < 0:
        raise OptionError(f"parity: steps and batch must be ≥ 1 and seed ≥ 0, got {steps}, {batch} and {seed}.")
    # NumPy and PyTorch each have a thread pool, which would wait for each other: one thread per side is faster.
    with threadpool_limits(1):
        yield from _steps(torch, net, steps, batch, seed, shards)


def _steps(torch: Any, net: ParityNet, steps: int, batch: int, seed: int, shards: int) -> Iterator[tuple[int, Parity]]:
    ours = net.make(stream(seed, f"{net.name}, weights"))
    engine = Sharded(ours, shards)
    loss: LossModule = SoftMaxCrossEntropyModule()
    flat = FlatParameters(ours)
    optimizer = SGD(flat, net.lr)
    theirs = {name: torch.tensor(np.array(array.value), requires_grad=True) for name, array in ours.named_parameters()}
    their_optimizer = torch.optim.SGD(theirs.values(), lr=net.lr)
    parity = Parity(net.name, net.bound)
    for step, (x, y) in enumerate(_batches(net, steps, batch, seed), start=1):
        value = float(loss.forward(engine.forward(x), y))
        engine.backward(loss.backward())
        optimizer.step()

        their_optimizer.zero_grad()
        their_loss = in_torch(torch, loss, {}, in_torch(torch, ours, theirs, torch.tensor(x)), torch.tensor(y))
        their_loss.backward()
        their_optimizer.step()

        if not np.isfinite(value):
            raise NonFiniteError(f"parity: the loss of {net.name} must stay finite, got {value} at step {step}.")
        parity.last_loss = value
        parity.loss_differences.append(abs(value - their_loss.item()))
        pairs = [(array.value, theirs[name].detach().numpy()) for name, array in ours.named_parameters()]
        differences = [abs(one - other).max() for one, other in pairs]
        parity.weight_differences.append(float(np.max(differences)))  # np.max returns NaN if there is one
        yield step, parity


def _batches(net: ParityNet, steps: int, batch: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """Noisy copies of one pattern per class: a learnable task that takes more than a few steps."""
    rng = stream(seed, f"{net.name}, batches")
    patterns = rng.normal(size=(_CLASSES, *net.shape))
    for _ in range(steps):
        y = rng.integers(_CLASSES, size=batch)
        yield 0.3 * patterns[y] + rng.normal(size=(batch, *net.shape)), y


def parity_table(found: list[Parity]) -> str:
    """One line per net: its differences after the first and the last step, and the largest."""
    width = max(len(parity.name) for parity in found)
    head = f"{'':<{width}}  steps  last loss  |Δloss| largest  |Δw| step 1  |Δw| last  |Δw| largest  must stay below"
    rows = [
        f"{parity.name:<{width}}  {len(parity.loss_differences):>5}  {parity.last_loss:>9.4f}"
        f"  {max(parity.loss_differences):>15.1e}  {parity.weight_differences[0]:>11.1e}"
        f"  {parity.weight_differences[-1]:>9.1e}  {max(parity.weight_differences):>12.1e}  {parity.bound:>15.0e}"
        + ("" if parity.holds else "  EXCEEDED")
        for parity in found
    ]
    return "\n".join([head, *rows])
