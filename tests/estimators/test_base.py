"""What the estimators add to scikit-learn's: networks, schedules, weights, sparse batches, errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.class_weight import compute_sample_weight

from mlp_numpy import (
    MLP,
    BatchNorm,
    Dropout,
    LinearModule,
    Module,
    MSEModule,
    ReLUModule,
    Sequential,
    errors,
    glorot,
)
from mlp_numpy.estimators import MLPClassifier, MLPRegressor
from mlp_numpy.estimators.network import SparseRows
from mlp_numpy.estimators.objective import SquaredError
from mlp_numpy.estimators.rates import AdaptiveRate, InverseScaling, StopRule
from mlp_numpy.optim import OPTIMIZERS
from mlp_numpy.training import EvaluationRecord, StepRecord

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = (array[:300] for array in load_digits(return_X_y=True))
X = X / 16
SMALL: dict[str, Any] = {"hidden_layer_sizes": 8, "max_iter": 3, "random_state": 0, "batch_size": 50}


def classifier(**options: Any) -> MLPClassifier:
    return MLPClassifier(**SMALL | options)


def regressor(**options: Any) -> MLPRegressor:
    return MLPRegressor(**SMALL | options)


def test_attributes() -> None:
    with pytest.warns(ConvergenceWarning, match="max_iter=3"):
        found = classifier().fit(X, Y)
    assert [array.shape for array in found.coefs_ + found.intercepts_] == [(64, 8), (8, 10), (8,), (10,)]
    assert (found.n_iter_, found.t_, found.n_layers_, found.n_outputs_) == (3, 900, 3, 10)
    assert len(found.loss_curve_) == 3
    assert found.best_loss_ == min(found.loss_curve_)
    assert found.loss_ == found.loss_curve_[-1]
    assert found.validation_scores_ is None
    assert np.shares_memory(found.coefs_[0], found.network_[0].params["weight"])
    assert not found.network_.training


@pytest.mark.parametrize("solver", ["lbfgs", *OPTIMIZERS])
def test_every_solver_learns(solver: str) -> None:
    rate = {"sgd": 0.1, "adagrad": 0.05, "rmsprop": 0.005, "adadelta": 1.0}.get(solver, 0.01)
    found = classifier(solver=solver, learning_rate_init=rate, max_iter=40).fit(X, Y)
    assert found.score(X, Y) > 0.8


def test_a_decoupled_decay_is_alpha_and_no_penalty() -> None:
    found = regressor(solver="adamw", alpha=0.3).fit(X, Y)
    plain = regressor(solver="adamw", alpha=0.0).fit(X, Y)
    assert np.linalg.norm(found.coefs_[0]) < np.linalg.norm(plain.coefs_[0])
    assert found._learner.optimizer.weight_decay == 0.3
    assert found._learner.optimizer.decay == "weights"


@pytest.mark.parametrize("schedule", ["cosine", "step:5:0.5", "warmup:4+cosine", "one-cycle", "invscaling", "adaptive"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_schedules(schedule: str, solver: str) -> None:
    rates: list[float] = []
    found = classifier(solver=solver, learning_rate=schedule, max_iter=6)
    found.set_params(**{"tol": 10.0, "n_iter_no_change": 1} if schedule == "adaptive" else {})
    found.set_params(callbacks=[lambda record: rates.append(record.lr)]).fit(X, Y)
    assert len(rates) == 36
    assert rates[0] != rates[-1] or schedule == "one-cycle"


def test_rates() -> None:
    scaling = InverseScaling(0.5, examples=100, steps=4, seen=20)
    assert [scaling.at(step) for step in (0, 3, 4)] == [21**-0.5, 21**-0.5, 121**-0.5]
    adaptive = AdaptiveRate(1e-5)
    assert adaptive.reduce()
    assert adaptive.at(7) == 0.2
    assert adaptive.reduce()
    assert not adaptive.reduce()
    rule = StopRule(patience=1, tol=0.1)
    assert [rule.update(value) for value in (0.0, 0.05, 0.2, 0.2, float("nan"), 0.4)] == [
        *(False, False, False, False, True, False)
    ]


def test_a_plateau_needs_examples_held_out() -> None:
    with pytest.raises(errors.OptionError, match="must come with examples held out"):
        classifier(learning_rate="plateau:0.5:1").fit(X, Y)
    rates: list[Any] = []
    found = classifier(learning_rate="plateau:0.5:1:0.9", max_iter=6)
    found.set_params(callbacks=[lambda record: rates.append(getattr(record, "lr", None))])
    found.fit(X, Y, validation_data=(X[:50], Y[:50]))
    assert min(rate for rate in rates if rate is not None) < 0.001


def test_epochs_one_by_one() -> None:
    """partial_fit keeps optimizer and learning rate: three calls are an uninterrupted training of three epochs."""
    options: dict[str, Any] = {"solver": "adam", "learning_rate": "invscaling", "shuffle": False, "ema": 0.9}
    whole = classifier(**options).fit(X, Y)
    parts = classifier(**options)
    for _ in range(3):
        parts.partial_fit(X, Y, classes=range(10))
    np.testing.assert_allclose(parts.coefs_[0], whole.coefs_[0], rtol=1e-12)
    np.testing.assert_allclose(parts.loss_curve_, whole.loss_curve_, rtol=1e-12)
    assert parts.t_ == whole.t_


def test_warm_start_goes_on_where_it_ended() -> None:
    found = classifier(warm_start=True).fit(X, Y)
    first = found.coefs_[0].copy()
    found.set_params(learning_rate_init=1e-12).fit(X, Y)
    np.testing.assert_allclose(found.coefs_[0], first, atol=1e-9)
    assert len(found.loss_curve_) == 6
    with pytest.raises(errors.LabelError, match="must have no classes but"):
        found.fit(X, Y + 1)


@pytest.mark.parametrize("format", ["csr_matrix", "csr_array", "csc_matrix"])
@pytest.mark.parametrize("options", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
def test_sparse_inputs_are_as_dense_ones(format: str, options: dict[str, Any]) -> None:
    sparse = getattr(scipy.sparse, format)(X)
    dense, found = classifier(**options).fit(X, Y), classifier(**options).fit(sparse, Y)
    np.testing.assert_allclose(found.coefs_[0], dense.coefs_[0], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.predict_proba(sparse), dense.predict_proba(X), rtol=1e-5)
    assert "matrix" not in vars(found.network_)


def test_a_sparse_matrix_is_never_dense_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    toarray = scipy.sparse.csr_matrix.toarray
    monkeypatch.setattr(
        scipy.sparse.csr_matrix, "toarray", lambda matrix: rows.append(matrix.shape[0]) or toarray(matrix)
    )
    sparse = scipy.sparse.csr_matrix(X)
    classifier().fit(sparse, Y, validation_data=(sparse[:20], Y[:20]))
    assert max(rows) == 50
    assert sum(rows) == 3 * 300 + 4 * 20


def test_rows_that_a_dtype_cannot_count() -> None:
    many = scipy.sparse.csr_matrix((2**24 + 1, 1))
    with pytest.raises(errors.OptionError, match="at most 16777216 rows in float32"):
        SparseRows(many, np.dtype(np.float32))


def test_labels() -> None:
    words = np.array(["no", "yes"])[(Y > 4).astype(int)]
    found = classifier(max_iter=40, learning_rate_init=0.01).fit(X, words)
    assert found.classes_.tolist() == ["no", "yes"]
    assert found.decision_function(X).shape == (300,)
    np.testing.assert_array_equal(found.predict(X) == "yes", found.decision_function(X) > 0)
    assert found.score(X, words) > 0.8
    sets = np.stack([Y > 4, Y % 2], axis=1).astype(int)
    found = classifier(max_iter=20).fit(X, sets)
    assert found.predict(X).shape == found.predict_proba(X).shape == found.decision_function(X).shape == (300, 2)
    np.testing.assert_array_equal(found.predict(X), found.predict_proba(X) > 0.5)
    numbers = np.stack([Y, -Y, Y**2], axis=1).astype(float)
    assert regressor(loss="huber").fit(X, numbers).predict(X).shape == (300, 3)


def test_class_weights_are_example_weights() -> None:
    labels = Y > 1
    balanced = classifier(class_weight="balanced").fit(X, labels)
    weighted = classifier().fit(X, labels, compute_sample_weight("balanced", labels))
    np.testing.assert_array_equal(balanced.coefs_[0], weighted.coefs_[0])
    doubled = classifier(class_weight={True: 2}).partial_fit(X, labels, classes=[False, True])
    plain = classifier().partial_fit(X, labels, 1.0 + labels, classes=[False, True])
    np.testing.assert_array_equal(doubled.coefs_[0], plain.coefs_[0])
    with pytest.raises(errors.OptionError, match="must not be 'balanced'"):
        classifier(class_weight="balanced").partial_fit(X, labels, classes=[False, True])


def test_a_weight_of_two_is_a_row_twice_where_a_batch_is_all_rows() -> None:
    weight = np.arange(300) % 3
    weighted = regressor(batch_size=300).fit(X, Y, weight)
    repeated = regressor(batch_size=300).fit(X.repeat(weight, axis=0), Y.repeat(weight))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-7)


def test_early_stopping_keeps_the_best_weights() -> None:
    found = classifier(early_stopping=True, max_iter=40, learning_rate_init=0.05, n_iter_no_change=3).fit(X, Y)
    assert len(found.validation_scores_) == found.n_iter_ == len(found.loss_curve_)
    assert found.best_validation_score_ == max(found.validation_scores_)
    given = classifier(early_stopping=True, max_iter=10).fit(X, Y, validation_data=(X[:60], Y[:60], np.ones(60)))
    assert given.score(X[:60], Y[:60]) == pytest.approx(given.best_validation_score_)
    watched = regressor().fit(X, Y, validation_data=(X[:60], Y[:60]))
    assert watched.validation_scores_[-1] == pytest.approx(watched.score(X[:60], Y[:60]))


def test_dropout_batch_norm_and_clipping() -> None:
    found = classifier(dropout=0.2, batch_norm=True, clip_norm=1.0, hidden_layer_sizes=[20, 10], max_iter=20).fit(X, Y)
    assert [type(layer) for layer in found.network_][:4] == [LinearModule, ReLUModule, Dropout, BatchNorm]
    assert found.score(X, Y) > 0.8
    np.testing.assert_array_equal(found.predict_proba(X), found.predict_proba(X))


def test_dtype() -> None:
    assert classifier().fit(X, Y).coefs_[0].dtype == np.float64
    assert classifier().fit(X.astype(np.float32), Y).predict_proba(X).dtype == np.float32
    assert classifier(dtype="float32").fit(X, Y).coefs_[0].dtype == np.float32


def test_a_network_of_ones_own() -> None:
    net = Sequential(LinearModule(64, 12, init=glorot(), rng=0), ReLUModule(), LinearModule(12, 10, init=glorot()))
    start = net[0].params["weight"].copy()
    found = classifier(module=net, max_iter=40, learning_rate_init=0.01).fit(X, Y)
    assert found.score(X, Y) > 0.8
    np.testing.assert_array_equal(net[0].params["weight"], start)
    shapes: list[Any] = []

    def build(shape: tuple[int, ...], n_outputs: int) -> Module:
        shapes.append((shape, n_outputs))
        return MLP(shape[0], [12], n_outputs, rng=0, init=glorot(), dtype=np.float32)  # ends in a softmax, left out

    found = classifier(module=build, max_iter=40, learning_rate_init=0.01).fit(X, Y)
    assert found.score(X, Y) > 0.8
    assert shapes == [((64,), 10)]
    assert found.predict_proba(X).dtype == np.float32
    with pytest.raises(errors.ShapeError, match=r"must turn \(2, 64\) into \(2, 2\), got \(2, 10\)"):
        regressor(module=net).fit(X, np.stack([Y, Y], axis=1))
    with pytest.raises(errors.OptionError, match="must be, or build, a Module with parameters"):
        classifier(module=lambda shape, n_outputs: ReLUModule()).fit(X, Y)


def test_callbacks_receive_the_records_and_end_the_training() -> None:
    seen: list[Any] = []

    def stop(record: Any) -> bool:
        seen.append(record)
        return isinstance(record, StepRecord) and record.step == 8

    found = classifier(callbacks=[stop]).fit(X, Y, validation_data=(X, Y))
    assert [record.step for record in seen if isinstance(record, StepRecord)] == list(range(1, 9))
    assert [record.step for record in seen if isinstance(record, EvaluationRecord)] == [0, 6]
    assert found.n_iter_ == 2


def test_an_interrupt_ends_the_training() -> None:
    def interrupt(record: Any) -> None:
        if record.step == 7:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="interrupted"):
        found = classifier(callbacks=[interrupt]).fit(X, Y)
    assert found.n_iter_ == 1
    assert found.predict(X).shape == (300,)


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    classifier(verbose=True, max_iter=1).fit(X, Y, validation_data=(X, Y))
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("Iteration 1, loss = 2.")
    assert second.startswith("Validation score: 0.")


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_squared_error_is_half_the_sum_over_outputs(reduction: Any) -> None:
    rng = np.random.default_rng(0)
    x, y, g = rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), np.asarray(0.3)
    ours, plain = SquaredError(reduction), MSEModule("sum")
    n = 4 if reduction == "mean" else 1
    np.testing.assert_allclose(ours.forward(x, y), plain.forward(x, y) / 2 / n)
    assert ours.total_weight == 4
    np.testing.assert_allclose(ours.backward(), (x - y) / n)
    np.testing.assert_allclose(ours.backward(g), g * (x - y) / n)
    np.testing.assert_allclose(ours.backward(x, y), (x - y) / n)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes\[1\] must be an integer ≥ 1, got 0"),
        ({"hidden_layer_sizes": "3"}, "hidden_layer_sizes must be a list"),
        ({"activation": "rely"}, "Did you mean 'relu'"),
        ({"solver": "sdg"}, "Did you mean 'sgd'"),
        ({"alpha": -1}, "alpha must be a number ≥ 0"),
        ({"batch_size": 0}, "batch_size must be an integer ≥ 1"),
        ({"learning_rate": 0.1}, "learning_rate must be a string"),
        ({"learning_rate": "cosin"}, "Did you mean 'cosine'"),
        ({"learning_rate_init": 0}, "learning_rate_init must be a number > 0"),
        ({"max_iter": 2.5}, "max_iter must be an integer"),
        ({"n_iter_no_change": 0}, "n_iter_no_change must be an integer"),
        ({"verbose": "much"}, "verbose must be True, False or an integer"),
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\)"),
        ({"batch_norm": 1}, "batch_norm must be True or False"),
        ({"clip_norm": 0}, "clip_norm must be a number > 0"),
        ({"ema": 1}, "ema must be a number in"),
        ({"dtype": "complex128"}, "dtype must be real"),
        ({"module": 3}, "module must be a Module or a function"),
        ({"callbacks": [3]}, "callbacks must be a list of functions"),
        ({"solver": "lbfgs", "dropout": 0.5}, "must come without .* got dropout"),
        ({"early_stopping": True, "validation_fraction": 0.001}, "at least 2 examples held out"),
    ],
)
def test_parameters_out_of_bounds(options: dict[str, Any], words: str) -> None:
    estimator = classifier(**options)
    with pytest.raises(errors.OptionError, match=words):
        estimator.fit(X, Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_data_out_of_bounds() -> None:
    with pytest.raises(errors.LabelError, match="at least two classes, got one class"):
        classifier().fit(X, np.ones(300))
    with pytest.raises(errors.LabelError, match="classes must be given in the first call"):
        classifier().partial_fit(X, Y)
    with pytest.raises(errors.OptionError, match="early_stopping must be False"):
        classifier(early_stopping=True).partial_fit(X, Y, classes=range(10))
    with pytest.raises(errors.OptionError, match="weights must be finite and ≥ 0"):
        classifier().fit(X, Y, -np.ones(300))
    with pytest.raises(errors.OptionError, match="must not all be zero"):
        regressor().fit(X, Y, np.zeros(300))
    with pytest.raises(errors.OptionError, match="validation_data must be"):
        regressor().fit(X, Y, validation_data=X)
    with pytest.raises(errors.OptionError, match="without validation_data"):
        regressor(solver="lbfgs").fit(X, Y, validation_data=(X, Y))
    with pytest.raises(errors.NonFiniteError, match=r"Trainer\.run"):
        regressor(solver="sgd", learning_rate_init=1e6, max_iter=50).fit(100 * X, Y)
    found = classifier().partial_fit(X, Y, classes=range(10))
    with pytest.raises(errors.LabelError, match="classes must be those of the first call"):
        found.partial_fit(X, Y, classes=range(9))
    with pytest.raises(errors.LabelError, match="y must hold labels as before"):
        found.partial_fit(X, np.eye(10, dtype=int)[Y])
    with pytest.raises(errors.ShapeError, match="must have 1 columns as before"):
        regressor().partial_fit(X, Y).partial_fit(X, np.stack([Y, Y], axis=1))
    assert not hasattr(classifier(solver="lbfgs"), "partial_fit")
    with pytest.warns(UserWarning, match="batch_size must be at most"):
        classifier(batch_size=1000).fit(X, Y)
