"""Makes a notebook of each chapter in ``docs/learn``: the same text, programs and outputs, beside its page.

python docs/make_notebooks.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

LEARN = Path(__file__).parent / "learn"
CHAPTERS = sorted(path for path in LEARN.glob("[0-9][0-9]_*.md") if "```python" in path.read_text(encoding="utf-8"))
_PROGRAM = re.compile(r"```python\n(.*?)```(?:\n\n```\n(.*?)```)?", re.DOTALL)
_LINK = re.compile(r"\]\((\d\d_\w+)\.md\)")


def notebook(page: str) -> dict[str, Any]:
    """The content of a notebook: a code cell for each program, with the output below it, and text cells between them.

    Links to other chapters lead to their notebooks.
    """
    cells, end = list[dict[str, Any]](), 0
    for found in _PROGRAM.finditer(page):
        cells += [_text(page[end : found.start()]), _code(found[1], found[2] or "")]
        end = found.end()
    cells.append(_text(page[end:]))
    kept = [cell for cell in cells if cell["source"]]
    for number, cell in enumerate(kept):
        cell["id"] = f"cell-{number}"
    language = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": language, "language_info": {"name": "python"}}
    return {"cells": kept, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def notebook_text(page: str) -> str:
    """The file of a notebook."""
    return json.dumps(notebook(page), indent=1, ensure_ascii=False) + "\n"


def _lines(text: str) -> list[str]:
    return text.strip("\n").splitlines(keepends=True)


def _text(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _lines(_LINK.sub(r"](\1.ipynb)", text))}


def _code(program: str, output: str) -> dict[str, Any]:
    shown = [{"name": "stdout", "output_type": "stream", "text": output.splitlines(keepends=True)}] if output else []
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": shown,
        "source": _lines(program),
    }


def main() -> None:
    """Write the notebooks."""
    for path in CHAPTERS:
        path.with_suffix(".ipynb").write_text(notebook_text(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
