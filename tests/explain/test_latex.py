"""Equations as LaTeX: each sign of the notation, and what is refused."""

from __future__ import annotations

import pytest

from mlp_numpy.errors import OptionError
from mlp_numpy.explain.latex import aligned_row, latex_of

D = r"\mathrm{d}"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        # indices: in Unicode, after an underscore, in braces
        ("xₙᵢ", "x_{ni}"),
        ("out_nmij", r"\mathrm{out}_{nmij}"),
        ("x_{n,i(n)}", "x_{n , i ( n )}"),
        ("Σ_{j ≠ yₙ} xⱼ", r"\sum_{j \neq y_{n}} x_{j}"),
        ("S_nh,(w+v)um W", r"S_{nh,(w+v)um} \, W"),
        ("x_nd, y", "x_{nd} , y"),
        ("W_mc,KH−1−u", "W_{mc,KH-1-u}"),
        # exponents, hats, primes, stars
        ("eˣ + e⁻ˣ", "e^{x} + e^{-x}"),
        ("e^(−x²/2)", r"e^{- \frac{x^{2}}{2}}"),
        ("e^xₙₖ − y", "e^{x_{nk}} - y"),
        ("dout_gᵀ", rf"{D}\mathrm{{out}}_{{g}}^{{\top}}"),
        ("x̂ₛ", r"\hat{x}_{s}"),
        ("H′", r"H^{\prime}"),
        ("f′(x)", r"f^{\prime} ( x )"),
        ("W*_c", "W_{c}^{*}"),
        # gradients
        ("dx = dW + dγ + dx̂ + dd_tc", rf"{D}x = {D}W + {D}\gamma + {D}\hat{{x}} + {D}d_{{tc}}"),
        ("d + d₀", "d + d_{0}"),
        ("∂L/∂σ²", r"\frac{\partial L}{\partial \sigma^{2}}"),
        # fractions: of the terms beside a slash without spaces, whose outer brackets go
        ("a b/c d", r"a \, \frac{b}{c} \, d"),
        ("2x/KΣv", r"\frac{2 x}{K \sum v}"),
        ("(a + b)/(c + d)", "\\frac{a + b}{c + d}"),
        ("(a)(b)/(c)²", "\\frac{( a ) ( b )}{( c )^{2}}"),
        ("a / b", "a / b"),
        ("(a/b)/c", r"\frac{\frac{a}{b}}{c}"),
        ("½ x", r"\frac{1}{2} \, x"),
        # brackets, roots, functions, the indicator
        ("(x/2)", r"\left( \frac{x}{2} \right)"),
        ("|r| − 1", r"| r | - 1"),
        ("√(2π) √x", r"\sqrt{2 \pi} \, \sqrt{x}"),
        ("exp(x) log x tanh² u", r"\exp ( x ) \, \log x \, \tanh^{2} u"),
        ("sign(r)", r"\mathrm{sign} ( r )"),
        ("1[x > 0]", r"\mathbf{1} [ x > 0 ]"),
        # signs and words
        ("a ⊙ b · c × 2.5", r"a \odot b \cdot c \times 2.5"),
        ("±δ ≤ ε ≥ φ", r"\pm \delta \leq \varepsilon \geq \varphi"),
        ("x for all that lies in it, y else", r"x \text{ for all that lies in it } , y \text{ else }"),
        ("a      ⇒      b", r"a \qquad \Rightarrow \qquad b"),
    ],
)
def test_each_sign(text: str, latex: str) -> None:
    assert latex_of(text) == latex


@pytest.mark.parametrize(
    ("text", "row"),
    [("a = b = c", "a & = b = c"), ("⇒ a = b", r"& \Rightarrow a = b"), ("= b", "& = b"), ("a + b", r"& \quad a + b")],
)
def test_rows_are_aligned_at_the_first_relation(text: str, row: str) -> None:
    assert aligned_row(text) == row


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a = bc", "there is no symbol and no word 'bc', got 'a = bc' at character 6"),
        ("a ? b", r"there is no symbol and no word '\?'"),
        ("(a + b", r"\) must follow, got '\(a \+ b' at character 6"),
        ("a)", "there is no symbol"),
        ("a_ = b", "an index must follow"),
        ("x/Σₙ y", "a sum or function in a fraction must be in brackets"),
        ("exp x/y + log/z", "a sum or function in a fraction must be in brackets"),
    ],
)
def test_what_is_not_in_the_notation_is_refused(text: str, reason: str) -> None:
    with pytest.raises(OptionError, match=reason):
        latex_of(text)
