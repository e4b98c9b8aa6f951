"""Formulas explained: the loops say what the formulas say, and the command prints both."""

from __future__ import annotations

import dataclasses
import functools
import re
from typing import Any

import numpy as np
import pytest

from mlp_numpy.autodiff import Context
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError
from mlp_numpy.explain import EXAMPLES, derivation, explain_formula

NAMES = ["CrossEntropy", "LeakyReLU", "Linear", "ReLU", "SoftMax", "SoftMaxCrossEntropy"]


def constants_of(name: str, reduction: str) -> dict[str, object]:
    if "CrossEntropy" in name:
        return {"y": np.array([3, 0, 2]), "reduction": reduction}
    return {"neg_slope": -0.3} if name == "LeakyReLU" else {}


def assert_differences(text: str) -> None:
    """The last two lines say how far loops and formula are apart, and formula and complex steps."""
    found = re.search(r"^Largest difference: (\S+)\nLargest .* complex steps: (\S+)$", text, re.MULTILINE)
    assert found is not None
    assert float(found[1]) < 1e-14
    assert float(found[2]) < 1e-14


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loops_say_what_the_formula_says(name: str, reduction: str) -> None:
    chosen, rng = EXAMPLES[name], np.random.default_rng(5)
    shapes = {"x": (3, 4), "weight": (2, 4), "bias": (2,)}
    arrays = [rng.normal(size=shapes[key]) for key in chosen.arrays]
    if name == "CrossEntropy":
        arrays = [rng.dirichlet(np.ones(4), size=3)]
    constants, context = constants_of(name, reduction), Context()
    out = chosen.op.forward(context, *arrays, **constants)
    np.testing.assert_allclose(chosen.forward(*arrays, **constants), out, rtol=1e-13, atol=1e-15)
    dout = np.asarray(rng.normal(size=np.shape(out)))
    fast, slow = chosen.op.backward(context, dout), chosen.backward(dout, *arrays, **constants)
    pairs = zip(slow, fast, strict=True) if isinstance(slow, tuple) else [(slow, fast)]
    for by_sums, by_formula in pairs:
        np.testing.assert_allclose(by_sums, by_formula, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_the_command_prints_equations_sums_and_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", name]) == 0
    text = capsys.readouterr().out
    assert text == explain_formula(name) + "\n"
    for part in ("Forward ", "Backward ", "for n in range" if "ReLU" not in name else "np.ndindex", "_backward(dout"):
        assert part in text or name == "SoftMaxCrossEntropy"
    assert_differences(text)
    assert max(map(len, text.splitlines())) <= 120


def test_the_example_of_linear_by_hand() -> None:
    # out₁₁ = 1·1 − 2·0 + 0.5·2 + 0.1 = 2.1, and dW₁₁ = dout₁₁ x₁₁ + dout₂₁ x₂₁ = 1·1 + 2·3 = 7
    text = explain_formula("Linear")
    assert re.search(r"^out +\[\[ 2\.10 -6\.95\] +\[\[ 2\.10 -6\.95\]$", text, re.MULTILINE)
    assert re.search(r"^dweight \[\[ 7\.00 -2\.00 -1\.50\]", text, re.MULTILINE)


def test_an_unknown_formula(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match="unknown formula 'LeakyRelU'. Did you mean 'LeakyReLU'"):
        explain_formula("LeakyRelU")
    assert main(["explain", "liner"]) == 1
    assert (
        "unknown formula 'liner'. Did you mean 'Linear'? Known: AdaptiveAvgPool2d, Add, AvgPool2d, BCE, "
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("name", sorted(EXAMPLES.keys() - set(NAMES)))
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loops_of_the_other_examples_say_what_the_formula_says(name: str, reduction: str) -> None:
    chosen, context = EXAMPLES[name], Context()
    arrays = [np.array(value) for value in chosen.arrays.values()]
    constants = chosen.constants | ({"reduction": reduction} if "reduction" in chosen.constants else {})
    out = chosen.op.forward(context, *arrays, **constants)
    np.testing.assert_allclose(chosen.forward(*arrays, **constants), out, rtol=1e-13, atol=1e-15)
    dout = np.asarray(np.random.default_rng(5).normal(size=np.shape(out)))
    fast, slow = chosen.op.backward(context, dout), chosen.backward(dout, *arrays, **constants)
    pairs = zip(slow, fast, strict=True) if isinstance(slow, tuple) else [(slow, fast)]
    for by_sums, by_formula in pairs:
        np.testing.assert_allclose(by_sums, by_formula, rtol=1e-12, atol=1e-14)
    text = explain_formula(name)
    assert_differences(text)
    assert derivation(name).text in text
    assert "np.ndindex" in text or "for n in range" in text
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_wrong_loop_or_formula_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = EXAMPLES[name]

    def doubled(*arrays: Any, **constants: Any) -> Any:
        gradients = chosen.backward(*arrays, **constants)
        return tuple(2 * dx for dx in gradients) if isinstance(gradients, tuple) else 2 * gradients

    wrong = functools.wraps(chosen.backward)(doubled)
    monkeypatch.setitem(EXAMPLES, name, dataclasses.replace(chosen, backward=wrong))
    found = re.search(r"^Largest difference: (\S+)$", explain_formula(name), re.MULTILINE)
    assert found is not None
    assert float(found[1]) > 1e-3


def test_the_command_explains_an_elementary_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "Id"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("Id, in mlp_numpy.autodiff.ops.functions\n\nForward     out = x ")
    assert "Backward    dx = dout" in text
