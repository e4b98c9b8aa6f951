"""The classifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from mlp_numpy.arrays import Array
from mlp_numpy.checks import shown
from mlp_numpy.errors import LabelError, OptionError
from mlp_numpy.estimators.base import BaseMLP, is_stochastic
from mlp_numpy.estimators.extras import with_callbacks
from mlp_numpy.estimators.objective import LabelLoss
from mlp_numpy.modules import LogSoftMaxModule, LossModule, SigmoidModule, SoftMaxCrossEntropyModule, SoftMaxModule
from mlp_numpy.training import accuracy


@dataclass(eq=False, repr=False)
class MLPClassifier(ClassifierMixin, BaseMLP):
    """A multilayer perceptron for two classes, several, or sets of labels, for scikit-learn.

    Parameters that scikit-learn's estimators of this name have, with their meaning and default:

    hidden_layer_sizes    sizes of the hidden layers; a list, or one integer
    activation            "relu", "tanh", "logistic", "identity", or another of ``network.HIDDEN_ACTIVATIONS``
    solver                "adam", "sgd", "lbfgs", or another optimizer of ``optim.OPTIMIZERS``
    alpha                 L2 penalty α/2 ‖W‖² of the weights, divided by the number of examples of a batch, or the sum
                          of their weights; the decoupled weight decay of adamw, not divided
    batch_size            examples per batch; "auto" is min(200, N)
    learning_rate         "constant", "invscaling", "adaptive", or a schedule such as "cosine" or "warmup:100+cosine"
                          for max_iter epochs (see ``optim.parse_schedule``), with every solver but lbfgs
    learning_rate_init, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon
                          of learning rate and solver
    max_iter, max_fun     epochs, or steps and calls of lbfgs, at most
    tol, n_iter_no_change
                          the training ends after more than n_iter_no_change epochs in a row in which loss or, with
                          early_stopping, validation score did not improve by tol
    early_stopping, validation_fraction
                          hold out a fraction of the examples and keep the weights of the best score on it
    shuffle, random_state, verbose, warm_start

    Parameters of this library:

    class_weight          {class: weight}, or "balanced": N / (C · examples of the class)
    dropout, batch_norm   after every hidden activation
    clip_norm             bound on the norm of the gradient
    ema                   decay rate of an exponential moving average of the weights, which is what is kept
    module                network in place of the perceptron: a Module, of which a copy is trained, or a function
                          ((D,), n_outputs) → Module; it ends in scores
    dtype                 float32 or float64 to compute in; None: that of X, float64 unless that is float32
    callbacks             functions that receive each StepRecord and EvaluationRecord; True ends the training

    Attributes: classes_, n_features_in_, feature_names_in_, n_iter_, n_layers_, n_outputs_, out_activation_, t_
    (examples seen), loss_, best_loss_, loss_curve_, validation_scores_, best_validation_score_, coefs_, intercepts_,
    and ``network_``, the trained Module.
    """

    class_weight: Any = None

    _score_function = staticmethod(accuracy)

    @with_callbacks
    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None) -> Self:
        """Train on X (N, D), dense or sparse, and y, labels (N,) of any type or sets of labels (N, K) of 0 and 1.

        sample_weight     (N,) numbers ≥ 0
        validation_data   (X, y) or (X, y, weights) to hold out, in place of a validation_fraction; its score is in
                          validation_scores_, and selects the weights if early_stopping is on

        Raises OptionError, ShapeError, LabelError or another ValueError for parameters and data out of bounds,
        NonFiniteError if the training diverges. Warns with a ConvergenceWarning at max_iter.
        """
        return self._fit(X, y, sample_weight, validation_data=validation_data)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one epoch more, with the same optimizer.

        classes   all labels there will be; required by the first call, except for sets of labels

        Raises as ``fit`` does, and OptionError with early_stopping.
        """
        if classes is None and not hasattr(self, "network_") and not type_of_target(y).startswith("multilabel"):
            raise LabelError(f"{self._who}.partial_fit: classes must be given in the first call, got None.")
        return self._fit(X, y, sample_weight, classes=classes, incremental=True)

    def decision_function(self, X: Any) -> Array:
        """The scores, (N,) for two classes (above 0: the second), otherwise (N, K)."""
        scores = self._outputs(X)
        return scores[:, 0] if scores.shape[1] == 1 and not self._sets_of_labels else scores

    def predict(self, X: Any) -> Array:
        """The labels (N,), or sets of labels (N, K) of 0 and 1."""
        scores = self._outputs(X)
        if self._task == "classification":
            found: Array = self.classes_[scores.argmax(axis=1)]
        elif self._sets_of_labels:
            found = (scores > 0).astype(np.int64)
        else:
            found = self.classes_[(scores[:, 0] > 0).astype(np.intp)]
        return found

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (N, C), or of each label, (N, K)."""
        scores = self._outputs(X)
        if self._task == "classification":
            return SoftMaxModule().forward(scores)
        p = SigmoidModule().forward(scores)
        return p if self._sets_of_labels else np.hstack([1 - p, p])

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of ``predict_proba``, without its underflow."""
        scores = self._outputs(X)
        if self._task == "classification":
            return LogSoftMaxModule().forward(scores)
        p = -np.logaddexp(0, -scores)
        return p if self._sets_of_labels else np.hstack([-np.logaddexp(0, scores), p])

    def _encode(self, y: Any, *, fresh: bool, classes: Any = None) -> Array:
        check_classification_targets(y)
        sets = type_of_target(y).startswith("multilabel")
        if sets:
            y = y.toarray() if scipy.sparse.issparse(y) else np.asarray(y)
            found = np.arange(y.shape[1])
        else:
            y = column_or_1d(y, warn=True)
            found = np.unique(y)
        known = self._known_classes(found, sets, classes, fresh)
        if fresh:
            n = len(known)
            self.classes_, self._sets_of_labels = known, sets
            self._task = "classification" if n > 2 and not sets else "multilabel"
            self.n_outputs_ = n if n > 2 or sets else 1
            self.out_activation_ = "softmax" if self._task == "classification" else "logistic"
        targets: Array = y
        if sets:
            return targets
        indices: Array = np.searchsorted(known, y)
        return indices if self._task == "classification" else indices[:, np.newaxis]

    def _known_classes(self, found: Array, sets: bool, classes: Any, fresh: bool) -> Array:
        """The classes that there are to be; raises LabelError if the labels ``found`` do not match them."""
        given = None if classes is None else np.unique(np.asarray(classes))
        known = (found if given is None or sets else given) if fresh else self.classes_
        if not fresh and sets != self._sets_of_labels:
            raise LabelError(f"{self._who}: y must hold {'sets of labels' if not sets else 'labels'} as before.")
        if not fresh and given is not None and not np.array_equal(given, known):
            raise LabelError(f"{self._who}: classes must be those of the first call, {known}, got {given}.")
        strange = np.setdiff1d(found, known)
        if strange.size or (sets and len(found) != len(known)):
            raise LabelError(f"{self._who}: y must have no classes but {known}, got {shown(found.tolist())}.")
        if len(known) < 2 and not sets:
            raise LabelError(f"{self._who}: there must be at least two classes, got one class, {known[0]!r}.")
        return known

    def _example_weights(self, y: Any, given: Any, *, incremental: bool) -> Array | None:
        weights = super()._example_weights(y, given, incremental=incremental)
        if self.class_weight is None:
            return weights
        if incremental and self.class_weight == "balanced":
            raise OptionError(
                f"{self._who}.partial_fit: class_weight must not be 'balanced', since the data are not all known. "
                "Hint: compute_class_weight of all labels gives a dictionary."
            )
        balanced: Array = compute_sample_weight(self.class_weight, y)
        return balanced if weights is None else weights * balanced

    def _loss_module(self) -> LossModule:
        return SoftMaxCrossEntropyModule() if self._task == "classification" else LabelLoss()

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
