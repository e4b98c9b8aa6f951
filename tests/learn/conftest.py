"""Verdicts on answers, with the worker in this process: test_process.py has the processes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from learn_answers import with_backward

from mlp_numpy.learn import EXERCISES, Exercise, FileVerdict, Question, check_file
from mlp_numpy.learn.process import FileRun, reported
from mlp_numpy.learn.worker import answer_all

_ask = Exercise.questions


@functools.cache
def _questions(name: str, seed: int) -> list[Question]:
    return list(_ask(EXERCISES[name], seed))


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str, str], FileVerdict]:
    """(exercise, body of backward) → the verdict; the questions of an exercise are made once."""

    def run_file(file: Path, questions: Sequence[dict[str, Any]], n_gradients: int, seconds: float) -> FileRun:
        arrays = {f"{i}/{key}": value for i, given in enumerate(questions) for key, value in given.items()}
        np.savez(tmp_path / "questions.npz", **arrays)
        answer_all(file, tmp_path, n_gradients)
        return reported(tmp_path, "")

    def questions(exercise: Exercise, seed: int = 0) -> Iterator[Question]:
        return iter(_questions(exercise.name, seed))

    def judged(name: str, body: str) -> FileVerdict:
        exercise = EXERCISES[name]
        # the worker imports the file, which goes when the test ends
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        file = tmp_path / f"{name}.py"
        file.write_text(with_backward(exercise.template, body), encoding="utf-8")
        return check_file(exercise, file)

    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr("mlp_numpy.learn.verdict.run_file", run_file)
    monkeypatch.setattr(Exercise, "questions", questions)
    return judged
