"""Docstrings of this library as Markdown: paragraphs, equation blocks, and aligned lists of arguments.

The library's docstrings are plain text with a fixed layout, not reStructuredText:

    a paragraph with ``names`` and **emphasis**

    name   what it is, in one or more lines
           that are aligned

    Forward     a labelled block of equations; an indented block is one too
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Final

LABELS: Final = ("Forward", "Backward", "Shapes", "Caches", "Kinks", "Reference", "Factor", "Better", "Shards")
"""The words that a block of equations begins with."""
_ENTRY: Final = re.compile(r"(\S.*?)(?: {2,})(\S.*)")
_NAME: Final = re.compile(r"``(\w+)(?:\(\))?``|(?<![\w`./\[\"-])([A-Z]\w*[a-z]\w*)(?![\w`(\]\"])")


def plain_doc(thing: Any) -> str:
    """The docstring of a thing without its indentation; empty for none."""
    return inspect.cleandoc(thing.__doc__ or "")


def equations(text: str) -> str:
    """A block of text as it stands, set as equations."""
    return f"```{{code-block}} text\n:class: equations\n\n{text.rstrip()}\n```"


def to_markdown(text: str, links: Callable[[str], str | None] = lambda name: None) -> str:
    """A docstring as Markdown. ``links`` gives the target of a name that has an entry of its own, or None."""
    return "\n\n".join(_block(block, links) for block in re.split(r"\n\s*\n", text.strip("\n")) if block.strip())


def sections(text: str) -> dict[str, str]:
    """The parts of a formula's docstring by their labels, continuation lines included."""
    found: dict[str, list[str]] = {}
    label = ""
    for line in text.splitlines():
        first = line.split(" ", 1)[0]
        if first in LABELS:
            label, line = first, line[len(first) :]
        if label:
            found.setdefault(label, []).append(line.strip())
    return {name: "\n".join(lines) for name, lines in found.items()}


def _block(block: str, links: Callable[[str], str | None]) -> str:
    lines = block.splitlines()
    if all(line.startswith("    ") for line in lines):
        return equations(inspect.cleandoc("\n" + block))
    if lines[0].split(" ", 1)[0] in LABELS:
        return equations(block)
    entries = _entries(lines)
    if entries:
        return "\n\n".join(f"{_names(name)}\n: {_inline(' '.join(words), links)}" for name, words in entries)
    return _inline(" ".join(line.strip() for line in lines), links)


def _entries(lines: list[str]) -> list[tuple[str, list[str]]]:
    """The names and words of an aligned list; empty if the lines are a paragraph."""
    first = _ENTRY.fullmatch(lines[0])
    if first is None:
        return []
    column = first.start(2)
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        name, words = line[:column], line[column:]
        if name.strip() and name.endswith(" "):
            found.append((name.strip(), [words]))
        elif not name.strip() and found:
            found[-1][1].append(words.strip())
        else:
            return []
    return found


def _names(names: str) -> str:
    return ", ".join(f"`{name}`" for name in names.split(", "))


def _inline(text: str, links: Callable[[str], str | None]) -> str:
    """A paragraph: names that have an entry become links, what Markdown would take for markup is escaped."""
    pieces = re.split(r"(``.*?``)", text)
    return "".join(_linked(piece, links) if piece else "" for piece in pieces)


def _linked(piece: str, links: Callable[[str], str | None]) -> str:
    if piece.startswith("``"):
        target = links(piece.strip("`").removesuffix("()"))
        return f"[`{piece.strip('`')}`](#{target})" if target else piece
    escaped = re.sub(r"(?<!\*)\*(?!\*)|[_<>|\[\]]", lambda found: "\\" + found[0], piece)
    return _NAME.sub(lambda found: _link(found, links), escaped)


def _link(found: re.Match[str], links: Callable[[str], str | None]) -> str:
    name = found[2] or found[1]
    target = links(name)
    return f"[`{name}`](#{target})" if target else found[0]
