"""The verdict in plain words: every way to be wrong, with the line where one is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlp_numpy.errors import DataNotFoundError, OptionError
from mlp_numpy.learn import EXERCISES, Exercise, FileVerdict, check_file

Judge = Callable[..., FileVerdict]
LINE = EXERCISES["linear_dx"].template[: EXERCISES["linear_dx"].template.index("    raise Not")].count("\n") + 1

WRONG = {
    "value": ("return 2 * dout @ weight", "dx[1, 0] is 10, must be 5, in the example; relative error 5.0e-01"),
    "shape": ("return dout", "dx must be (2, 3), as x is, got (2, 2), in the example."),
    "None": ("dx = dout @ weight", "dx must be an array of numbers, got None, in the example. Is a return missing?"),
    "text": ("return 'dx'", "dx must be an array of numbers, got an array of <U2, in the example."),
    "object": ("return object()", "dx must be an array of numbers, got an object of type object, in the example."),
    "ragged": ("return [[1.0], [1.0, 2.0]]", "got a list that makes no array, in the example."),
    "complex": ("return 1j * x", "got an array of complex128, in the example."),
    "NaN": ("return np.full_like(x, np.nan)", "dx[0, 0] is nan, must be "),
    "too many": ("return dout @ weight, dout", "backward must return 1 gradient, dx, got 2, in the example."),
    "written": ("dout *= 2\nreturn dout @ weight / 2", f"line {LINE}: dout must not be modified, but was"),
    "state": (
        "backward.n = getattr(backward, 'n', 0) + 1\nreturn dout @ weight * backward.n",
        "a second backward gives something else than the first, in the example; keep no state between calls.",
    ),
    "dtype": (
        "dx = np.zeros(x.shape)\ndx += dout @ weight\nreturn dx",
        "dx must be float32 where x is, got float64. Hint: np.zeros_like(x) has the dtype of x.",
    ),
    "single": (
        "return dout @ weight if x.dtype == np.float64 else 0 * x",
        "in float32, for x (2, 2), weight (2, 2), bias (2,); relative error",
    ),
    "sometimes": (
        "return dout @ weight if len(x) > 1 else dout @ wieght",
        f"line {LINE}, for x (1, 4), weight (4, 4), bias (4,): NameError: name 'wieght' is not defined.",
    ),
}
NOT_RUN = {
    "empty": ("raise NotImplementedError('later')", f"line {LINE}, in the example: not written yet."),
    "raise": (
        "x = dout\nreturn 1 / 0",
        f"line {LINE + 1}, in the example: ZeroDivisionError: division by zero. `return 1",
    ),
    "syntax": ("return dout @@ weight", f"line {LINE}: SyntaxError: invalid syntax. `return dout @@ weight`"),
    "indent": ("if x.size:\nreturn dout", f"line {LINE + 1}: IndentationError: expected an indented block"),
    "exit": ("raise SystemExit(3)", "SystemExit: 3. Leave out exit(): the file is imported, not run."),
    "deep": (
        "return backward(dout, x, weight, bias)",
        f"line {LINE}, in the example: RecursionError: maximum recursion",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_answer_is_told_in_plain_words(kind: str, judge: Judge) -> None:
    body, words = WRONG[kind]
    verdict = judge("linear_dx", body)
    assert verdict.status == "wrong"
    assert words in verdict.problems[0]
    assert str(verdict).startswith("linear_dx: wrong.\n  ")
    json.dumps(verdict.as_json(), allow_nan=False)


@pytest.mark.parametrize("kind", NOT_RUN)
def test_what_cannot_be_run_is_told_with_its_line(kind: str, judge: Judge) -> None:
    body, words = NOT_RUN[kind]
    verdict = judge("linear_dx", body)
    assert verdict.status == "not run"
    assert words in verdict.problems[0]
    line = verdict.line
    assert line is not None and LINE <= line <= LINE + 1
    assert verdict.as_json()["line"] == line


def test_several_wrong_gradients_are_told_each(judge: Judge) -> None:
    verdict = judge("add", "return 2 * dout, dout")
    assert [problem.split()[0] for problem in verdict.problems] == ["dx[1,", "db"]
    named = {(each.gradient, each.name) for each in verdict.mistakes}
    assert named == {("dx", "doubled"), ("db", "not summed over axis 0")}
    assert verdict.as_json()["gradients"]["dx"]["error"] == 0.5
    assert judge("mlp", "return dout").problems[0].startswith("backward must return 4 gradients, dw1 and db1 and")


def test_an_unknown_mistake_gets_no_name(judge: Judge) -> None:
    verdict = judge("sigmoid", "return dout * np.cos(x)")
    assert verdict.status == "wrong"
    assert verdict.mistakes == ()


def test_an_altered_forward_is_told(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    template = EXERCISES["relu"].template
    monkeypatch.setattr(Exercise, "template", template.replace("np.maximum(x, 0)", "np.maximum(x, 1)"))
    (problem,) = judge("relu", "return dout * (x > 0)").problems
    assert problem == "forward is not the one of the exercise any more, in the example; take it from a fresh copy."
    monkeypatch.setattr(Exercise, "template", template.replace("def forward", "def forwards"))
    verdict = judge("relu", "return dout * (x > 0)")
    assert verdict.problems == ("the file must define forward, found no such function.",)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataNotFoundError, match="there must be a file"):
        check_file(EXERCISES["relu"], tmp_path / "relu.py")
    with pytest.raises(OptionError, match="seconds must be a number of seconds in"):
        check_file(EXERCISES["relu"], tmp_path / "relu.py", seconds=0)
