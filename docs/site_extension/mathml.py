"""LaTeX in pages as MathML, which browsers render by themselves: no script, and no address of another host."""

from __future__ import annotations

import re
from typing import Any, Final

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

_REWRITTEN: Final = (
    (re.compile(r"\\([dt]?frac)\s*(\d)(\d)"), r"\\\1{\2}{\3}"),
    (re.compile(r"\\dots\b"), r"\\ldots"),
    (re.compile(r"\\hat\s*(\w)(?=_)"), r"\\hat{\1}{}"),
    (re.compile(r"\\[Bb]igg?([lr]?)(?=[()\[\]])"), ""),
)
"""What docutils does not know, and the same in what it knows: fractions of two digits, dots, an index
behind a hat, and sizes of brackets."""


def mathml(latex: str, *, as_block: bool) -> str:
    """The MathML of a formula. Raises ExtensionError for LaTeX that docutils cannot read."""
    for pattern, other in _REWRITTEN:
        latex = pattern.sub(other, latex)
    try:
        return str(tex2mathml(latex, as_block=as_block))
    except MathError as error:
        raise ExtensionError(f"{error} in the LaTeX {latex!r}") from error


def _inline(translator: Any, node: nodes.Element) -> None:
    translator.body.append(mathml(node.astext(), as_block=False))
    raise nodes.SkipNode


def _block(translator: Any, node: nodes.Element) -> None:
    translator.body.append(f'<div class="math">{mathml(node.astext(), as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
