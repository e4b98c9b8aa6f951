"""Derivations: they arrive at the equations that the code implements, in text and in LaTeX that can be typeset."""

from __future__ import annotations

import functools
import inspect
import re
from importlib import resources

import numpy as np
import pytest
from matplotlib.mathtext import MathTextParser

from mlp_numpy.autodiff import Context
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError
from mlp_numpy.explain import EXAMPLES, FORMULAS, derivation

FOLDER = resources.files("mlp_numpy.explain") / "derivations"
DISPLAY = re.compile(r"\\\[\n\\begin\{aligned\}\n(.*?)\n\\end\{aligned\}\n\\\]", re.DOTALL)
INLINE = re.compile(r"\$([^$]+)\$")


def joined(text: str) -> str:
    return " ".join(text.split())


def results(name: str) -> list[str]:
    """The equations of gradients in the docstring's line Backward, such as ``dW = doutᵀ x``."""
    equations = inspect.cleandoc(FORMULAS[name].__doc__ or "")
    backward = re.search(r"^Backward +(.*?)^(?:Shapes|Shards) ", equations, re.DOTALL | re.MULTILINE)
    assert backward is not None
    return [piece for piece in re.split(r"\n| {2,}", backward[1]) if re.match(r"d\S+ = ", piece)]


@pytest.mark.parametrize("name", FORMULAS)
def test_a_derivation_arrives_at_what_the_code_implements(name: str) -> None:
    derived = joined(derivation(name).text)
    assert results(name)
    for equation in results(name):
        assert joined(equation) in derived


@pytest.mark.parametrize("name", FORMULAS)
def test_a_derivation_names_the_gradient_of_every_input(name: str) -> None:
    code = {"weight": "W", "bias": "b", "gamma": "γ", "beta": "β", "slope": "a", "matrix": "M", "vectors": "V"}
    for key in EXAMPLES[name].arrays:
        letter = re.sub(r"x\d", "x", code.get(key, key))
        assert re.search(rf"\bd{letter}\b|\bd{letter}[ᵢₙₖₛ_]", derivation(name).text), key


def test_every_file_is_a_formula_or_included_by_one() -> None:
    files = {path.name.removesuffix(".txt"): path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    included = {word for text in files.values() for word in re.findall(r"^include (\w+)$", text, re.MULTILINE)}
    assert files.keys() == FORMULAS.keys() | included
    for name in files.keys() & FORMULAS.keys():
        assert not any(line != line.rstrip() or len(line) > 124 for line in files[name].splitlines()), name


@pytest.mark.parametrize("name", FORMULAS)
def test_the_text_fits_a_terminal_and_has_no_markup(name: str) -> None:
    text = derivation(name).text
    assert max(map(len, text.splitlines())) <= 120
    assert not re.search("[`$\\\\]|^include", text, re.MULTILINE)


@functools.cache
def typeset(row: str) -> None:
    """Raises ValueError for LaTeX that Matplotlib cannot typeset."""
    MathTextParser("path").parse(f"${row}$")


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMULAS)
def test_the_latex_can_be_typeset(name: str) -> None:
    latex = derivation(name).latex
    rows = [row for display in DISPLAY.findall(latex) for row in display.split(" \\\\\n")]
    assert rows
    for row in rows:
        assert row.count("&") == 1
        typeset(row.replace("&", ""))
    for symbols in INLINE.findall(DISPLAY.sub("", latex)):
        typeset(symbols)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_sentences_need_no_escape_in_latex(name: str) -> None:
    sentences = INLINE.sub("", DISPLAY.sub("", derivation(name).latex))
    assert sentences.isascii()
    assert not re.search(r"[\\$&%#_^{}~`]", sentences)


def test_what_cannot_be_typeset_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected"):
        typeset(r"\frac{1}")


def test_the_derivation_of_linear() -> None:
    text = derivation("Linear").text
    assert "∂L/∂W_md = Σₙ ∂L/∂out_nm ∂out_nm/∂W_md = Σₙ dout_nm x_nd      ⇒      dW = doutᵀ x" in text
    assert (
        r"\frac{\partial L}{\partial W_{md}} & = \sum_{n} \frac{\partial L}{\partial \mathrm{out}_{nm}} \, "
        r"\frac{\partial \mathrm{out}_{nm}}{\partial W_{md}} = \sum_{n} \mathrm{d}\mathrm{out}_{nm} \, x_{nd} \\"
        "\n"
        r"& \Rightarrow \mathrm{d}W = \mathrm{d}\mathrm{out}^{\top} \, x \\"
    ) in derivation("Linear").latex


def test_what_formulas_share_is_told_in_each() -> None:
    for name in ("MSE", "Huber"):
        assert "∂L/∂lossₙₖ = dout ∂out/∂lossₙₖ = dout vₙ/KΣv" in derivation(name).text


def test_the_command_prints_the_latex_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "Linear", "--latex"]) == 0
    assert capsys.readouterr().out == derivation("Linear").latex + "\n"


def test_an_unknown_formula_has_no_derivation(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match="unknown formula 'Linaer'. Did you mean 'Linear'"):
        derivation("Linaer")
    assert main(["explain", "elementwise", "--latex"]) == 1
    assert "unknown formula 'elementwise'" in capsys.readouterr().err


def test_the_six_lines_of_batch_norm() -> None:
    """Each line of the derivation in numbers, the last of them beside the code."""
    rng = np.random.default_rng(3)
    x, dout, gamma, beta, eps = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=3), np.ones(3), 0.1
    context, n_rows = Context(), len(x)
    out = FORMULAS["BatchNormalize"].forward(context, x, gamma, beta, eps=eps)
    mean = x.mean(axis=0)
    variance = ((x - mean) ** 2).sum(axis=0) / n_rows
    r = (variance + eps) ** -0.5
    x_hat = r * (x - mean)
    np.testing.assert_allclose(out, gamma * x_hat + beta, rtol=1e-13)
    dbeta = dout.sum(axis=0)
    dgamma = (dout * x_hat).sum(axis=0)
    dx_hat = gamma * dout
    dvariance = -0.5 * r**3 * (dx_hat * (x - mean)).sum(axis=0)
    np.testing.assert_allclose(dvariance, -0.5 * r**2 * (dx_hat * x_hat).sum(axis=0), rtol=1e-13)
    dmean = -r * dx_hat.sum(axis=0)
    dx = dx_hat * r + dvariance * 2 * (x - mean) / n_rows + dmean / n_rows
    np.testing.assert_allclose(
        dx, r / n_rows * (n_rows * dx_hat - dx_hat.sum(axis=0) - x_hat * (dx_hat * x_hat).sum(axis=0)), rtol=1e-12
    )
    for derived, gradient in zip((dx, dgamma, dbeta), FORMULAS["BatchNormalize"].backward(context, dout), strict=True):
        np.testing.assert_allclose(gradient, derived, rtol=1e-12)
