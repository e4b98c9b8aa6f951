"""Tape networks, trained as in vugrad: automatic differentiation, with the loss summed over a batch.

    x (N, D) → Linear(D → 4·D) → f → [Linear(4·D → 4·D) → g (+ its input)] → Linear(4·D → classes), log-softmax

Pixels from 0 to 255, batches in stored order, plain SGD in float64, the last training examples held out.

Reference: the network of "Assignment 2" (Vannucci), question 9, and of "Submission Assignment 2" (Gil Álamo), questions
9 and 10, both with vugrad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np

import mlp_numpy.autodiff as vg
from mlp_numpy.arrays import stream
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.splitting import hold_out
from mlp_numpy.errors import DataError
from mlp_numpy.modules import SoftMaxCrossEntropyModule, TapeModule
from mlp_numpy.optim import SGD, FlatParameters
from mlp_numpy.training import Trainer

# In float32 these saturated networks multiply denormal numbers, which are slow on most processors.
DTYPE: Final = np.float64


@dataclass(frozen=True)
class TapeSettings:
    """The settings varied in the experiments.

    activation, second    f and g
    multiple   hidden units, as a multiple of the inputs
    extra      one more hidden layer
    residual   the same, with its input added to its output
    init       glorot, zero, or normal with standard deviation 1
    validation, dataset   number of held-out examples and data set
    """

    activation: str = "sigmoid"
    second: str = "sigmoid"
    lr: float = 1e-4
    epochs: int = 20
    batch: int = 128
    multiple: float = 4.0
    extra: bool = False
    residual: bool = False
    momentum: float = 0.0
    init: str = "glorot"
    validation: int = 5000
    dataset: str = "mnist"

    @classmethod
    def parsed(cls, who: str, texts: Mapping[str, Any]) -> TapeSettings:
        """Parse settings from strings. Raises DataError for invalid ones."""
        types = {field.name: str(field.type) for field in fields(cls)}
        try:
            settings = cls(**{name: _READERS[types[name]](text) for name, text in texts.items()})
        except (KeyError, ValueError) as error:
            raise DataError(f"{who}: settings must be those of a tape network, got {error}.") from error
        starts = ("glorot", "zero", "normal")
        for name, known in (("activation", ACTIVATION_OPS), ("second", ACTIVATION_OPS), ("init", starts)):
            if getattr(settings, name) not in known:
                raise DataError(f"{who}: {name} must be one of {', '.join(known)}.")
        return settings


class TapeMLP(vg.Module):
    """The network of these experiments, with ``n_inputs`` inputs and ``n_classes`` classes."""

    def __init__(self, settings: TapeSettings, n_inputs: int, n_classes: int, seed: int) -> None:
        rng, hidden = stream(seed, "weights"), max(1, round(settings.multiple * n_inputs))
        sizes = [n_inputs, hidden, *([hidden] if settings.extra or settings.residual else []), n_classes]
        self.layers = [vg.Linear(*pair, rng=rng, dtype=DTYPE) for pair in zip(sizes[:-1], sizes[1:], strict=True)]
        self.activation, self.second = ACTIVATION_OPS[settings.activation], ACTIVATION_OPS[settings.second]
        self.residual = settings.residual
        for layer in self.layers:
            if settings.init == "zero":
                layer.w.value[...] = 0
            elif settings.init == "normal":
                layer.w.value[...] = rng.normal(size=layer.w.shape)

    def forward(self, x: vg.TensorNode) -> vg.TensorNode:
        """The scores of a batch."""
        first, *middle, last = self.layers
        hidden = self.activation(first(x))
        for layer in middle:
            out = self.second(layer(hidden))
            hidden = out + hidden if self.residual else out
        scores: vg.TensorNode = last(hidden)
        return scores


def node_trainer(settings: TapeSettings, seed: int, data_dir: str | Path, *, download: bool) -> Trainer:
    """The training of such a network, evaluated after every epoch on the held-out examples."""
    dataset = load_dataset(settings.dataset, data_dir, download=download).dataset
    train, held_out = hold_out(dataset.train, settings.validation, "last")
    net = TapeMLP(settings, dataset.n_features, dataset.n_classes, seed)
    batches = Batches(
        train,
        settings.batch,
        Preprocessing.fit("raw", train.images, dataset.image_shape, DTYPE),
        seed=seed,
        shuffle=False,
        dtype=DTYPE,
    )
    optimizer = SGD(FlatParameters(net), settings.lr, momentum=settings.momentum)
    loss = SoftMaxCrossEntropyModule("sum")
    model = TapeModule(net, input_layer=True)
    return Trainer(model, loss, optimizer, batches, held_out, eval_every=batches.steps_per_epoch, max_growth=1e9)


ACTIVATION_OPS: Final = {"relu": vg.relu, "sigmoid": vg.sigmoid}
_TRUTH: Final = {"true": True, "false": False}
_READERS: Final[dict[str, Any]] = {"str": str, "int": int, "float": float, "bool": lambda text: _TRUTH[text]}
