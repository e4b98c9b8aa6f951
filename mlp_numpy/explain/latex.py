"""Translation of equations in plain text with Unicode, as derivations have them, to LaTeX.

    σ′(x) = e⁻ˣ/(1 + e⁻ˣ)²   →   \\sigma^{\\prime} (x) = \\frac{e^{-x}}{(1 + e^{-x})^{2}}

A slash without spaces is a fraction of the two terms beside it; one with spaces stays a slash. A subscript is in
Unicode or follows an underscore, an exponent is in Unicode or follows ^. Two spaces or more are a wide gap.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NoReturn

from mlp_numpy.errors import OptionError
from mlp_numpy.explain.notation import (
    BRACKETS,
    FUNCTIONS,
    GREEK,
    HALF,
    HAT,
    INDICES,
    LETTERS,
    LONG_SYMBOLS,
    NUMBER,
    SIGNS,
    SPACES,
    SUBSCRIPT,
    SUPERSCRIPT,
    WORDS,
)

_D = r"\mathrm{d}"
_ENDS = frozenset(")]}| ")


def latex_of(equation: str) -> str:
    """The LaTeX of one line of equations.

    Raises OptionError for an unknown word or sign, a bracket without its other half, or an ambiguous fraction.
    """
    return " ".join(_Translator(equation).sequence())


def aligned_row(equation: str) -> str:
    """The LaTeX of one line as a row of ``aligned``: with ``&`` before its first equals sign or arrow."""
    pieces = _Translator(equation).sequence()
    at = next((i for i, piece in enumerate(pieces) if piece in ("=", SIGNS["⇒"])), None)
    return " ".join(["&", r"\quad", *pieces] if at is None else [*pieces[:at], "&", *pieces[at:]])


def _is_open(latex: str) -> bool:
    """True for a sum or a function without what it is of."""
    return re.split("[_^]", latex)[0].removeprefix("\\") in {*FUNCTIONS, "sum"}


class _Translator:
    """A line and the place reached in it: each method translates what begins there and moves past it.

    sequence   words, signs and fractions      fraction   terms with slashes between
    term       factors without spaces          factor     a base with hat, index and exponent
    """

    def __init__(self, line: str) -> None:
        self.line = unicodedata.normalize("NFD", line.strip()).replace("=\u0338", "\u2260")
        self.at = 0
        self.in_index = False

    def sequence(self, end: str = "") -> list[str]:
        """Everything up to the bracket ``end``, or to the end of the line."""
        pieces: list[str] = []
        factors = False
        while self.at < len(self.line) and self._next() != (end or None):
            if spaces := self._match(SPACES):
                pieces += [r"\qquad"] if len(spaces) > 1 else []
                factors = factors and len(spaces) == 1
            elif words := self._words():
                pieces.append(rf"\text{{ {words} }}")
                factors = False
            elif self._next() in SIGNS:
                pieces.append(SIGNS[self._take()])
                factors = False
            else:
                fraction = self._fraction()
                pieces += [r"\,", fraction] if factors else [fraction]
                factors = not _is_open(fraction)
        if not self.line.startswith(end, self.at):
            self._refuse(f"{end} must follow")
        self.at += len(end)
        return pieces

    def _words(self) -> str:
        """Words of text with single spaces between."""
        found: list[str] = []
        while (word := LETTERS.match(self.line, self.at + bool(found))) and word[0] in WORDS:
            if found and self._next() != " ":
                break
            found.append(word[0])
            self.at = word.end()
        return " ".join(found)

    def _fraction(self) -> str:
        above, inside = self._term()
        while self.line[self.at : self.at + 1] == "/" and self.line[self.at + 1 : self.at + 2].strip():
            self.at += 1
            below, inside_below = self._term()
            if _is_open(above) or _is_open(below):
                self._refuse("a sum or function in a fraction must be in brackets")
            above, inside = rf"\frac{{{inside or above}}}{{{inside_below or below}}}", ""
        return above

    def _term(self) -> tuple[str, str]:
        """The LaTeX of a term, and of what is inside of its brackets if it is nothing but a pair of them."""
        factors = [self._factor()]
        while (sign := self._next()) and sign not in _ENDS and sign not in SIGNS:
            factors.append(self._factor())
        return " ".join(factor for factor, _ in factors), factors[0][1] if len(factors) == 1 else ""

    def _factor(self) -> tuple[str, str]:
        gradient = _D if self._skip_gradient() else ""
        base, inside = self._base()
        low, high, begin = "", "", self.at
        while True:
            before = self.at
            if self._skip(HAT):
                base = rf"\hat{{{base}}}"
            elif self._skip("′"):
                high += r"\prime"
            elif self._next() == "*":
                high += self._take()
            elif index := self._match(SUBSCRIPT):
                low += unicodedata.normalize("NFKC", index)
            elif self._skip("_"):
                low += self._index()
            elif exponent := self._match(SUPERSCRIPT):
                high += unicodedata.normalize("NFKC", exponent).replace("T", r"\top").replace("−", "-")
            elif self._skip("^"):
                high += self._exponent()
            if self.at == before:
                break
        scripts = (f"_{{{low}}}" if low else "") + (f"^{{{high}}}" if high else "")
        return gradient + base + scripts, inside if self.at == begin and not gradient else ""

    def _skip_gradient(self) -> bool:
        """Move past the d of dx, dγ or dout, which stands for a gradient."""
        letters = LETTERS.match(self.line, self.at)
        if letters is None or letters[0][0] != "d" or self.in_index:
            return False
        name, after = letters[0][1:], self.line[letters.end() : letters.end() + 1]
        return (len(name) == 1 or name in LONG_SYMBOLS or (not name and after in GREEK)) and self._skip("d")

    def _base(self) -> tuple[str, str]:
        sign = self._next()
        if sign in BRACKETS:
            left, right = BRACKETS[sign]
            inside = self._inside()
            if r"\frac" in inside or r"\sum" in inside:
                left, right = rf"\left{left}", rf"\right{right}"
            return f"{left} {inside} {right}", inside if sign == "(" else ""
        if self._skip("∂"):
            return rf"\partial {self._factor()[0]}", ""
        if self._skip("√"):
            root, inside = self._base()
            return rf"\sqrt{{{inside or root}}}", ""
        if self._skip("Σ"):
            return r"\sum", ""
        if sign in HALF or sign in GREEK:
            return (HALF | GREEK)[self._take()], ""
        if number := self._match(NUMBER):
            return r"\mathbf{1}" if number == "1" and self._next() == "[" else number, ""
        return self._symbol(), ""

    def _symbol(self) -> str:
        name = self._match(LETTERS)
        if name in FUNCTIONS:
            return f"\\{name}"
        if len(name) == 1 or (name and self.in_index):
            return name
        if name in LONG_SYMBOLS:
            return rf"\mathrm{{{name}}}"
        return self._refuse(f"there is no symbol and no word {name or self._next()!r}")

    def _index(self) -> str:
        """A subscript: what is in the braces, or indices without spaces."""
        if self._next() == "{":
            self.in_index = True
            inside = self._inside()
            self.in_index = False
            return inside
        indices = self._match(INDICES) or self._refuse("an index must follow")
        return indices.replace("−", "-").replace("′", r"^{\prime}").replace("*", "^{*}")

    def _exponent(self) -> str:
        """What is in the brackets, or a factor."""
        return self._inside() if self._next() in BRACKETS else self._factor()[0]

    def _inside(self) -> str:
        """What is inside of the brackets that begin here."""
        _, end = BRACKETS[self._take()]
        return " ".join(self.sequence(end))

    def _next(self) -> str:
        return self.line[self.at : self.at + 1]

    def _take(self) -> str:
        self.at += 1
        return self.line[self.at - 1]

    def _skip(self, sign: str) -> bool:
        found = self._next() == sign
        self.at += found
        return found

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.line, self.at)
        self.at += len(found[0]) if found else 0
        return found[0] if found else ""

    def _refuse(self, reason: str) -> NoReturn:
        raise OptionError(f"latex_of: {reason}, got {self.line!r} at character {self.at}.")
