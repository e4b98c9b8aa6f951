"""The exercises: each accepts the right answer, and names at least three typical wrong ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from learn_answers import ANSWERS

from mlp_numpy.errors import OptionError
from mlp_numpy.learn import EXERCISES, MILESTONES, FileVerdict, exercise_of

Judge = Callable[..., FileVerdict]

WRONG = [(name, mistake) for name, answers in ANSWERS.items() for mistake in answers.wrong]


def test_every_exercise_has_answers() -> None:
    assert list(ANSWERS) == list(EXERCISES)
    assert len(EXERCISES) >= 20
    assert all(len(answers.wrong) >= 3 for answers in ANSWERS.values())
    with pytest.raises(OptionError, match="Did you mean 'linear_dx'"):
        exercise_of("linear_dxx")


@pytest.mark.parametrize("name", ANSWERS)
def test_the_right_answer_is_right(name: str, judge: Judge) -> None:
    verdict = judge(name, ANSWERS[name].right)
    assert (verdict.status, verdict.problems, verdict.mistakes) == ("right", (), ())
    assert [each.name for each in verdict.worst] == list(EXERCISES[name].gradient_names)


@pytest.mark.parametrize(("name", "mistake"), WRONG, ids=lambda word: word.replace(" ", "-"))
def test_a_typical_mistake_is_named(name: str, mistake: str, judge: Judge) -> None:
    verdict = judge(name, ANSWERS[name].wrong[mistake])
    assert verdict.status == "wrong"
    assert {each.name for each in verdict.mistakes} == {mistake}
    assert all(each.why for each in verdict.mistakes)
    assert "right but for one known mistake: " in str(verdict)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_file_shows_the_equation_and_an_example(name: str) -> None:
    text = EXERCISES[name].template
    head = text.split('"""')[1]
    number = list(EXERCISES).index(name) + 1
    assert head.startswith(f"Exercise {number}: ")
    lines = {line[:12].strip() for line in head.splitlines()}
    assert {"Forward", "Wanted", "Shapes", "Think of", "Example", "Check"} <= lines
    assert head.endswith(f"learn check {name}\n")
    assert max(map(len, text.splitlines())) <= 120
    shown = {line[12:].split()[0] for line in head[head.index("\nExample") :].splitlines()[1:] if line[12:].strip()}
    assert {*EXERCISES[name].example, "out", "dout", *EXERCISES[name].gradient_names} <= shown


def test_the_page_lists_every_exercise_and_milestone() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exercises.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| (.+) \| (.+) \|$", page, re.MULTILINE)
    expected = [
        (str(number), name, exercise.title, next(iter(ANSWERS[name].wrong)))
        for number, (name, exercise) in enumerate(EXERCISES.items(), 1)
    ]
    assert rows == expected
    assert re.findall(r"^\| `(\w+)` \| ", page, re.MULTILINE) == list(MILESTONES)
