"""Row numbers as runs: what an array of them would give."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy.data.runs import Runs


@pytest.mark.parametrize("case", range(60))
def test_like_an_array_of_row_numbers(case: int) -> None:
    draws = np.random.default_rng(case)
    n = int(draws.integers(1, 40))
    rows = draws.choice(60, n, replace=case % 3 == 0)
    rows = rows if case % 4 == 0 else np.sort(rows)
    runs = Runs.of_rows(rows)
    assert len(runs) == n
    positions = draws.integers(0, n, 17)
    np.testing.assert_array_equal(runs.of(positions), rows[positions])
    start, stop = sorted(draws.integers(0, n + 1, 2))
    part = runs.part(start, stop)
    np.testing.assert_array_equal(part.of(np.arange(len(part))), rows[start:stop])
    assert [row for run in part.slices() for row in range(run.start, run.stop)] == rows[start:stop].tolist()
    gone = np.sort(draws.choice(n, draws.integers(0, n + 1), replace=False))
    rest = runs.without(gone)
    np.testing.assert_array_equal(rest.of(np.arange(len(rest))), np.delete(rows, gone))


def test_memory_is_that_of_the_runs() -> None:
    assert Runs.span(0, 10**15).without(np.array([5, 6, 10**9])).nbytes == 3 * 16
    assert Runs.span(3, 9).whole == slice(3, 9)
    assert Runs.of_rows(np.array([1, 3])).whole is None
    assert Runs.span(0, 5).digest(0) != Runs.span(0, 6).digest(0)
