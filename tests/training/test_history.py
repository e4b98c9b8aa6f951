"""The history of a training, and records as columns."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest

from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord
from mlp_numpy.training.records import as_columns, column_names, from_columns, mean_record

STEPS = [StepRecord(1, 2.5, 0.25, 0.1), StepRecord(2, 1.5, 0.75, 0.05)]


def test_nothing_measured_is_an_empty_table() -> None:
    assert History(RunInfo(), [], [], "test").layer_stats() == {}


def test_every_number_of_a_record_is_a_column() -> None:
    assert column_names(StepRecord) == ["step", "loss", "accuracy", "lr"]
    assert column_names(EvaluationRecord) == ["step", "loss", "accuracy"]
    assert column_names(StepRecord, required=True) == ["step", "loss"]


def test_every_metric_of_an_evaluation_is_a_column_of_every_file(tmp_path: Path) -> None:
    evaluations = [EvaluationRecord(step, 2.0 - step, metrics={"r2": step / 4, "mae": 1.5}) for step in (0, 1)]
    history = History(RunInfo(monitor="mae", task="regression"), [StepRecord(1, 2.5, lr=0.1)], evaluations)
    history.write(tmp_path / "h.json")
    content = json.loads((tmp_path / "h.json").read_text())
    assert content["test"] == {"step": [0, 1], "loss": [2.0, 1.0], "r2": [0.0, 0.25], "mae": [1.5, 1.5]}
    again = History.read(tmp_path / "h.json")
    assert (again.monitor, [dict(record.metrics) for record in again.evaluations]) == (
        "mae",
        [{"r2": 0.0, "mae": 1.5}, {"r2": 0.25, "mae": 1.5}],
    )
    other = History()
    other.load_arrays(history.arrays(), {})
    assert [record.metrics for record in other.evaluations] == [record.metrics for record in evaluations]
    history.write_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text().splitlines()[0] == "part,step,loss,accuracy,lr,r2,mae"
    assert (tmp_path / "h.csv").read_text().splitlines()[3] == "test,1,1.0,,,0.25,1.5"


@pytest.mark.parametrize(("monitor", "best"), [("r2", 1), ("mae", 0), ("loss", 2), ("mine", None)])
def test_the_best_evaluation_is_that_of_the_monitored_metric(monitor: str, best: int | None) -> None:
    rows = [(3.0, 0.1, 1.0), (2.0, 0.5, 2.0), (1.0, 0.3, 1.0)]
    records = [
        EvaluationRecord(step, loss, metrics={"r2": r2, "mae": mae}) for step, (loss, r2, mae) in enumerate(rows)
    ]
    found = History(RunInfo(monitor=monitor), [], records).best
    assert (found and found.step) == best


def test_the_learning_rate_is_in_every_file(tmp_path: Path) -> None:
    history = History(RunInfo(), STEPS, [EvaluationRecord(0, 3.0, 0.1)])
    history.write(tmp_path / "h.json")
    assert json.loads((tmp_path / "h.json").read_text())["train"]["lr"] == [0.1, 0.05]
    assert History.read(tmp_path / "h.json").steps == STEPS
    history.write_csv(tmp_path / "h.csv")
    with (tmp_path / "h.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["part", "step", "loss", "accuracy", "lr"]
    assert rows[2] == ["train", "2", "1.5", "0.75", "0.05"]
    assert rows[3] == ["test", "0", "3.0", "0.1", ""]
    other = History()
    other.load_arrays(history.arrays(), {})
    assert other.steps == STEPS


def test_files_of_before_a_column_are_read(tmp_path: Path) -> None:
    history = History(RunInfo(), [StepRecord(1, 2.5, 0.25)], [])
    history.write(tmp_path / "h.json")
    assert set(json.loads((tmp_path / "h.json").read_text())["train"]) == {"step", "loss", "accuracy"}
    assert math.isnan(History.read(tmp_path / "h.json").steps[0].lr)
    other = History()
    other.load_arrays({"steps": np.array([[1, 2.5, 0.25]]), "evaluations": np.zeros((0, 3))}, {})
    assert (other.steps[0].step, other.steps[0].accuracy) == (1, 0.25)
    assert math.isnan(other.steps[0].lr)


def test_columns_and_means() -> None:
    columns = as_columns(StepRecord, STEPS, 1)
    assert columns == {"step": [1, 2], "loss": [2.5, 1.5], "accuracy": [0.2, 0.8], "lr": [0.1, 0.1]}
    assert from_columns(EvaluationRecord, {"step": [1.0], "loss": [2], "accuracy": [0.5]}) == [
        EvaluationRecord(1, 2.0, 0.5)
    ]
    assert mean_record(StepRecord, STEPS) == StepRecord(2, 2.0, 0.5, pytest.approx(0.075))
    with pytest.raises(KeyError):
        from_columns(StepRecord, {"step": [1], "accuracy": [0.5]})
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        from_columns(StepRecord, {"step": [1], "loss": [], "accuracy": [0.5]})


@pytest.mark.parametrize(
    ("monitor", "task", "metric"),
    [("", "", "accuracy"), ("mae", "regression", "mae"), ("loss", "regression", "r2"), ("loss", "", "accuracy")],
)
def test_the_metric_that_is_shown(monitor: str, task: str, metric: str) -> None:
    assert History(RunInfo(monitor=monitor, task=task)).metric == metric
