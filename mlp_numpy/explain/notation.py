"""Notation of the equations in docstrings and derivations: letters, signs, names and words, with their LaTeX."""

from __future__ import annotations

import re
from typing import Final

_PAIRS: Final = (
    "α alpha β beta γ gamma δ delta ε varepsilon λ lambda μ mu π pi ρ rho σ sigma φ varphi Δ Delta Φ Phi "
    "− - + + / / , , . . = = < < > > ± pm · cdot × times ⊙ odot ≠ neq ≤ leq ≥ geq → to ⇒ Rightarrow"
)
_LATEX: Final = {
    sign: f"\\{name}" if name.isalpha() else name
    for sign, name in zip(_PAIRS.split()[::2], _PAIRS.split()[1::2], strict=True)
}
GREEK: Final = {letter: latex for letter, latex in _LATEX.items() if letter.isalpha()}
SIGNS: Final = {sign: latex for sign, latex in _LATEX.items() if not sign.isalpha()}
BRACKETS: Final = {"(": ("(", ")"), "[": ("[", "]"), "{": ("{", "}"), "|": ("|", "|")}
"""An opening bracket, and it and the one that closes it, which LaTeX writes alike."""

HALF: Final = {"½": r"\frac{1}{2}"}
HAT: Final = "\u0302"

FUNCTIONS: Final = frozenset({"exp", "log", "tanh", "max", "min"})
"""Functions with a command of their own in LaTeX."""

LONG_SYMBOLS: Final = frozenset({"out", "loss", "sign", "erf", "KH", "KW"})
"""Symbols of several letters."""

_SENTENCES: Final = (
    "above all and at back between blocks copies dimension else every for gradients images in is it its "
    "lies maximum of or order others over overlap part place plus position see shape slope that the their them tiles "
    "values where whose windows with without numbers"
)
WORDS: Final = frozenset(_SENTENCES.split())
"""What may stand in an equation as text: a closed list, so that a misspelled symbol is an error."""

SUBSCRIPT: Final = re.compile("[₀-₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ]+")
SUPERSCRIPT: Final = re.compile("[⁰¹²³⁴-⁹⁺⁻ⁱⁿˣᵀᵃᵇᶜ]+")
INDICES: Final = re.compile(r"(?:[A-Za-z0-9′*]|\([^()]*\)|[+−,](?=[A-Za-z0-9(]))+")
"""What may follow an underscore without braces: indices, also sums of them without spaces."""

LETTERS: Final = re.compile("[A-Za-z]+")
NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")
SPACES: Final = re.compile(" +")
