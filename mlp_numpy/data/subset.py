"""A subset of the classes of a data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.errors import DataError, OptionError, unknown_name


def only_classes(dataset: Dataset, names: Sequence[str]) -> Dataset:
    """The examples of the classes ``names``, in stored order; the new labels are positions in ``names``.

        only_classes(cifar10, ["airplane", "bird"])          labels 0 and 1, 10,000 + 2,000 images

    Raises
    ------
    OptionError
        if there are fewer than two names, a duplicate, or an unknown class
    DataError
        if a split has no example of these classes
    """
    if not isinstance(dataset, Dataset):
        raise OptionError(f"only_classes: there must be a Dataset, got {shown(dataset)}.")
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise OptionError(f"only_classes: names must be a list of class names, got {shown(names)}.")
    if dataset.task != "classification":
        raise OptionError(f"only_classes: the task must be classification, got {dataset.task}.")
    if len(names) < 2 or len(set(names)) < len(names):
        raise OptionError(f"only_classes: there must be two or more different classes, got {', '.join(names)!r}.")
    for name in names:
        if name not in dataset.class_names:
            raise unknown_name(f"class of {dataset.name}", name, dataset.class_names)
    # old label → new label, −1 for other classes
    new = np.full(dataset.n_classes, -1, np.int64)
    new[[dataset.class_names.index(name) for name in names]] = np.arange(len(names))
    train, test = _kept(dataset.train, new), _kept(dataset.test, new)
    title = f"{dataset.name} {'/'.join(names)}"
    return Dataset(title, train, test, dataset.image_shape, tuple(names), dataset.source)


def _kept(split: Split, new: Array) -> Split:
    labels = new[split.targets]
    rows = labels >= 0
    if not rows.any():
        raise DataError("only_classes: both parts must have examples of the classes, one has none.")
    weights = None if split.weights is None else split.weights[rows]
    return Split(split.inputs[rows], labels[rows], weights)
