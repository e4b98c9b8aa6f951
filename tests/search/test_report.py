"""The table of a search."""

from __future__ import annotations

import numpy as np

from mlp_numpy.search import Space, TrialResult, table_text, tables
from mlp_numpy.training import EvaluationRecord


def test_the_table_has_rates_as_rows_and_decays_as_columns() -> None:
    space = Space({}, {"weight_decay": [0.0, 1e-4, 1e-3], "hidden": [(4,), ()], "lr": [1e-2, 1e-3]})

    def outcome(accuracy: float, **point: object) -> TrialResult:
        record = EvaluationRecord(1, 0.0, accuracy)
        return TrialResult(point, "finished", record, record, 1.0)

    known = [
        outcome(0.5, lr=1e-2, weight_decay=1e-4, hidden=(4,)),
        outcome(0.25, lr=1e-3, weight_decay=0.0, hidden=()),
        outcome(0.75, lr=1e-3, weight_decay=1e-3, hidden=(4,)),
    ]
    first, second = tables(space, known)
    assert first.fixed == {"hidden": (4,)}
    np.testing.assert_array_equal(first.values, [[np.nan, 0.5, np.nan], [np.nan, np.nan, 0.75]])
    np.testing.assert_array_equal(second.values, [[np.nan] * 3, [0.25, np.nan, np.nan]])
    assert table_text(first).splitlines() == [
        "hidden 4",
        "",
        "| learning rate \\ weight decay | 0 | 0.0001 | 0.001 |",
        "|---|---|---|---|",
        "| 0.01 | – | 0.5000 | – |",
        "| 0.001 | – | – | **0.7500** |",
    ]
    assert tables(Space({}, {"lr": [0.1]}), known) == []
