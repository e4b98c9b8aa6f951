"""A session answers messages in JSON, errors included."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest

import mlp_numpy
from mlp_numpy.browser import Session
from mlp_numpy.explain import EXAMPLES


def ask(session: Session, do: str, **fields: Any) -> Any:
    return json.loads(session.answer(json.dumps({"do": do, **fields})))


def test_a_training_by_messages() -> None:
    session = Session()
    start = ask(session, "train_start", settings={"data": "clouds", "hidden": [8], "seed": 1})["result"]
    assert start["settings"]["hidden"] == [8]
    assert [layer["text"].split("(")[0] for layer in start["layers"]] == ["LinearModule", "TanhModule", "LinearModule"]
    assert start["n_parameters"] == 3 * 8 + 9 * 3
    found = ask(session, "train_step", n=40)["result"]
    assert found["step"] == len(found["losses"]) == 40
    assert np.mean(found["losses"][-5:]) < np.mean(found["losses"][:5])
    assert ask(session, "train_step")["result"]["step"] == 41
    assert ask(session, "train_view")["result"]["step"] == 41
    assert {check["verdict"] for check in ask(session, "train_checks")["result"]} == {"fine"}
    assert ask(session, "train_trace")["result"][0]["pass"] == "Forward"


def test_it_says_what_there_is() -> None:
    about = ask(Session(), "about")["result"]
    assert about["versions"]["numpy"] == np.__version__
    assert about["versions"]["mlp_numpy"] == mlp_numpy.__version__
    assert about["data"] == ["clouds", "spirals", "digits"]
    assert "adam" in about["optimizer"]
    assert [each["name"] for each in ask(Session(), "layers")["result"]] == list(EXAMPLES)
    assert set(ask(Session(), "exercises")["result"]) <= set(EXAMPLES)


def test_formulas_and_exercises_by_messages() -> None:
    session = Session()
    assert ask(session, "layer", name="ReLU")["result"]["out"] == [[1, 0, 0.5], [3, 0, 0]]
    zeros = [[0, 0, 0], [0, 0, 0]]
    assert ask(session, "layer", name="ReLU", arrays={"x": zeros})["result"]["out"] == zeros
    task = ask(session, "exercise", name="ReLU")["result"]
    assert not ask(session, "judge", name="ReLU", code=task["start"])["result"]["passed"]


@pytest.mark.parametrize(
    ("message", "kind", "text"),
    [
        ("no json", "OptionError", "a message must be JSON"),
        ("[1]", "OptionError", 'an object with a key "do"'),
        ('{"do": 1}', "OptionError", 'an object with a key "do"'),
        ('{"do": "train_setp"}', "OptionError", "Did you mean 'train_step'?"),
        ('{"do": "train_step", "m": 1}', "OptionError", "wrong arguments of train_step"),
        ('{"do": "train_step"}', "CallOrderError", "train_start first"),
        ('{"do": "train_start", "settings": {"lrr": 1}}', "UnknownNameError", "there is no 'lrr'"),
        ('{"do": "layer", "name": "Relu"}', "OptionError", "Did you mean 'ReLU'?"),
        ('{"do": "layer"}', "OptionError", "wrong arguments of layer"),
    ],
)
def test_an_error_is_an_answer(message: str, kind: str, text: str) -> None:
    error = json.loads(Session().answer(message))["error"]
    assert error["kind"] == kind
    assert re.search(re.escape(text), error["message"])


def test_a_fault_of_the_library_is_not_taken_for_a_wrong_message(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session()

    def faulty() -> None:
        raise TypeError("within")

    monkeypatch.setattr("mlp_numpy.browser.live.LiveTraining.view", lambda self: faulty())
    ask(session, "train_start", settings={"data": "clouds"})
    with pytest.raises(TypeError, match="within"):
        session.answer('{"do": "train_view"}')
