"""Exercises about activations and losses."""

from __future__ import annotations

from typing import Final

from mlp_numpy.arrays import one_hot
from mlp_numpy.checking.sampler import Sampler
from mlp_numpy.explain.example import DOUT, X
from mlp_numpy.learn.exercise import Arguments, Exercise
from mlp_numpy.learn.lessons.dense import batch
from mlp_numpy.modules import (
    CrossEntropyModule,
    LeakyReLUModule,
    MSEModule,
    ReLUModule,
    SigmoidModule,
    SoftMaxCrossEntropyModule,
    SoftMaxModule,
    TanhModule,
)

_LABELS: Final = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def _leaky(draws: Sampler) -> Arguments:
    return batch(draws) | {"alpha": float(draws.rng.choice([0.01, 0.125, 0.25]))}


def _probabilities(draws: Sampler) -> Arguments:
    n, c = draws.shape(2)
    return {"p": draws.probabilities(n, c), "y": one_hot(draws.rng.integers(c, size=n), c)}


def _scores(draws: Sampler) -> Arguments:
    n, c = draws.shape(2)
    return {"x": draws.numbers(n, c), "y": one_hot(draws.rng.integers(c, size=n), c)}


def _targets(draws: Sampler) -> Arguments:
    n, d = draws.shape(2)
    return {"x": draws.numbers(n, d), "y": draws.numbers(n, d)}


ACTIVATION_LESSONS: Final = (
    Exercise("relu", "ReLU", {"x": "x"}, {"x": X}, DOUT, batch, lambda given: ReLUModule()),
    Exercise(
        "leaky_relu",
        "LeakyReLU",
        {"x": "x"},
        {"x": X, "alpha": 0.1},
        DOUT,
        _leaky,
        lambda given: LeakyReLUModule(given["alpha"]),
    ),
    Exercise("sigmoid", "sigmoid", {"x": "x"}, {"x": X}, DOUT, batch, lambda given: SigmoidModule()),
    Exercise("tanh", "tanh", {"x": "x"}, {"x": X}, DOUT, batch, lambda given: TanhModule()),
    Exercise("softmax", "softmax", {"x": "x"}, {"x": X}, DOUT, batch, lambda given: SoftMaxModule()),
)

LOSS_LESSONS: Final = (
    Exercise(
        "cross_entropy",
        "cross-entropy of probabilities",
        {"p": "x"},
        {"p": [[0.5, 0.25, 0.25], [0.125, 0.75, 0.125]], "y": _LABELS},
        1.0,
        _probabilities,
        lambda given: CrossEntropyModule(),
    ),
    Exercise(
        "softmax_cross_entropy",
        "softmax and cross-entropy in one",
        {"x": "x"},
        {"x": X, "y": _LABELS},
        1.0,
        _scores,
        lambda given: SoftMaxCrossEntropyModule(),
    ),
    Exercise(
        "mse",
        "mean squared error",
        {"x": "x"},
        {"x": X, "y": [[1.0, 0.0, 1.0], [2.0, 2.0, -1.0]]},
        1.0,
        _targets,
        lambda given: MSEModule(),
    ),
)
