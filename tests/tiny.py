"""A data set of a few hundred tiny images, drawn in a millisecond, that a small network learns quickly."""

from __future__ import annotations

import numpy as np

from mlp_numpy import LinearModule
from mlp_numpy.data.dataset import Dataset, Split

SHAPE = (3, 4, 4)


def tiny(n_train: int = 300, n_test: int = 100, n_classes: int = 4) -> Dataset:
    """Noisy copies of one random image a class."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(40, 216, (n_classes, 48))

    def split(n: int) -> Split:
        labels = rng.integers(n_classes, size=n)
        noise = rng.normal(0, 25, (n, 48))
        return Split(np.clip(patterns[labels] + noise, 0, 255).astype(np.uint8), labels)

    names = tuple(f"class {i}" for i in range(n_classes))
    return Dataset("tiny", split(n_train), split(n_test), SHAPE, names, "drawn for a test")


def small_net(input_shape: tuple[int, int, int], n_outputs: int) -> LinearModule:
    """A builder for OwnNet."""
    return LinearModule(int(np.prod(input_shape)), n_outputs, rng=0)
