"""The examples of a fit: features, dense or sparse, with targets and weights, and the part that is held out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.model_selection import train_test_split

from mlp_numpy.arrays import Array
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.targets import Task
from mlp_numpy.errors import OptionError


@dataclass(frozen=True)
class Examples:
    """Checked examples: features (N, D), an array or a matrix in CSR format, targets (N, …), weights (N,) or None."""

    features: Any
    targets: Array
    weights: Array | None
    task: Task

    @property
    def sparse(self) -> bool:
        """True if the features are a sparse matrix."""
        return bool(scipy.sparse.issparse(self.features))

    def split(self, rows: Array | None = None, first: int = 0) -> Split:
        """These rows, all by default, as a Split. The inputs of sparse features are row numbers (N, 1), counted from
        ``first``: see SparseRows."""
        inputs = np.arange(first, first + len(self.targets))[:, np.newaxis] if self.sparse else self.features
        whole = Split(inputs, self.targets, self.weights, self.task)
        return whole if rows is None else whole.rows(rows)


@dataclass(frozen=True)
class FitData:
    """The training examples, those held out, and the matrix that row numbers refer to if features are sparse."""

    train: Split
    held_out: Split | None
    matrix: Any


def fit_data(given: Examples, validation: Examples | None, fraction: float | None, rng: Any) -> FitData:
    """Hold out the ``validation`` examples, or else a ``fraction`` of those given, or none.

    The fraction is drawn from each class alike where the classes are large enough. Raises OptionError for fewer than
    two examples held out, or no other.
    """
    matrix = given.features if given.sparse else None
    if validation is not None:
        if given.sparse:
            matrix = scipy.sparse.vstack([matrix, validation.features], format="csr")
        return FitData(given.split(), validation.split(first=len(given.targets)), matrix)
    if fraction is None:
        return FitData(given.split(), None, matrix)
    n = len(given.targets)
    held = round(fraction * n)
    if not 2 <= held < n:
        raise OptionError(
            f"early_stopping: there must be at least 2 examples held out and 1 other, got {held} of {n}. "
            "Hint: another validation_fraction, or more examples."
        )
    labels = given.targets.ravel() if given.task != "regression" and given.targets.size == n else None
    if labels is not None:
        counts = np.unique(labels, return_counts=True)[1]
        labels = labels if counts.min() > 1 and len(counts) <= min(held, n - held) else None
    train, rest = train_test_split(np.arange(n), test_size=held, random_state=rng, stratify=labels)
    return FitData(given.split(train), given.split(rest), matrix)
