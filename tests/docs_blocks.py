"""The Python blocks of a page of the documentation, and what it says that they print."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md") if "```python" in path.read_text(encoding="utf-8"))
"""The pages with programs."""


def blocks_of(page: Path) -> list[tuple[str, str | None]]:
    """The programs of a page in order, each with the block of output below it, or None."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", text, re.DOTALL | re.MULTILINE)


def needs(program: str, library: str) -> bool:
    """Whether a program imports a library."""
    return re.search(rf"^(?:import|from) {library}\b", program, re.MULTILINE) is not None


def run_page(page: Path, without: str = "") -> None:
    """Run the programs of a page in order, as one would type them, in the current directory.

    What a program prints must be what stands below it, if anything does. Those that import the library ``without``
    are left out.
    """
    names: dict[str, object] = {"__name__": "__main__"}
    for program, expected in blocks_of(page):
        if without and needs(program, without):
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(program, f"{page.name}: {program.splitlines()[0]}", "exec"), names)
        if expected:
            assert said.getvalue() == expected, program
