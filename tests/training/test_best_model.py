"""Which evaluation is the best, what is kept of it, and when waiting ends."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, FlatParameters, kaiming
from mlp_numpy.errors import OptionError
from mlp_numpy.training import EvaluationRecord
from mlp_numpy.training.best_model import BestModel
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
