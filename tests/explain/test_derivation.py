"""Derivations: they arrive at the equations that the code implements, in text and in LaTeX that can be typeset."""

from __future__ import annotations

import functools
import inspect
import re
from importlib import resources

import numpy as np
import pytest
from equation_symbols import SYMBOLS
from equation_values import Values, equations_of
from matplotlib.mathtext import MathTextParser

from mlp_numpy.autodiff import Context
from mlp_numpy.cli import main
from mlp_numpy.errors import OptionError
from mlp_numpy.explain import EXAMPLES, FORMULAS, derivation
from mlp_numpy.modules.windows import Windows

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


@functools.cache
def checked(name: str) -> tuple[tuple[Values, ...], tuple[str, ...]]:
    """The symbols of a formula, for several numbers or reductions, and the equations whose members agree in numbers."""
    source = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    found: set[tuple[str, ...]] = set()
    several = tuple(SYMBOLS[name](name))
    for values in several:
        for equation in equations_of(source):
            values.agree(equation)  # defines symbols that earlier equations may have
        found.add(tuple(equation for equation in equations_of(source) if values.agree(equation)))
    (equations,) = found
    return several, equations


CHECKED = {
    **dict.fromkeys(("Add", "Sub", "Multiply", "Divide", "Power", "Where"), 5),
    "MSE": 3,
    "L1": 3,
    "PoissonNLL": 2,
    "CrossEntropy": 3,
    "SoftMaxCrossEntropy": 8,
    "NLL": 3,
    "KLDivergence": 3,
    "BCE": 7,
    "BCEWithLogits": 7,
    "Huber": 3,
    "SmoothL1": 3,
    "SoftMax": 4,
    "LogSoftMax": 5,
    "Normalize": 3,
    "BatchNormalize": 19,
    "LayerNormalize": 9,
    "GroupNormalize": 8,
    "RMSNormalize": 8,
    "Linear": 7,
    "Conv2d": 8,
    "GroupedConv2d": 7,
    "DepthwiseConv2d": 6,
    "WinogradConv2d": 11,
    "Sum": 3,
    "Mean": 3,
    "Max": 1,
    "RowSum": 2,
    "RowMax": 1,
    "MatrixMultiply": 5,
    "BatchMM": 5,
    "Transpose": 2,
    "Expand": 2,
    "Squeeze": 2,
    "Unsqueeze": 2,
    "Reshape": 2,
    "Sigmoid": 6,
    "Tanh": 6,
    "SiLU": 4,
    "Mish": 9,
    "Softplus": 3,
    "LogSigmoid": 4,
    "GELU": 7,
    "GELUTanh": 11,
    "Exp": 2,
    "Log": 4,
    "Sqrt": 4,
    "Id": 3,
    "Negate": 3,
}
"""The number of a derivation's equations that are held against numbers; the others have words or matrices."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SYMBOLS)
def test_the_steps_of_a_derivation_hold_in_numbers(name: str) -> None:
    assert len(checked(name)[1]) == CHECKED[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", SYMBOLS)
def test_a_wrong_step_is_found(name: str) -> None:
    several, equations = checked(name)
    for equation in equations:
        text, condition, rest = equation.partition(" over all ")
        with pytest.raises(AssertionError, match="Not equal to tolerance"):
            several[0].agree(f"{text} + 0.01{condition}{rest}")


def test_the_strips_of_the_derivation_give_the_gradients() -> None:
    """StripConv2d: S_nh,jum = dout_nm,h+u−p*,j−p*, turned kernels W*, and the two sums of products over strips."""
    rng, padding, kernel = np.random.default_rng(2), (0, 1), (2, 3)
    x, w = rng.normal(size=(1, 2, 3, 3)), rng.normal(size=(2, 2, *kernel))
    op, context = FORMULAS["StripConv2d"], Context()
    dout = rng.normal(size=op.forward(context, x, w, over=Windows(kernel, (1, 1), padding)).shape)
    dx, dw, *_ = op.backward(context, dout)
    around = [(size - 1 - pad,) * 2 for size, pad in zip(kernel, padding, strict=True)]
    padded, turned = np.pad(dout, [(0, 0), (0, 0), *around]), w[:, :, ::-1, ::-1]
    dturned, derived = np.zeros(w.shape), np.zeros(x.shape)
    for n, c, i, j in np.ndindex(*x.shape):  # i, j: h and w of the equations
        for m, u, v in np.ndindex(len(w), *kernel):
            derived[n, c, i, j] += padded[n, m, i + u, j + v] * turned[m, c, u, v]
            dturned[m, c, u, v] += x[n, c, i, j] * padded[n, m, i + u, j + v]
    np.testing.assert_allclose(dx, derived, rtol=1e-12)
    np.testing.assert_allclose(dw, dturned[:, :, ::-1, ::-1], rtol=1e-12)
