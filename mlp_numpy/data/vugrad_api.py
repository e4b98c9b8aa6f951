"""The data loaders of vugrad: two pairs of arrays, and the number of classes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

from mlp_numpy.arrays import Array
from mlp_numpy.data.sources import load_dataset
from mlp_numpy.data.synthetic import ellipse
from mlp_numpy.errors import OptionError

Pairs: TypeAlias = tuple[tuple[Array, Array], tuple[Array, Array], int]
"""(training data, training labels), (held-out data, held-out labels), number of classes."""

N_VALIDATION = 5000


def load_synth(
    num_train: int = ellipse.N_TRAIN,
    num_val: int = ellipse.N_TEST,
    seed: int = 0,
    *,
    edition: ellipse.Edition = "ellipse",
) -> Pairs:
    """Points of the plane in two classes, in either edition; see ``mlp_numpy.data.synthetic.ellipse``.

    The same seed gives the same points, but not vugrad's. Raises OptionError as ``generate`` does.
    """
    drawn = ellipse.generate(num_train, num_val, seed, edition=edition)
    return (drawn.train.images, drawn.train.labels), (drawn.test.images, drawn.test.labels), 2


def load_mnist(final: bool = False, flatten: bool = True, data_dir: str | Path = "data") -> Pairs:
    """MNIST with raw pixels, 0 to 255: from ``data_dir``, or downloaded into it.

    final     hold out the test set; otherwise it is not used, and the last 5,000 training examples are held out
    flatten   images are (N, 784); otherwise (N, 28, 28)

    Raises the errors of ``load_dataset``, and OptionError if there are too few examples to hold any out.
    """
    mnist = load_dataset("mnist", data_dir).dataset
    shape = (-1,) if flatten else mnist.image_shape[1:]
    x, y = mnist.train.images.reshape(len(mnist.train), *shape), mnist.train.labels
    if final:
        x_test = mnist.test.images.reshape(len(mnist.test), *shape)
        return (x, y), (x_test, mnist.test.labels), mnist.n_classes
    if len(x) <= N_VALIDATION:
        raise OptionError(f"load_mnist: more than {N_VALIDATION:,} training examples must be there, got {len(x):,}.")
    held_out = slice(-N_VALIDATION, None)
    return (x[:-N_VALIDATION], y[:-N_VALIDATION]), (x[held_out], y[held_out]), mnist.n_classes
