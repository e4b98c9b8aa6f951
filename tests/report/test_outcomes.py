"""Predictions of every task as tables and pictures."""

from __future__ import annotations

import re

import numpy as np
from tiny import tiny

from mlp_numpy.data.dataset import Dataset, Split
from mlp_numpy.report import Predictions
from mlp_numpy.report.outcomes import MOST_MISTAKES, predictions_html


def cells(html: str) -> list[list[str]]:
    return [re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html, re.DOTALL)]


def classified(n_classes: int, truth: list[int], predicted: list[int]) -> Predictions:
    dataset = tiny(30, 10, n_classes)
    outputs = np.full((len(truth), n_classes), 0.1)
    outputs[np.arange(len(truth)), predicted] = np.linspace(0.9, 0.5, len(truth))
    return Predictions(dataset, "validation", 7, dataset.train.inputs[: len(truth)], np.array(truth), outputs)


def test_few_classes_have_a_matrix_and_mistakes_have_pictures() -> None:
    matrix, mistakes = predictions_html(classified(3, [0, 0, 1, 2], [0, 1, 1, 0]))
    assert "2 of 4 validation examples, weights of step 7: accuracy 0.5000." in matrix
    assert cells(matrix)[1:] == [
        ["class 0", "1", "1", "0", "0.500"],
        ["class 1", "0", "1", "0", "1.000"],
        ["class 2", "1", "0", "0", "0.000"],
        ["precision", "0.500", "0.500", "0.000", ""],
    ]
    pictures = re.findall(r'<img alt="([^"]*)"', mistakes)
    assert pictures == [
        "example 2: predicted class 1 0.77, true class class 0 0.10",
        "example 4: predicted class 0 0.50, true class class 2 0.10",
    ]


def test_many_classes_have_a_row_each_the_worst_first() -> None:
    truth = [*range(25), 3, 3]
    table, mistakes = predictions_html(classified(25, truth, [*range(25), 5, 5]))
    assert cells(table)[1] == ["class 3", "3", "0.333", "1.000", "class 5 (2)"]
    assert cells(table)[2][0] == "class 0"
    assert len(cells(table)) == 26
    assert mistakes.count("<img") == 2


def test_not_all_mistakes_are_shown_and_perhaps_there_is_none() -> None:
    _, mistakes = predictions_html(classified(3, [0] * 30, [1] * 30))
    assert mistakes.count("<img") == MOST_MISTAKES
    assert "The 24 of 30 mistakes" in mistakes
    assert "None in 3 validation examples" in predictions_html(classified(3, [0, 1, 2], [0, 1, 2]))[1]


def test_label_sets() -> None:
    x, y = np.zeros((4, 3)), np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    split = Split(x, y, task="multilabel")
    dataset = Dataset("sets", split, split, (3, 1, 1), ("red", "round"))
    scores = np.array([[2.0, -1.0], [-1.0, 3.0], [-2.0, 1.0], [-1.0, -1.0]])
    table, others = predictions_html(Predictions(dataset, "test", 1, x, split.targets, scores))
    assert "All labels right for a fraction of 0.7500 of 4 test examples" in table
    assert cells(table)[1:] == [["red", "2", "0.500", "1.000"], ["round", "2", "1.000", "1.000"]]
    assert others == ""


def test_a_regression_of_several_targets() -> None:
    x, y = np.zeros((50, 2)), np.stack([np.arange(50.0), np.arange(50.0) ** 2], axis=1)
    split = Split(x, y, task="regression")
    dataset = Dataset("numbers", split, split, (2, 1, 1), ("n", "n²"))
    outputs = y.copy()
    outputs[10, 1] += 900
    page, errors = predictions_html(Predictions(dataset, "test", 1, x, y, outputs))
    assert cells(page)[1][:2] == ["n", "1"]
    assert "n²: predicted by true value" in page
    assert cells(errors)[1][:4] == ["11", "n²", "1000", "100"]
