"""The history of a training."""

from __future__ import annotations

from mlp_numpy.training import History


def test_nothing_watched_is_an_empty_table() -> None:
    assert History({}, [], [], "test").watched() == {}
