"""Exercises: the shipped backward passes, wrong ones do not, and the reason is told."""

from __future__ import annotations

import inspect
import textwrap
from typing import Any

import pytest

from mlp_numpy import modules
from mlp_numpy.browser import FormulaExercise, judge
from mlp_numpy.browser.exercises import exercise_names
from mlp_numpy.errors import OptionError
from mlp_numpy.explain import EXAMPLES

NAMES = exercise_names()
HEAD = "def backward(context, dout):\n"


def test_every_formula_of_a_module_has_an_exercise() -> None:
    assert {name for name in EXAMPLES if hasattr(modules, name)} <= set(NAMES) <= set(EXAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_the_start_is_refused_with_a_word_on_its_form(name: str) -> None:
    exercise = FormulaExercise.of(name)
    verdict = judge(name, exercise.start)
    assert not verdict["passed"]
    assert verdict["reasons"][0].startswith("Gradient 1 must be an array of")
    assert all(f'context["{key}"]' in exercise.start for key in exercise.kept)
    assert "def forward(" in exercise.forward


@pytest.mark.parametrize("name", [name for name in NAMES if "Conv" not in name])
def test_the_shipped_backward_passes(name: str) -> None:
    source = textwrap.dedent(inspect.getsource(EXAMPLES[name].op.backward)).replace("@staticmethod\n", "")
    verdict = judge(name, source)
    assert verdict["reasons"] == []
    assert verdict["passed"]
    checks = [check for check in verdict["checks"] if check["check"] == "complex"]
    assert len(checks) == 3
    assert all(check["error"] < 1e-12 for check in checks)


RIGHT = """    x, weight = context["x"], context["weight"]
    return dout @ weight, dout.T @ x, dout.sum(axis=0)
"""
WRONG = {
    "weight doubled": (RIGHT.replace("dout.T", "2 * dout.T"), "complex step: dweight"),
    "bias a mean": (RIGHT.replace("sum", "mean"), "complex step: dbias"),
    "one gradient": (HEAD * 0 + "    return dout\n", "must return one gradient per array of the forward, 3, got 1"),
    "wrong shape": (RIGHT.replace("dout.sum(axis=0)", "dout"), "Gradient 3 must be an array of (4,)"),
    "a name": ("    return dx\n", "Line 2, 'return dx': NameError"),
    "dout changed": ("    dout *= 1\n    dout += 1\n    dout -= 1\n" + RIGHT.replace("dout @", "1.5 * dout @"), "dx["),
}


def test_a_plain_answer_passes() -> None:
    assert judge("Linear", HEAD + RIGHT)["passed"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_refused_with_the_reason(name: str) -> None:
    code, reason = WRONG[name]
    verdict = judge("Linear", HEAD + code)
    assert not verdict["passed"]
    assert any(reason in each for each in verdict["reasons"]), verdict["reasons"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def backward(context, dout)\n    return 1", "Line 1: SyntaxError"),
        ("x = 1", "must define backward(context, dout), found none"),
        ("1 / 0", "Line 1, '1 / 0': ZeroDivisionError"),
        ("backward = 3", "must define backward"),
    ],
)
def test_code_that_is_no_backward(code: str, reason: str) -> None:
    verdict = judge("ReLU", code)
    assert verdict == {"passed": False, "checks": [], "reasons": [verdict["reasons"][0]]}
    assert reason in verdict["reasons"][0]


@pytest.mark.parametrize(("name", "code"), [("relu", ""), (3, ""), ("ReLU", None)])
def test_wrong_arguments_are_refused(name: Any, code: Any) -> None:
    with pytest.raises(OptionError):
        judge(name, code)
