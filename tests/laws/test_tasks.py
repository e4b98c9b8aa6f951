"""Training by task: regression, sets of labels, weighted examples; metrics and what is selected by them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from mlp_numpy import (
    SGD,
    BCEWithLogitsModule,
    FlatParameters,
    LinearModule,
    MSEModule,
    Sequential,
    SoftMaxCrossEntropyModule,
)
from mlp_numpy.data import Batches, Preprocessing, Split
from mlp_numpy.errors import CallOrderError, OptionError
from mlp_numpy.training import EvaluationRecord, Metric, StepRecord, Trainer, evaluate

RAW = Preprocessing("raw", None, None)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
W = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]])


def trainer(split: Split, loss: Any, n_outputs: int, size: int = 20, lr: float = 0.2, **options: Any) -> Trainer:
    model = Sequential(LinearModule(3, n_outputs, rng=1))
    update = SGD(FlatParameters(model), lr)
    return Trainer(model, loss, update, Batches(split, size, RAW), eval_every=10, **options)


def test_regression_reaches_the_least_squares_solution() -> None:
    split = Split(X, X @ W + 1, task="regression")
    one = trainer(split, MSEModule(), 2, held_out=split)
    records = list(one.run(400))
    last = next(record for record in reversed(records) if isinstance(record, EvaluationRecord))
    assert set(last.metrics) == {"r2", "mae"}
    assert math.isnan(last.accuracy)
    assert last.metrics["r2"] == pytest.approx(1, abs=1e-6)
    assert last.metrics["mae"] == pytest.approx(0, abs=1e-3)
    assert all(math.isnan(record.accuracy) for record in records if isinstance(record, StepRecord))
    np.testing.assert_allclose(one.model.state()["0.weight"].T, W, atol=1e-3)


def test_sets_of_labels() -> None:
    split = Split(X, (X[:, :2] > 0), task="multilabel")
    one = trainer(split, BCEWithLogitsModule(), 2, held_out=split, select=True, lr=5.0)
    records = list(one.run(300))
    assert [record.accuracy for record in records if isinstance(record, EvaluationRecord)][-1] > 0.95
    assert [record.accuracy for record in records if isinstance(record, StepRecord)][-1] > 0.9


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_weight_of_two_is_the_row_twice(reduction: Any) -> None:
    """Where the batch is the whole data; a weight of 0 is the row left out."""
    labels = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)
    counts = np.arange(60) % 3
    rows = np.repeat(np.arange(60), counts)
    loss = SoftMaxCrossEntropyModule(reduction)
    lr = 0.2 if reduction == "mean" else 0.01
    weighted = trainer(Split(X, labels, counts), loss, 3, 60, lr, held_out=Split(X, labels, counts))
    repeated = Split(X[rows], labels[rows])
    twice = trainer(repeated, SoftMaxCrossEntropyModule(reduction), 3, len(rows), lr, held_out=repeated)
    for one, two in zip(weighted.run(30), twice.run(30), strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-5)
        assert one.accuracy == pytest.approx(two.accuracy)
    for name, array in weighted.model.state().items():
        np.testing.assert_allclose(array, twice.model.state()[name], rtol=1e-4, atol=1e-6)


def test_without_a_held_out_split_nothing_is_evaluated() -> None:
    one = trainer(Split(X, X @ W, task="regression"), MSEModule(), 2)
    assert all(isinstance(record, StepRecord) for record in one.run(12))
    with pytest.raises(CallOrderError, match="there must be a held_out split"):
        one.evaluate()
    with pytest.raises(OptionError, match="select must come with a held_out split"):
        trainer(Split(X, X @ W, task="regression"), MSEModule(), 2, select=True)


@pytest.mark.parametrize("monitor", ["loss", "mae", "r2", "worst"])
def test_the_kept_weights_are_the_best_by_the_monitored_metric(monitor: str) -> None:
    split = Split(X, X @ W, task="regression")
    worst = Metric("worst", lambda out, targets, weights: float(np.abs(out - targets).max()), greater_is_better=False)
    metrics = ["r2", "mae", worst]
    one = trainer(split, MSEModule(), 2, held_out=split, select=True, monitor=monitor, metrics=metrics)
    found = [record.value(monitor) for record in one.run(100) if isinstance(record, EvaluationRecord)]
    with one.chosen():
        kept = evaluate(one.model, one.loss, split, RAW, metrics=metrics).record(0).value(monitor)
    assert kept == pytest.approx(max(found) if monitor == "r2" else min(found), rel=1e-6)


def test_patience_waits_for_min_delta() -> None:
    split = Split(X, X @ W, task="regression")
    how: dict[str, Any] = {"held_out": split, "select": True, "monitor": "r2", "patience": 2}
    one = trainer(split, MSEModule(), 2, min_delta=0.01, **how)
    list(one.run(1000))
    other = trainer(split, MSEModule(), 2, min_delta=1e-6, **how)
    list(other.run(1000))
    assert one.step < other.step < 1000


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metrics": ["accuracy"]}, "metric must be one for a regression, got accuracy"),
        ({"metrics": ["r2", "r2"]}, "different names"),
        ({"metrics": ["precision"]}, "unknown metric 'precision'"),
        ({"metrics": "r2"}, "must be a list"),
        ({"select": True, "monitor": "accuracy"}, "unknown monitor 'accuracy'"),
        ({"monitor": "r2"}, "monitor must come with select"),
        ({"min_delta": 0.1}, "min_delta must come with select"),
        ({"select": True, "min_delta": -1.0}, "min_delta must be"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], message: str) -> None:
    split = Split(X, X @ W, task="regression")
    with pytest.raises(OptionError, match=message):
        trainer(split, MSEModule(), 2, held_out=split, **options)


def test_a_trainer_has_one_task() -> None:
    split = Split(X, X @ W, task="regression")
    with pytest.raises(OptionError, match="held_out must be of the batches' task"):
        trainer(split, MSEModule(), 2, held_out=Split(X, np.zeros(60, int)))


def test_a_checkpoint_of_the_first_version_is_read() -> None:
    labels = (X[:, 0] > 0).astype(int)
    split = Split(X, labels)
    one = trainer(split, SoftMaxCrossEntropyModule(), 2, held_out=split, select=True)
    list(one.run(20))
    state = one.state()
    state["selection/accuracy"] = state.pop("selection/value")
    other = trainer(split, SoftMaxCrossEntropyModule(), 2, held_out=split, select=True)
    other.load_state(state)
    assert other.best_model is not None
    assert one.best_model is not None
    assert other.best_model.value == one.best_model.value > 0.5
