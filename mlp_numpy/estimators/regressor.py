"""The regressor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if

from mlp_numpy.arrays import Array
from mlp_numpy.checks import choice
from mlp_numpy.errors import ShapeError
from mlp_numpy.estimators.base import BaseMLP, is_stochastic
from mlp_numpy.estimators.extras import with_callbacks
from mlp_numpy.estimators.objective import REGRESSION_LOSSES
from mlp_numpy.modules import LossModule
from mlp_numpy.training import r2


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, BaseMLP):
    """A multilayer perceptron for real targets, one or several per example, for scikit-learn.

    The parameters, attributes and methods are those of MLPClassifier without classes, and

    loss   "squared_error" (½ Σₖ (xₙₖ − yₙₖ)²), "absolute_error" or "huber"
    """

    loss: str = "squared_error"

    _task = "regression"
    _score_function = staticmethod(r2)

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Train on X (N, D) and y (N,) or (N, K); see MLPClassifier.fit."""
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch more, with the same optimizer; see MLPClassifier.partial_fit."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The predicted numbers, (N,) or (N, K)."""
        out = self._outputs(X)
        return out[:, 0] if self.n_outputs_ == 1 else out

    def _encode(self, y: Any, *, fresh: bool, classes: Any = None) -> Array:
        choice(self._who, "loss", self.loss, REGRESSION_LOSSES)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        targets = np.asarray(y, np.float32 if y.dtype == np.float32 else np.float64).reshape(len(y), -1)
        if fresh:
            self.n_outputs_, self.out_activation_ = targets.shape[1], "identity"
        elif targets.shape[1] != self.n_outputs_:
            raise ShapeError(f"{self._who}: y must have {self.n_outputs_} columns as before, got {targets.shape[1]}.")
        return targets

    def _loss_module(self) -> LossModule:
        return REGRESSION_LOSSES[self.loss]()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
