"""The extension of Sphinx that makes the site of this repository's pages.

The pages are plain Markdown that reads well in the repository too. While Sphinx reads them, it

- takes in what is generated, where a page says ``<!-- generated: NAME -->`` (see ``reference.py``),
- sends links to a file at the root to the page of the site that shows that file,
- renders LaTeX as MathML,
- copies the pages for the browser, ``docs/browser``, as they are.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from site_extension import mathml
from site_extension.reference import PAGES

_TWINS: Final = {
    "RESULTS.md": "all_results.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.md": "index.md",
}
"""Files at the root and the page that shows each."""
BROWSER: Final = Path(__file__).parents[1] / "browser"


def _on_read(app: Sphinx, docname: str, source: list[str]) -> None:
    text = re.sub(r"<!-- generated: (\w+) -->", lambda found: PAGES[found[1]](), source[0])
    up = "../" * docname.count("/")
    for file, page in _TWINS.items():
        text = text.replace(f"]({up}../{file}", f"]({up}{page}")
    source[0] = text


def _on_include(app: Sphinx, relative_path: Path, parent: str, content: list[str]) -> None:
    """Links of a file at the root lead to pages of the site, as seen from the page that includes it."""
    for file, page in _TWINS.items():
        content[0] = content[0].replace(f"]({file}", f"]({page}")
    content[0] = content[0].replace("](docs/", "](")


def _on_finish(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html" and BROWSER.is_dir():
        shutil.copytree(BROWSER, Path(app.outdir, "browser"), dirs_exist_ok=True)


def _outdated(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The pages with generated parts: what these are made of is no file that Sphinx knows."""
    return [
        name for name in env.found_docs if "<!-- generated: " in Path(env.doc2path(name)).read_text(encoding="utf-8")
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the extension to Sphinx."""
    mathml.setup(app)
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _on_read)
    app.connect("include-read", _on_include)
    app.connect("build-finished", _on_finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
