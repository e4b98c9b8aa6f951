"""The page of a formula: its own numbers, and others in their place."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mlp_numpy.browser import equation_lines, formula_page
from mlp_numpy.errors import MlpNumpyError
from mlp_numpy.explain import EXAMPLES
from mlp_numpy.modules import Linear, SoftMax


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_formula_has_a_page_whose_gradients_agree(name: str) -> None:
    page = formula_page(name)
    json.dumps(page, allow_nan=False)
    assert [each["name"] for each in page["gradients"]] == [f"d{key}" for key in EXAMPLES[name].arrays]
    assert [each["name"] for each in page["inputs"]] == [*EXAMPLES[name].arrays, "dout"]
    assert all(each["difference"] < 1e-14 for each in page["gradients"])
    assert {"Forward", "Backward"} <= {line["part"] for line in page["equation"]}


def test_changed_numbers_are_computed_by_the_formula() -> None:
    rng = np.random.default_rng(0)
    x, weight, bias, dout = (rng.normal(size=shape) for shape in ((2, 3), (2, 3), (2,), (2, 2)))
    changed = {"x": x.tolist(), "weight": weight.tolist(), "bias": bias.tolist(), "dout": dout.tolist()}
    page = formula_page("Linear", changed)
    np.testing.assert_allclose(page["out"], x @ weight.T + bias)
    gradients = {each["name"]: each for each in page["gradients"]}
    for kind in ("analytic", "numeric"):
        np.testing.assert_allclose(gradients["dx"][kind], dout @ weight)
        np.testing.assert_allclose(gradients["dweight"][kind], dout.T @ x)
        np.testing.assert_allclose(gradients["dbias"][kind], dout.sum(axis=0))


def test_the_shipped_backward_is_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong backward in its place is shown as wrong."""
    right = SoftMax.backward
    monkeypatch.setattr(SoftMax, "backward", staticmethod(lambda context, dout: 2 * np.asarray(right(context, dout))))
    (gradient,) = formula_page("SoftMax")["gradients"]
    np.testing.assert_allclose(gradient["analytic"], 2 * np.array(gradient["numeric"]))
    assert gradient["difference"] > 0.01


def test_what_is_not_finite_is_none() -> None:
    page = formula_page("MSE", {"x": [[1e200, 0.5, 0.5], [0.5, 0.5, 0.5]]})
    assert page["out"] is None
    json.dumps(page, allow_nan=False)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"z": [1.0]}, "has no array 'z'; there are x, weight, bias, dout"),
        ({"x": [[1.0, 2.0]]}, r"x must be \(2, 3\), got \(1, 2\)"),
        ({"bias": ["a", "b"]}, "bias must hold numbers"),
        ({"bias": [None, 1.0]}, "bias must hold numbers"),
        ({"bias": [float("inf"), 1.0]}, "bias must hold finite numbers"),
        ({"x": [[1.0], [2.0, 3.0]]}, "x must be an array of numbers"),
    ],
)
def test_other_inputs_are_refused(changed: dict[str, Any], text: str) -> None:
    with pytest.raises(MlpNumpyError, match=text):
        formula_page("Linear", changed)


@pytest.mark.parametrize("name", ["linear", None, 3])
def test_an_unknown_formula_is_refused(name: Any) -> None:
    with pytest.raises(MlpNumpyError, match="unknown formula"):
        formula_page(name)


def test_the_lines_of_an_equation_belong_to_parts() -> None:
    lines = equation_lines(Linear)
    assert lines[0] == {"part": "Forward", "text": "Forward     out = x Wᵀ + b"}
    parts = [line["part"] for line in lines]
    assert list(dict.fromkeys(parts)) == ["Forward", "Backward", "Shapes", "Caches", "Kinks", "Reference"]
    assert parts.count("Reference") == 2
