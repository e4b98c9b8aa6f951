"""The estimators among scikit-learn's tools: its own checks, its MLP's steps, pipelines, searches, frames."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from mlp_numpy.estimators import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = (array[:300] for array in load_digits(return_X_y=True))
X = X / 16


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()], ids=lambda each: type(each).__name__)
def test_scikit_learns_checks(estimator: Any) -> None:
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    wrong = {each["check_name"]: each["exception"] for each in results if each["status"] not in ("passed", "skipped")}
    assert wrong == {}


def targets(task: str, rng: np.random.Generator) -> Any:
    """Targets of 40 examples."""
    return {
        "binary": rng.integers(0, 2, 40),
        "multiclass": rng.integers(0, 4, 40),
        "multilabel": rng.integers(0, 2, (40, 3)),
        "regression": rng.normal(size=40),
        "multi-output": rng.normal(size=(40, 3)),
    }[task]


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression", "multi-output"])
def test_a_step_is_that_of_scikit_learns_estimator(task: str, weighted: bool, activation: str) -> None:
    """Same weights, same batch, same step: so loss, gradient and penalty are the same."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), targets(task, rng)
    weight = {"sample_weight": rng.uniform(0, 2, 40)} if weighted else {}
    name = "MLPRegressor" if task in ("regression", "multi-output") else "MLPClassifier"
    classes = {} if name == "MLPRegressor" else {"classes": np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)}
    options: dict[str, Any] = {"hidden_layer_sizes": (6, 4), "activation": activation, "solver": "sgd", "alpha": 0.7}
    options |= {"momentum": 0.0, "learning_rate_init": 0.1, "learning_rate": "invscaling", "random_state": 0}
    ours = (MLPRegressor if name == "MLPRegressor" else MLPClassifier)(**options)
    theirs = getattr(neural_network, name)(**options)
    if task == "multilabel":
        classes = {}
        theirs.partial_fit(x, y, classes=np.arange(3))
    else:
        theirs.partial_fit(x, y, **classes)
    ours.partial_fit(x, y, **classes)
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        mine[...] = other  # views: assignment moves the network
    for _ in range(3):
        ours.partial_fit(x, y, **weight)
        theirs.partial_fit(x, y, **weight)
    for mine, other in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-9)
    if task != "multi-output":  # whose loss value, but not its gradient, scikit-learn divides by the outputs
        assert ours.loss_curve_[-1] == pytest.approx(theirs.loss_curve_[-1], rel=1e-9)
    if name == "MLPClassifier":
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-9)
        np.testing.assert_allclose(ours.predict_log_proba(x), theirs.predict_log_proba(x), rtol=1e-8)


def test_the_start_is_that_of_scikit_learn() -> None:
    for activation, square in (("relu", 6), ("logistic", 2)):
        found = MLPClassifier((400,), activation, max_iter=1, learning_rate_init=1e-12, random_state=0).fit(X, Y)
        r = np.sqrt(square / (64 + 400))
        for array in (found.coefs_[0], found.intercepts_[0]):
            assert np.abs(array).max() <= r + 1e-9
            assert array.std() == pytest.approx(r / np.sqrt(3), rel=0.1)


def test_lbfgs_reaches_scikit_learns_minimum() -> None:
    x, y = make_regression(80, 4, random_state=0)
    options: dict[str, Any] = {"hidden_layer_sizes": (), "solver": "lbfgs", "alpha": 0.3, "tol": 1e-8, "max_iter": 500}
    ours = MLPRegressor(**options, random_state=0).fit(x, y)
    theirs = neural_network.MLPRegressor(**options, random_state=0).fit(x, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-4)
    assert ours.loss_ <= theirs.loss_ * (1 + 1e-9)
    assert ours.n_iter_ >= 1


def test_pipeline_search_and_cross_validation() -> None:
    pipeline = make_pipeline(
        StandardScaler(), MLPClassifier((20,), max_iter=15, learning_rate_init=0.01, random_state=0)
    )
    assert cross_val_score(pipeline, X, Y, cv=3).mean() > 0.8
    grid = {"mlpclassifier__alpha": [1e-4, 1.0], "mlpclassifier__solver": ["adam", "nadam"]}
    search = GridSearchCV(pipeline, grid, cv=2, error_score="raise").fit(X, Y)
    assert search.best_score_ > 0.7
    assert search.predict(X[:3]).shape == (3,)


def test_copies() -> None:
    found = MLPClassifier((10,), max_iter=3, random_state=0, dropout=0.1, batch_norm=True, ema=0.9).fit(X, Y)
    twin = clone(found)
    assert twin.get_params() == found.get_params()
    assert not hasattr(twin, "coefs_")
    copy = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(copy.predict_proba(X), found.predict_proba(X))
    # a copy learns on as the original does
    for each in (found, copy):
        each.partial_fit(X, Y)
    np.testing.assert_array_equal(copy.predict_proba(X), found.predict_proba(X))


def test_weights_mapped_from_a_file(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    found = MLPRegressor((5,), max_iter=2, random_state=0).fit(X, Y)
    joblib.dump(found, tmp_path / "net")
    mapped = joblib.load(tmp_path / "net", mmap_mode="r")
    np.testing.assert_array_equal(mapped.predict(X), found.predict(X))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library: str) -> None:
    frames = pytest.importorskip(library)
    names = [f"pixel {i}" for i in range(64)]
    frame = frames.DataFrame(dict(zip(names, X.T, strict=True)))
    labels = frames.Series([f"digit {y}" for y in Y])
    found = MLPClassifier((10,), max_iter=10, random_state=0).fit(frame, labels)
    assert list(found.feature_names_in_) == names
    assert found.predict(frame)[0].startswith("digit ")
    other = frames.DataFrame(dict(zip(names[::-1], X.T, strict=True)))
    with pytest.raises(ValueError, match="feature names"):
        found.predict(other)


def test_scikit_learns_callbacks() -> None:
    if not hasattr(MLPClassifier, "set_callbacks"):
        pytest.skip("scikit-learn has no callbacks before 1.9")

    class Log:
        def __init__(self) -> None:
            self.seen: list[str] = []

        def setup(self, estimator: Any, context: Any) -> None:
            self.seen.append("setup")

        def teardown(self, estimator: Any, context: Any) -> None:
            self.seen.append("teardown")

        def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
            self.seen.append(f"begin {context.task_name}")

        def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any, fitted_estimator: Any) -> bool:
            assert fitted_estimator.predict(X).shape == (300,)
            self.seen.append(f"end {context.task_name}")
            return context.task_name == "epoch" and context.task_id == 1

    log = Log()
    found = MLPClassifier((5,), max_iter=5, random_state=0).set_callbacks(log).fit(X, Y)
    assert found.n_iter_ == 2
    epoch = ["begin epoch", "end epoch"]
    assert log.seen == ["setup", "begin fit", *epoch, *epoch, "end fit", "teardown"]


def test_without_scikit_learn() -> None:
    script = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import mlp_numpy\nfrom mlp_numpy import *\n"
        "try:\n    mlp_numpy.MLPClassifier\nexcept mlp_numpy.errors.ExtraMissingError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "needs scikit-learn" in done.stdout
    assert "mlp_numpy[sklearn]" in done.stdout


def test_names_at_the_top() -> None:
    import mlp_numpy

    assert mlp_numpy.MLPClassifier is MLPClassifier
    assert "MLPRegressor" not in mlp_numpy.__all__
