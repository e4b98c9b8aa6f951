"""The metadata of a run as JSON and back."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from mlp_numpy.training import EvaluationRecord, RunInfo

FULL = RunInfo(
    **dict.fromkeys(("name", "dataset", "dataset_option", "data_dir", "source", "model", "loss", "optimizer"), "a"),
    parameters=3,
    config={"lr": 0.1},
    shards=2,
    threads=1,
    ranks=2,
    monitor="r2",
    task="regression",
    test_openings=["winner"],
    status="finished",
    seconds=1.5,
    test=EvaluationRecord(7, 0.5, 0.75),
    resumed_at=[3],
    not_saved=["model.npz"],
    tracker_errors=["MLflow: start must not raise"],
    other={"µ": [1]},
)


def test_every_entry_comes_back() -> None:
    content = FULL.as_json()
    assert set(content) == {each.name for each in dataclasses.fields(RunInfo)} - {"other"} | {"µ"}
    assert content["test"] == {"step": 7, "loss": 0.5, "accuracy": 0.75}
    assert RunInfo.from_json(content) == FULL


def test_what_is_not_known_is_left_out() -> None:
    assert RunInfo().as_json() == {}
    assert RunInfo(test_openings=[]).as_json() == {"test_openings": []}
    assert RunInfo(seconds=0.0, parameters=0).as_json() == {"seconds": 0.0, "parameters": 0}
    assert RunInfo.from_json({}) == RunInfo()
    assert RunInfo(seconds=0.0, status="running").lacking("status", "seconds", "dataset", "test_openings") == {
        "dataset",
        "test_openings",
    }


def test_completing_keeps_what_is_known() -> None:
    info = RunInfo(name="b", seconds=0.0, test_openings=[])
    info.complete(FULL)
    assert (info.name, info.seconds, info.dataset, info.config) == ("b", 0.0, "a", {"lr": 0.1})


@pytest.mark.parametrize(
    "content",
    [
        *([], "a", None, {"status": 3}, {"seconds": -1}, {"seconds": "a"}, {"test": {}}, {"test": {"step": -1}}),
        *({"test_openings": "a"}, {"test_openings": [" "]}, {"resumed_at": [1.5]}, {"parameters": -1}, {"config": []}),
    ],
)
def test_entries_of_another_type_are_refused(content: Any) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        RunInfo.from_json(content)
