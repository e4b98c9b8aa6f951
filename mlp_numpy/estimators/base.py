"""The base of both estimators: parameters, and what fitting and predicting have in common."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from mlp_numpy.arrays import Array, all_finite
from mlp_numpy.checks import float_dtype, plain_array, shown
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.targets import Task, checked_weights
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.estimators.examples import Examples, FitData, fit_data
from mlp_numpy.estimators.extras import CallbackSupportMixin, Tasks
from mlp_numpy.estimators.network import Builder, SparseRows, dtype_of, linear_layers, own_network, perceptron
from mlp_numpy.estimators.objective import BatchPenalty
from mlp_numpy.estimators.rates import AdaptiveRate, StopRule
from mlp_numpy.estimators.settings import batch_size_of, check_settings, hidden_sizes, optimizer_of, schedule_of
from mlp_numpy.estimators.training import AS_STORED, Callback, Epoch, Learner, epochs, minimize_loss
from mlp_numpy.modules import LossModule, Module, Sequential
from mlp_numpy.optim import OPTIMIZERS, Average, FlatParameters
from mlp_numpy.training import Metric, Trainer, Update
from mlp_numpy.training.metrics import MetricFunction

_CHUNK = 4096


def is_stochastic(estimator: Any) -> bool:
    """True if the solver trains by batches."""
    return bool(estimator.solver != "lbfgs")


class _Kind:
    """What the two estimators differ in, apart from the dataclass, whose annotations are parameters."""

    _score_function: MetricFunction
    _task: Task = "classification"
    n_outputs_: int
    out_activation_: str


@dataclass(eq=False, repr=False)
class BaseMLP(_Kind, CallbackSupportMixin, BaseEstimator):
    """Parameters, training and outputs of both estimators; see MLPClassifier and MLPRegressor.

    The constructor checks nothing, as scikit-learn wants it; ``fit`` does.
    """

    hidden_layer_sizes: Any = (100,)
    activation: str = "relu"
    _: KW_ONLY
    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int | str = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    dropout: float = 0.0
    batch_norm: bool = False
    clip_norm: float | None = None
    ema: float | None = None
    module: Module | Builder | None = None
    dtype: Any = None
    callbacks: Sequence[Callback] | None = None

    def _encode(self, y: Any, *, fresh: bool, classes: Any = None) -> Array:
        """The targets of labels or numbers ``y``; sets n_outputs_ and what else the outputs mean if ``fresh``."""
        raise OptionError(f"{self._who}: subclasses must implement `_encode`.")

    def _loss_module(self) -> LossModule:
        """The loss of the network's scores."""
        raise OptionError(f"{self._who}: subclasses must implement `_loss_module`.")

    def _example_weights(self, y: Any, given: Any, *, incremental: bool) -> Array | None:
        """The weights of the examples, checked."""
        if given is None:
            return None
        array = plain_array(self._who, "sample_weight", given)
        weights = checked_weights(self._who, np.full(len(y), array) if array.ndim == 0 else array, len(y))
        if not weights.any():
            raise OptionError(f"{self._who}: sample weights must not all be zero.")
        return weights

    # Training.

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        validation_data: Any = None,
        classes: Any = None,
        incremental: bool = False,
    ) -> Self:
        """Train from the start, or with warm_start or ``incremental`` from where the last call ended; ``incremental``
        with the same optimizer, and for one epoch."""
        check_settings(self)
        if self.solver == "lbfgs" and validation_data is not None:
            raise OptionError(f"{self._who}.fit: solver 'lbfgs' must come without validation_data, got some.")
        if incremental and self.early_stopping:
            raise OptionError(f"{self._who}.partial_fit: early_stopping must be False, got True.")
        fresh = not hasattr(self, "network_") or not (self.warm_start or incremental)
        X, y = self._checked(X, y, reset=fresh)
        targets = self._encode(y, fresh=fresh, classes=classes)
        given = Examples(X, targets, self._example_weights(y, sample_weight, incremental=incremental), self._task)
        validation = None if validation_data is None else self._validation(validation_data, sparse=given.sparse)
        rng = check_random_state(self.random_state)
        dtype = (X.dtype if self.dtype is None else float_dtype(self._who, self.dtype)) if fresh else self._dtype
        learner = self._new_learner(X.shape[1], rng, dtype) if fresh else self._learner
        if self.solver == "lbfgs":
            data = fit_data(given, None, None, rng)
            self._minimize(learner, data, fresh=fresh)
        else:
            data = fit_data(given, validation, self.validation_fraction if self.early_stopping else None, rng)
            self._run(learner, data, rng, fresh=fresh, incremental=incremental, metadata=(X, y, sample_weight))
        return self

    def _new_learner(self, n_inputs: int, rng: Any, dtype: Any) -> Learner:
        draws = np.random.default_rng(rng.randint(2**31 - 1))
        if self.module is not None:
            net = own_network(self._who, self.module, n_inputs, self.n_outputs_)
        else:
            widths = (n_inputs, *hidden_sizes(self._who, self.hidden_layer_sizes), self.n_outputs_)
            options: dict[str, Any] = {"dropout": self.dropout, "batch_norm": self.batch_norm, "rng": draws}
            net = perceptron(widths, self.activation, dtype=dtype, **options)
        return Learner(net, FlatParameters(net))

    def _keep(self, learner: Learner, *, fresh: bool) -> None:
        """Set the attributes of a fit that begins."""
        self._learner, self.network_, self.n_iter_ = learner, learner.network, 0
        self.n_layers_ = len(linear_layers(learner.network)) + 1
        if fresh:
            self.t_ = 0
            self.loss_curve_: list[float] = []
            self.validation_scores_: list[float] | None = None
            self.best_loss_ = math.inf
            self.best_validation_score_: float | None = None

    def _penalty(self, learner: Learner, loss: LossModule) -> BatchPenalty | None:
        decoupled = self.solver in OPTIMIZERS and OPTIMIZERS[self.solver].decoupled_weight_decay
        matrices = any(len(shape) > 1 for shape in learner.parameters.shapes.values())
        return BatchPenalty(learner.parameters, self.alpha, loss) if self.alpha and matrices and not decoupled else None

    def _trainer(self, learner: Learner, data: FitData, rng: Any, *, seen: int, restart: bool) -> Trainer:
        """The trainer of a fit; raises OptionError before the learner is changed."""
        size, dtype = batch_size_of(self, len(data.train)), learner.parameters.values.dtype
        steps = -(-len(data.train) // size)
        adaptive = AdaptiveRate(self.learning_rate_init) if restart else learner.adaptive
        schedule = schedule_of(
            self,
            examples=len(data.train),
            steps=steps,
            seen=seen,
            made=0 if restart else learner.updates,
            adaptive=adaptive,
            held_out=data.held_out is not None,
        )
        if restart or learner.optimizer is None:
            learner.optimizer, learner.adaptive = optimizer_of(self, learner.parameters), adaptive
            learner.stop = StopRule(self.n_iter_no_change, self.tol)
            learner.average = None if self.ema is None else Average(learner.parameters, self.ema)
        learner.optimizer.lr = self.learning_rate_init
        learner.begin()
        loss = self._loss_module()
        parts: dict[str, Any] = {"schedule": schedule, "clip_norm": self.clip_norm, "average": learner.average}
        update = Update(learner.optimizer, penalty=self._penalty(learner, loss), **parts)
        seed = int(rng.randint(2**31 - 1)) + seen
        order: dict[str, Any] = {"seed": seed, "shuffle": self.shuffle, "dtype": dtype, "drop_last": False}
        measured = () if data.held_out is None else (Metric("score", self._score_function),)
        return Trainer(
            _reading(data, learner),
            loss,
            update,
            Batches(data.train, size, AS_STORED, **order),
            data.held_out,
            eval_every=steps,
            metrics=measured,
            select=self.early_stopping,
        )

    def _run(
        self, learner: Learner, data: FitData, rng: Any, *, fresh: bool, incremental: bool, metadata: tuple[Any, ...]
    ) -> None:
        """Train by epochs until max_iter, a callback or the stop rule."""
        trainer = self._trainer(learner, data, rng, seen=0 if fresh else self.t_, restart=fresh or not incremental)
        self._keep(learner, fresh=fresh)
        most = 1 if incremental else self.max_iter
        X, y, weight = metadata
        tasks = Tasks(self, most, self._fitted, X=X, y=y, metadata={"sample_weight": weight}, active=not incremental)
        penalty: Any = trainer.update.penalty
        run = epochs(trainer, penalty, tuple(self.callbacks or ()))
        try:
            for _ in range(most):
                tasks.begin_epoch()
                epoch = next(run)
                done = self._record(epoch, len(data.train), learner)
                if tasks.end_epoch() or done or epoch.stopped:
                    break
            else:
                if not incremental:
                    warnings.warn(
                        f"{self._who}.fit: the training has not converged within max_iter={self.max_iter} epochs.",
                        ConvergenceWarning,
                        stacklevel=3,
                    )
        except KeyboardInterrupt:
            warnings.warn(f"{self._who}.fit: the training was interrupted.", stacklevel=3)
        finally:
            learner.end(trainer)
        if trainer.best_model is not None and math.isfinite(trainer.best_model.value):
            self.best_validation_score_ = trainer.best_model.value
        tasks.end()

    def _record(self, epoch: Epoch, n: int, learner: Learner) -> bool:
        """Append an epoch to the curves; returns True if the training should end."""
        self.n_iter_ += 1
        self.t_ += n
        self.loss_ = epoch.loss
        self.best_loss_ = min(self.best_loss_, epoch.loss)
        self.loss_curve_.append(epoch.loss)
        self._say(f"Iteration {self.n_iter_}, loss = {epoch.loss:.8f}")
        if epoch.score is not None:
            self.validation_scores_ = [*(self.validation_scores_ or []), epoch.score]
            self._say(f"Validation score: {epoch.score:.6f}")
        judged = epoch.score if self.early_stopping and epoch.score is not None else -epoch.loss
        if not learner.stop.update(judged):
            return False
        if self.learning_rate == "adaptive" and learner.adaptive.reduce():
            learner.stop.waited = 0
            self._say(f"No improvement: the learning rate is now {learner.adaptive.lr * learner.adaptive.factor:g}")
            return False
        self._say(f"No improvement of more than tol={self.tol:g} for {self.n_iter_no_change} epochs: the end")
        return True

    def _minimize(self, learner: Learner, data: FitData, *, fresh: bool) -> None:
        """Train by L-BFGS."""
        self._keep(learner, fresh=fresh)
        learner.begin()
        loss = self._loss_module()
        penalty = self._penalty(learner, loss)
        limits = {"max_iterations": self.max_iter, "max_calls": self.max_fun, "tolerance": self.tol or 1e-300}
        try:
            found = minimize_loss(_reading(data, learner), loss, learner.parameters, penalty, data.train, **limits)
        finally:
            learner.rest()
        if not all_finite(learner.parameters.values):
            raise NonFiniteError(f"{self._who}.fit: the weights must be finite, got NaN or infinity. Hint: scale X.")
        self.n_iter_, self.loss_ = found.iterations, found.value
        self.best_loss_ = min(self.best_loss_, found.value)
        self._say(f"L-BFGS: {found.iterations} iterations, loss = {found.value:.8f}, {found.message}")
        if not found.converged:
            warnings.warn(
                f"{self._who}.fit: L-BFGS has not converged: {found.message}", ConvergenceWarning, stacklevel=3
            )

    def _checked(self, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
        checks: dict[str, Any] = {"accept_sparse": "csr", "dtype": (np.float64, np.float32), "multi_output": True}
        X, y = validate_data(self, X, y, reset=reset, y_numeric=self._task == "regression", **checks)
        return X, y

    def _validation(self, given: Any, *, sparse: bool) -> Examples:
        if not isinstance(given, tuple | list) or len(given) not in (2, 3):
            raise OptionError(
                f"{self._who}.fit: validation_data must be (X, y) or (X, y, weights), got {shown(given)}."
            )
        X, y = self._checked(*given[:2], reset=False)
        targets = self._encode(y, fresh=False)
        weights = BaseMLP._example_weights(self, y, given[2] if given[2:] else None, incremental=False)
        if sparse and not scipy.sparse.issparse(X):
            X = scipy.sparse.csr_array(X)
        return Examples(X if sparse or not scipy.sparse.issparse(X) else X.toarray(), targets, weights, self._task)

    # Outputs.

    def _outputs(self, X: Any) -> Array:
        """The network's scores (N, K) of examples (N, D)."""
        check_is_fitted(self, "network_")
        X = validate_data(self, X, reset=False, accept_sparse="csr", dtype=(np.float64, np.float32))
        net, dtype, out = self.network_, self._dtype, []
        for start in range(0, X.shape[0], _CHUNK):
            part = X[start : start + _CHUNK]
            dense = part.toarray() if scipy.sparse.issparse(part) else part
            out.append(net.forward(dense.astype(dtype, copy=False)))
        net.clear_cache()
        return np.concatenate(out)

    @property
    def coefs_(self) -> list[Array]:
        """The weights of the fully connected layers, each (inputs, outputs): views of the network's."""
        return [layer.params["weight"].T for layer in linear_layers(self._fitted_network("coefs_"))]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of the fully connected layers, each (outputs,): the network's own arrays."""
        return [layer.params["bias"] for layer in linear_layers(self._fitted_network("intercepts_"))]

    def _fitted_network(self, name: str) -> Module:
        if "network_" not in vars(self):
            raise AttributeError(f"{self._who}.{name}: there are weights after fit only.")
        return self.network_

    def _fitted(self) -> dict[str, Any]:
        """The attributes of an estimator that is fitted as far as this one."""
        return {"network_": copy.deepcopy(self.network_).eval()}

    @property
    def _dtype(self) -> np.dtype[Any]:
        return dtype_of(self.network_)

    @property
    def _who(self) -> str:
        return type(self).__name__

    def _say(self, text: str) -> None:
        if self.verbose:
            print(text)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _reading(data: FitData, learner: Learner) -> Module:
    """The network for the inputs of the data, which are row numbers if the features are sparse."""
    if data.matrix is None:
        return learner.network
    return Sequential(SparseRows(data.matrix, learner.parameters.values.dtype), learner.network)
