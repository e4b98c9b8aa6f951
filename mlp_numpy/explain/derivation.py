"""Derivations: from the index form of a formula's forward by the chain rule to the vector form of its backward.

The text of the formula NAME is ``derivations/NAME.txt``. Lines indented by four spaces are equations in the notation of
``latex_of``; the others are sentences, whose symbols stand between backquotes. ``include NAME`` inserts another file.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from mlp_numpy.errors import unknown_name
from mlp_numpy.explain.formulas import FORMULAS
from mlp_numpy.explain.latex import aligned_row, latex_of

_INDENT: Final = "    "
_ARROW: Final = re.compile("⇒ +")
_GAPS: Final = re.compile(" {2,}")
_LONG: Final = 80
_SYMBOLS: Final = re.compile("`([^`]+)`")


@dataclass(frozen=True)
class Derivation:
    """The derivation of a formula's backward, where dA stands for ∂L/∂A, the gradient of the loss L.

    name     the formula
    text     plain text with Unicode: sentences, and equations indented by four spaces
    latex    the same as LaTeX: sentences, and displays of ``aligned`` rows, which need amsmath, MathJax or KaTeX
    """

    name: str
    text: str
    latex: str


def derivation(name: str) -> Derivation:
    """The derivation of the formula ``name``. Raises OptionError for an unknown name, with the closest match."""
    if name not in FORMULAS:
        raise unknown_name("formula", name, FORMULAS)
    lines = _lines_of(name)
    blocks = itertools.groupby(lines, lambda line: line.startswith(_INDENT))
    latex = "\n".join(_display(block) if equations else _sentences(block) for equations, block in blocks)
    return Derivation(name, _SYMBOLS.sub(r"\1", "\n".join(lines)), latex)


@cache
def _lines_of(name: str) -> tuple[str, ...]:
    source = resources.files("mlp_numpy.explain").joinpath("derivations", f"{name}.txt").read_text(encoding="utf-8")
    lines: list[str] = []
    for line in source.splitlines():
        word, _, other = line.partition(" ")
        lines += _lines_of(other) if word == "include" else [line]
    return tuple(lines)


def _display(lines: Iterable[str]) -> str:
    rows = " \\\\\n".join(aligned_row(row) for line in lines for row in _rows_of(line.strip()))
    return f"\\[\n\\begin{{aligned}}\n{rows}\n\\end{{aligned}}\n\\]"


def _rows_of(line: str) -> list[str]:
    """A line as one row, or, if it is long, as one row for each of its equations."""
    return _GAPS.split(_ARROW.sub("⇒ ", line)) if len(line) > _LONG else [line]


def _sentences(lines: Iterable[str]) -> str:
    return _SYMBOLS.sub(lambda found: f"${latex_of(found[1])}$", "\n".join(lines))
