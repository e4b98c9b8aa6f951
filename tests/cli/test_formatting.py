"""What the command line says."""

from __future__ import annotations

import numpy as np

from mlp_numpy.cli.formatting import confusion_table, evaluation_line, run_summary, seeds_table
from mlp_numpy.training import EvaluationRecord, History, RunInfo, StepRecord


def test_confusion_table() -> None:
    text = confusion_table(np.array([[3, 1], [0, 0]]), ["cat", "dog"])
    assert text.splitlines()[2].split() == ["cat", "3", "1", "0.750"]
    assert text.splitlines()[3].split() == ["dog", "0", "0", "0.000"]


def test_an_evaluation_in_one_line() -> None:
    record = EvaluationRecord(100, 1.5, 0.4567)
    assert evaluation_line(record, None) == "step    100   test loss 1.5000 accuracy 0.4567"
    assert evaluation_line(record, StepRecord(100, 1.25, 0.5)).endswith("batch loss 1.2500 accuracy 0.500")


def test_the_summary_names_the_best_and_the_last() -> None:
    history = History(RunInfo(status="finished", seconds=1.23, dataset="tiny"))
    for step, accuracy in ((0, 0.1), (10, 0.6), (20, 0.5)):
        history.add(EvaluationRecord(step, 1.0, accuracy))
    assert run_summary(history).splitlines() == [
        "finished after step 20, 1.2 s, on tiny",
        "test accuracy: last 0.5000, best 0.6000 at step 10",
    ]


def test_the_table_of_seeds_leaves_out_what_did_not_end() -> None:
    status = {3: "finished", 4: "stopped: Trainer.run: a loss", 5: "stopped early"}
    figures = {"last": ([0.5, 0.7], 0.6, 0.1414), "test": ([0.25, 0.75], 0.5, None)}
    assert [line.split() for line in seeds_table(status, figures, "validation").splitlines()] == [
        ["seed", "last", "validation", "test", "status"],
        ["3", "0.5000", "0.2500", "finished"],
        ["4", "stopped"],
        ["5", "0.7000", "0.7500", "stopped", "early"],
        ["mean", "0.6000", "0.5000"],
        ["±", "std", "0.1414"],
    ]
