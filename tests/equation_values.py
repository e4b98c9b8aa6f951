"""Equations of derivations in numbers: every member of A = B = C must have the same value, for all of its indices."""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Indices = dict[str, int]
Value = Callable[[Indices], Any]
"""An expression: its value for given indices."""

SUBSCRIPT = re.compile("[₀-₉ₐₑₒₓₕₖₗₘₙₚₛₜᵢⱼᵣᵤᵥ]+|_[A-Za-z0-9]+(?:,[a-z]+)*")
EXPONENT = re.compile("[⁰¹²³⁴-⁹⁻ˣᵇ]+")
SYMBOL = re.compile("(?:exp|log|tanh|erf|d?(?:out|loss|[A-Za-zα-ωΔΦ]))\u0302?[′*]*")
CONDITION = re.compile("(?:^For|[:,] for| at) $")
NUMBER = re.compile(r"\d+(?:\.\d+)?")
FUNCTIONS: dict[str, Callable[..., Any]] = {"exp": np.exp, "log": np.log, "tanh": np.tanh, "erf": math.erf}


class Unreadable(Exception):
    """Something in an equation that has no number: a word, a product of matrices, a symbol that is not given."""


@dataclass
class Values:
    """The symbols that have values: ``arrays`` by name, ``functions`` of one number, and indices that are ``computed``
    of others, as the pixel of a window is.

    Symbols that an equation defines are added to ``defined``, with their indices. ``sizes`` are those of the indices of
    the equation that is read, as the arrays have them.
    """

    arrays: Mapping[str, Any]
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    computed: Mapping[str, Callable[[Indices], int]] = field(default_factory=dict)
    defined: dict[str, tuple[str, Value]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)

    def agree(self, equation: str) -> bool:
        """True if the equation could be read; raises AssertionError if its members have different values."""
        self.sizes.clear()
        text, condition, _ = equation.partition(" over all i, j, u, v with ")
        texts = re.split(r" = (?![^\[]*\])", unicodedata.normalize("NFD", text.strip()))
        members = [_Reader(text, self, restricted=bool(condition)) for text in texts]
        values: list[Value] = []
        for member in members:
            try:
                values.append(member.whole())
            except Unreadable:
                continue
        name, indices = members[0].lone_symbol()
        if values and name and name not in self.arrays and name not in self.defined:
            self.defined[name] = indices, values[-1]
        letters = sorted({letter for member in members for letter in member.free})
        if not self.sizes.keys() >= set(letters):
            return False
        try:
            for at in itertools.product(*(range(self.sizes[letter]) for letter in letters)):
                found = [value(dict(zip(letters, at, strict=True))) for value in values]
                for other in found[1:]:
                    np.testing.assert_allclose(other, found[0], rtol=1e-9, atol=1e-12, err_msg=equation)
        except (Unreadable, KeyError):
            return False
        return len(values) > 1

    def fits(self, at: Indices) -> bool:
        """True where the indices that are computed of others are those given."""
        return all(index(at) == at[letter] for letter, index in self.computed.items() if letter in at)

    def index(self, letter: str, at: Indices) -> int:
        """The number that an index stands for."""
        if letter.isdigit():
            return int(letter)
        if letter not in at and letter not in self.computed:
            raise Unreadable(letter)
        return at[letter] if letter in at else self.computed[letter](at)

    def symbol(self, name: str, indices: str) -> Value:
        """The value of a symbol with these letters and digits for its indices."""
        if name in self.arrays:
            array = np.asarray(self.arrays[name])
            if array.ndim != len(indices):
                raise Unreadable(name + indices)
            self.sizes |= {letter: n for letter, n in zip(indices, array.shape, strict=True) if letter.isalpha()}
            return lambda at: array[tuple(self.index(i, at) for i in indices)]
        if name in self.defined:
            names, value = self.defined[name]
            if len(names) != len(indices):
                raise Unreadable(name + indices)
            return lambda at: value({k: self.index(i, at) for k, i in zip(names, indices, strict=True)})
        raise Unreadable(name + indices)


class _Reader:
    """One member of an equation, read from left to right into a function of the indices."""

    def __init__(self, text: str, values: Values, *, restricted: bool) -> None:
        self.text, self.values, self.at = text, values, 0
        self.restricted = restricted
        self.free: set[str] = set()
        self.bound: list[str] = []

    def whole(self) -> Value:
        """The value of the whole member; raises Unreadable."""
        self.at = 0
        value = self._sum()
        if self.at < len(self.text):
            raise Unreadable(self.text[self.at :])
        return value

    def lone_symbol(self) -> tuple[str, str]:
        """The name and indices of a member that is a single symbol, as definitions have it on their left."""
        self.at = 0
        try:
            name, indices = self._quotient() if self._next() == "∂" else self._symbol()
        except Unreadable:
            return "", ""
        return (name, indices) if self.at == len(self.text) else ("", "")

    def _sum(self) -> Value:
        terms: list[tuple[int, Value]] = []
        sign = 1
        while True:
            self._match(re.compile(" "))
            if self._next() in ("+", "−"):
                sign = 1 if self._take() == "+" else -1
                self._match(re.compile(" "))
            terms.append((sign, self._product()))
            if not re.match(" ?[+−]", self.text[self.at :]):
                return lambda at: sum(sign * term(at) for sign, term in terms)

    def _product(self) -> Value:
        factors = [self._fraction()]
        divides = [False]
        while found := re.match(r" ([·⊙/] )?(?![+−=<>≤≥])", self.text[self.at :]):
            self.at += len(found[0])
            factors.append(self._fraction())
            divides.append(found[1] == "/ ")
        return lambda at: math.prod(
            1 / factor(at) if below else factor(at) for factor, below in zip(factors, divides, strict=True)
        )

    def _fraction(self) -> Value:
        value = self._term()
        while self._next() == "/":
            self.at += 1
            value = (lambda above, below: lambda at: above(at) / below(at))(value, self._term())
        return value

    def _term(self) -> Value:
        factors = [self._factor()]
        while self._next() and self._next() not in " )]|/+−,=<>":
            factors.append(self._factor())
        return lambda at: math.prod(factor(at) for factor in factors)

    def _factor(self) -> Value:
        if self._next() == "Σ":
            self.at += 1
            letters = self._indices()
            self.bound += letters
            self._match(re.compile(" "))
            body = self._product()
            self.bound = self.bound[: -len(letters)]
            if not letters or not self.values.sizes.keys() >= set(letters):
                raise Unreadable("a sum without indices")
            ranges = [range(self.values.sizes[letter]) for letter in letters]
            places = [dict(zip(letters, place, strict=True)) for place in itertools.product(*ranges)]
            if self.restricted and {"i", "j", "u", "v"} <= set(letters):
                return lambda at: sum(body(at | place) for place in places if self.values.fits(at | place))
            return lambda at: sum(body(at | place) for place in places)
        base = self._base()
        if exponent := self._match(EXPONENT):
            return self._power(base, unicodedata.normalize("NFKC", exponent).replace("−", "-"))
        if self._next() == "^":
            self.at += 1
            high = self._factor()
            return lambda at: base(at) ** high(at)
        return base

    def _power(self, base: Value, exponent: str) -> Value:
        """A base to an exponent such as 2, -1, x, -x or b-1."""
        parts = re.match(r"(-?)([a-z]?)(-?\d*)$", exponent)
        if parts is None:
            raise Unreadable(exponent)
        sign, number = -1 if parts[1] and parts[2] else 1, int(parts[1] * (not parts[2]) + parts[3] or 0)
        letter = self.values.symbol(parts[2], "") if parts[2] else lambda at: 0
        return lambda at: base(at) ** (sign * letter(at) + number)

    def _base(self) -> Value:
        if self._next() == "(":
            return self._inside(")")
        if self._next() == "|":
            inner = self._inside("|")
            return lambda at: abs(inner(at))
        if self._next() == "½":
            self.at += 1
            return lambda at: 0.5
        if self._next() == "√":
            self.at += 1
            root = self._base()
            return lambda at: root(at) ** 0.5
        if self._next() == "∂":
            return self.values.symbol(*self._quotient())
        if found := re.match(r"1\[(\w) = (\w)\]", self.text[self.at :]):
            self.at += len(found[0])
            self._saw(found[1] + found[2])
            one, other = found[1], found[2]
            return lambda at: float(self.values.index(one, at) == self.values.index(other, at))
        if number := self._match(NUMBER):
            return lambda at: float(number)
        begin = self.at
        name, indices = self._symbol()
        function = (FUNCTIONS | dict(self.values.functions)).get(name)
        if function is None or (name in self.values.arrays and self._next() != "("):
            return self.values.symbol(name, indices)
        exponent = self._match(EXPONENT)
        power = int(unicodedata.normalize("NFKC", exponent)) if exponent else 1
        self._match(re.compile(" "))
        if self.at == begin:
            raise Unreadable(name)
        argument = self._factor()
        return lambda at: function(argument(at)) ** power

    def _quotient(self) -> tuple[str, str]:
        """∂A/∂B, a symbol of its own with the indices of both; ∂L/∂B is dB."""
        self._take()
        above, first = self._symbol()
        if self._take() + self._take() != "/∂":
            raise Unreadable(self.text)
        below, second = self._symbol()
        power = self._match(re.compile("²"))
        return ("d" + below, second) if above == "L" else (f"∂{above}/∂{below}{power}", first + second)

    def _symbol(self) -> tuple[str, str]:
        name = self._match(SYMBOL)
        if name == "σ" and re.match("²", self.text[self.at :]) and "σ²" in self.values.arrays:
            name += self._take()
        if name == "dσ" and self._next() == "²":
            name += self._take()
        return name, self._indices()

    def _indices(self) -> str:
        indices = unicodedata.normalize("NFKC", self._match(SUBSCRIPT)).replace("_", "").replace(",", "")
        self._saw(indices)
        return indices

    def _saw(self, letters: str) -> None:
        known = {*self.bound, *(() if self.restricted else self.values.computed)}
        self.free |= {letter for letter in letters if letter.isalpha() and letter not in known}

    def _inside(self, end: str) -> Value:
        self._take()
        value = self._sum()
        if self._take() != end:
            raise Unreadable(self.text)
        return value

    def _next(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        self.at += 1
        return self.text[self.at - 1 : self.at]

    def _match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        self.at += len(found[0]) if found else 0
        return found[0] if found else ""


def equations_of(source: str) -> list[str]:
    """The equations of a derivation's file, in its lines and between its backquotes, but for conditions."""
    found: list[str] = []
    for line in source.splitlines():
        if line.startswith("    "):
            found += [piece for piece in re.split(" {2,}", line.strip()) if piece != "⇒"]
        else:
            symbols = re.finditer("`([^`]+)`", line)
            found += [symbol[1] for symbol in symbols if not CONDITION.search(line[: symbol.start()])]
    return [piece for piece in found if " = " in piece]
