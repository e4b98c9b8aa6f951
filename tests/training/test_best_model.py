"""Which evaluation is the best, what is kept of it, and when waiting ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlp_numpy import MLP, FlatParameters, kaiming
from mlp_numpy.data.dataset import Split
from mlp_numpy.errors import MlpNumpyError, OptionError
from mlp_numpy.training import EvaluationRecord, Metric, mae, r2
from mlp_numpy.training.best_model import BestModel, best_by, selects
from mlp_numpy.training.snapshot import Snapshot


def selection(patience: int | None = None) -> tuple[BestModel, FlatParameters]:
    model = MLP(3, [4], 2, init=kaiming(), rng=0, batch_norm=True)
    parameters = FlatParameters(model)
    return BestModel(Snapshot(model, parameters), patience), parameters


def see(one: BestModel, parameters: FlatParameters, accuracies: list[float]) -> list[bool]:
    exhausted = []
    for step, accuracy in enumerate(accuracies):
        parameters.values[:] = step
        one.update(EvaluationRecord(step, 1.0, accuracy))
        exhausted.append(one.exhausted)
    return exhausted


def test_the_first_of_the_best_is_kept() -> None:
    one, parameters = selection()
    assert see(one, parameters, [0.1, 0.5, 0.3, 0.5, 0.4]) == [False] * 5
    assert (one.value, one.waited, one.best.step) == (0.5, 3, 1)
    one.best.restore()
    np.testing.assert_array_equal(parameters.values, 1)


def test_patience_counts_evaluations_that_bring_nothing_better() -> None:
    one, parameters = selection(2)
    assert see(one, parameters, [0.5, 0.4, 0.6, 0.6, 0.1]) == [False, False, False, False, True]
    with pytest.raises(OptionError, match="patience must be an integer ≥ 1, got 0"):
        selection(0)


def test_it_goes_on_where_another_was() -> None:
    one, parameters = selection(3)
    see(one, parameters, [0.5, 0.4])
    other, others = selection(3)
    other.load_state(one.state())
    assert see(other, others, [0.4, 0.3]) == [False, True]
    other.best.restore()
    np.testing.assert_array_equal(others.values, 0)


def losses(one: BestModel, values: list[float]) -> list[int]:
    """The evaluations waited after each of the losses."""
    waited = []
    for step, loss in enumerate(values):
        one.update(EvaluationRecord(step, loss))
        waited.append(one.waited)
    return waited


def of_the_loss(**options: Any) -> BestModel:
    model = MLP(3, [4], 2, rng=0)
    return BestModel(Snapshot(model, FlatParameters(model)), monitor="loss", greater_is_better=False, **options)


def test_of_errors_the_smallest_is_the_best() -> None:
    one = of_the_loss()
    assert one.value == np.inf
    assert losses(one, [2.0, 1.0, 1.0, 3.0, np.nan, 0.5]) == [0, 0, 1, 2, 3, 0]
    assert (one.value, one.best.step, one.exhausted) == (0.5, 5, False)
    assert selection()[0].value == -np.inf


def test_what_is_better_by_less_than_min_delta_is_kept_and_waited_for() -> None:
    one = of_the_loss(min_delta=0.5, patience=2)
    assert losses(one, [4.0, 3.5, 2.9]) == [0, 1, 0]  # better by 0.5 is not more than 0.5
    assert (one.value, one.best.step) == (2.9, 2)
    assert losses(one, [2.8, 2.7]) == [1, 2]
    assert (one.value, one.exhausted) == (2.7, True)
    model = MLP(3, [4], 2, rng=0)
    one = BestModel(Snapshot(model, FlatParameters(model)), min_delta=0.25)
    waited = []
    for accuracy in (0.0, 0.25, 0.5, 0.51, 0.75, 1.0):
        one.update(EvaluationRecord(1, 1.0, accuracy))
        waited.append(one.waited)
    assert waited == [0, 1, 2, 3, 4, 5]
    one.update(EvaluationRecord(1, 1.0, 1.26))
    assert one.waited == 0


def test_its_state_is_two_numbers_and_the_snapshot() -> None:
    one, parameters = selection()
    see(one, parameters, [0.5, 0.4])
    state = one.state()
    assert {name: float(state[name]) for name in ("value", "waited")} == {"value": 0.5, "waited": 1}
    assert all(name.startswith("best/") for name in state.keys() - {"value", "waited"})
    old = {{"value": "accuracy"}.get(name, name): array for name, array in state.items()}
    other, _ = selection()
    other.load_state(old)
    assert (other.value, other.waited, other.best.step) == (0.5, 1, 0)
    assert (type(other.value), type(other.waited)) == (float, int)
    for wrong in ({"other": np.array(1)}, {"waited": np.array([1])}):
        fresh, _ = selection()
        with pytest.raises(MlpNumpyError, match=r"BestModel\.load_state"):
            fresh.load_state(state | wrong)
        assert (fresh.value, fresh.waited) == (-np.inf, 0)


def test_what_selection_needs() -> None:
    none: dict[str, Any] = {"monitor": None, "patience": None, "min_delta": 0.0}
    held_out = Split(np.ones((2, 3)), np.arange(2))
    assert selects("W", True, held_out, **none)
    assert not selects("W", False, held_out, **none)
    assert not selects("W", False, None, **none)
    assert selects("W", True, held_out, monitor="loss", patience=1, min_delta=0.1)
    with pytest.raises(OptionError, match=r"W: select must come with a held_out split, got None\."):
        selects("W", True, None, **none)
    for name, value in (("monitor", "loss"), ("patience", 0), ("min_delta", 1e-9)):
        with pytest.raises(OptionError, match=f"W: {name} must come with select, which says what is waited for."):
            selects("W", False, held_out, **none | {name: value})


def test_the_metric_that_is_monitored() -> None:
    model = MLP(3, [4], 2, rng=0)
    snapshot = Snapshot(model, FlatParameters(model))
    metrics = [Metric("mine", r2), Metric("mae", mae, greater_is_better=False)]

    def chosen(monitor: str | None) -> tuple[str, float]:
        one = best_by("W", snapshot, metrics, monitor=monitor, patience=2, min_delta=0.5)
        assert (one.patience, one.min_delta) == (2, 0.5)
        return one.monitor, one.value

    assert [chosen(name) for name in (None, "mine", "mae", "loss")] == [
        ("mine", -np.inf),
        ("mine", -np.inf),
        ("mae", np.inf),
        ("loss", np.inf),
    ]
    with pytest.raises(OptionError, match="W: unknown monitor 'other'"):
        chosen("other")
